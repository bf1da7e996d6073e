"""The last gate before a switch: the candidate against the release that serves, and letting findings through.

Belongs here: opening the two beside each other, refusing, and the record of who accepted what. Does not
belong here: the comparisons and their sentences (`checks/sanity.py`), or the audit, of which nothing can be
let through.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from orchestration.checks import sanity
from orchestration.checks.sanity import Finding
from orchestration.errors import GateError, SettingsError, ZevenError
from orchestration.publish.manifest import DATABASE, instant, parse_instant, read_manifest
from orchestration.settings import Settings
from orchestration.sql_text import literal

SHOWN_MESSAGES = 5
LONGEST_REASON = 500
_NEW, _OLD = "zeven_new", "zeven_last"


class SanityError(GateError):
    """The candidate is hardly true; `findings` are those that block it."""

    def __init__(self, message: str, findings: Sequence[Finding]) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


@dataclass(frozen=True)
class Comparison:
    """What came of it. `skipped` says what was not compared and why; `accepted` who let findings through."""

    compared_with: str | None
    findings: tuple[Finding, ...] = ()
    skipped: tuple[str, ...] = ()
    accepted: Mapping[str, Any] | None = field(default=None)

    def to_json(self) -> dict[str, Any]:
        """As the manifest keeps it."""
        return {
            "compared_with": self.compared_with,
            "skipped": list(self.skipped),
            "findings": [finding.to_json() for finding in self.findings],
            "accepted": dict(self.accepted) if self.accepted else None,
        }

    def warnings(self) -> list[dict[str, Any]]:
        """Findings that are published, and comparisons that were not made, as warnings of the release."""
        by = f"Accepted by {self.accepted['by']} ({self.accepted['reason']}): " if self.accepted else ""
        return [
            {
                "kind": "sanity",
                "check": finding.check,
                "message": (by if finding.severity == "block" else "") + finding.message,
            }
            for finding in self.findings
        ] + [{"kind": "sanity", "check": "skipped", "message": sentence} for sentence in self.skipped]


def reason_given(text: str | None) -> str | None:
    """The reason for accepting, on one line; None where nobody gave one. `SettingsError` for an empty one."""
    if text is None:
        return None
    reason = " ".join(text.split())
    if not reason or len(reason) > LONGEST_REASON:
        raise SettingsError(
            f"--accept: the reason {'is empty' if not reason else f'has {len(reason):,} characters'}; say in "
            f"a sentence of at most {LONGEST_REASON} why the findings are right, it is kept with the release."
        )
    return reason


def pass_sanity(
    settings: Settings,
    *,
    candidate: Path,
    last: Path | None,
    as_of: datetime,
    accept: str | None,
    limits: Mapping[str, Any],
) -> Comparison:
    """Compare the database `candidate` with the release in the folder `last`; without one, it passes.

    Raises `SanityError` for findings that block, unless `accept` gives a reason for them; `limits` are those
    of the connection that compares.
    """
    reason = reason_given(accept)
    if last is None:
        return Comparison(None)
    try:
        last_as_of = parse_instant(read_manifest(last)["as_of"])
        con = _opened(candidate, last, limits)
    except (ZevenError, duckdb.Error, KeyError, ValueError, TypeError):
        # what serves is damaged: a new release is the remedy, and must not wait for it
        unread = f"Release {last.name}, which served, cannot be read: nothing was compared with it."
        return Comparison(None, skipped=(unread,))
    with con:
        found, skipped = _compared(con, settings, last.name, as_of, last_as_of)
    blocking = [finding for finding in found if finding.severity == "block"]
    if blocking and reason is None:
        raise SanityError(_refusal(blocking, last.name), blocking)
    accepted = None
    if blocking:
        accepted = {
            "by": _user(),
            "at": instant(datetime.now(UTC)),
            "reason": reason,
            "findings": [finding.to_json() for finding in blocking],
        }
    return Comparison(last.name, tuple(found), tuple(skipped), accepted)


def _opened(candidate: Path, last: Path, limits: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(":memory:", config=dict(limits))
    try:
        con.execute(f"attach {literal(candidate)} as {_NEW} (read_only)")
        con.execute(f"attach {literal(last / DATABASE)} as {_OLD} (read_only)")
    except BaseException:
        con.close()
        raise
    return con


def _compared(
    con: duckdb.DuckDBPyConnection, settings: Settings, last: str, as_of: datetime, last_as_of: datetime
) -> tuple[list[Finding], list[str]]:
    """The findings, and a sentence for every comparison that was not made."""
    limits, until, last_until = settings.sanity, _day(settings, as_of), _day(settings, last_as_of)
    comparisons: dict[str, Callable[[], list[Finding]]] = {
        "rows of the sources": lambda: sanity.source_rows(con, limits, new=_NEW, old=_OLD),
        "closed sales": lambda: sanity.closed_sales(con, limits, new=_NEW, old=_OLD, until=until),
        "empty columns": lambda: sanity.nulls(con, limits, new=_NEW, old=_OLD),
        "headlines": lambda: sanity.history(
            con, limits, new=_NEW, old=_OLD, until=until, old_until=last_until
        ),
    }
    found: list[Finding] = []
    skipped: list[str] = []
    if as_of < last_as_of:
        comparisons = {"closed sales": comparisons["closed sales"]}
        skipped.append(
            f"Release {last} describes a later instant ({instant(last_as_of)}): only the closed sales of "
            "months that are complete in both were compared with it."
        )
    for name, compare in comparisons.items():
        try:
            found += compare()
        except duckdb.Error as error:  # tables of other types than ours: the reason alone, no value of a row
            skipped.append(f"Release {last} cannot be compared ({name}: {type(error).__name__}).")
    return found, skipped


def _day(settings: Settings, moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(settings.company.time_zone)).date()


def _refusal(blocking: Sequence[Finding], last: str) -> str:
    many = f"{len(blocking)} findings are" if len(blocking) > 1 else "a finding is"
    lines = [f"Nothing was published, {many} hardly true beside release {last}, which still serves."]
    lines += [f"  {finding.message}" for finding in blocking[:SHOWN_MESSAGES]]
    if len(blocking) > SHOWN_MESSAGES:
        lines.append(f"  and {len(blocking) - SHOWN_MESSAGES} more")
    them = "they are" if len(blocking) > 1 else "it is"
    lines.append(
        f'  If {them} right after all: zeven run --accept "why". The limits: [sanity] of the settings.'
    )
    return "\n".join(lines)


def _user() -> str:
    """The name of the operating system's user: an environment variable could say whatever it likes."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without an entry
        return f"uid {os.getuid()}"
