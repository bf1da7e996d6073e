"""`zeven forget`: erasing one person, and what is left for the user to do.

Belongs here: which of the options is given, reading an address from stdin, and how the answer looks. Does not
belong here: the erasure itself (`orchestration/erasure`).
"""

from __future__ import annotations

import logging
import sys
from dataclasses import asdict
from typing import Any

from orchestration.console import Progress, results, stdout_kept_clean
from orchestration.errors import SettingsError
from orchestration.progress import reporting_to
from orchestration.settings import Settings

_LONGEST_ADDRESS = 1000


def forget(
    settings: Settings,
    *,
    lead: str | None,
    email: bool,
    email_hash: str | None,
    account: str | None,
    reason: str | None,
    anyway: bool,
    wait: bool,
) -> dict[str, Any]:
    """Forget whoever the one given option names. Raises what the erasure raises."""
    given = [lead is not None, email, email_hash is not None, account is not None]
    if sum(given) != 1 or "" in (lead, account):
        raise SettingsError(
            "Say whom to forget, with one of --lead ID, --email (the address comes from stdin), "
            "--email-hash HASH or --account ID."
        )
    # without any handler, Python writes what libraries log to the terminal, into the progress
    logging.getLogger().addHandler(logging.NullHandler())
    address = _address() if email else None
    with stdout_kept_clean(), Progress() as progress, reporting_to(progress):
        from orchestration.erasure.forget import DEFAULT_REASON, Asked
        from orchestration.erasure.forget import forget as erase

        asked = Asked(lead, account, email_hash, address, reason or DEFAULT_REASON, anyway)
        done = erase(settings, asked, wait_seconds=None if wait else 0)
    rows = {
        table: {"removed": removed, "cleared": cleared} for table, (removed, cleared) in done.rows.items()
    }
    return {**asdict(done), "rows": rows}


def _address() -> str:
    if sys.stdin.isatty():
        results().print("The e-mail address, then Enter:")
    return sys.stdin.readline(_LONGEST_ADDRESS).strip()


def show(payload: dict[str, Any]) -> None:
    """What was done, line by line, and what is left to do."""
    lines = [_HEADS[payload["outcome"]].format(**payload)]
    for table, rows in payload["rows"].items():
        parts = [f"{rows['removed']:,} rows removed"] if rows["removed"] else []
        parts += [f"{rows['cleared']:,} rows kept without the person"] if rows["cleared"] else []
        lines.append(f"  {table}: {', '.join(parts)}")
    if payload["release"]:
        lines.append(f"Release {payload['release']} is published without the person.")
    expired = payload["expired"]
    for release in expired["removed"]:
        why = "could not be looked into" if release in expired["unreadable"] else "held the person"
        pinned = ", although it was pinned" if release in expired["pinned"] else ""
        lines.append(f"Release {release} {why} and is removed{pinned}.")
    if payload["traces"]:
        lines.append(f"Logs and run history: {payload['traces']} files named the person and no longer do.")
    lines += ["", "What is left for you to do:", *(f"  {sentence}" for sentence in payload["to_do"])]
    for line in lines:
        results().print(line, markup=False, soft_wrap=True)


_HEADS = {
    "forgotten": "The person is forgotten; a tombstone keeps it out of later loads.",
    "finished": "The erasure is finished; the person was buried at {since}.",
    "already": "The person was forgotten at {since}, and nothing of it is here.",
    "for the future": "The person is not known here; a tombstone keeps it out of later loads.",
}
