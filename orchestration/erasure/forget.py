"""Erasing a person, in an order in which it can be killed at any point and be run again.

Belongs here: the order, the refusals, and what the user is told to do. Does not belong here: each step.

1. A note says what is to be found (`note.py`). 2. Tombstones and removal are one transaction. 3. The
tombstones are written beside the warehouse. 4. The warehouse's file is written anew. 5. A release without the
person is built and serves. 6. Older releases that hold the person are removed. 7. Traces in logs and in
Dagster's history are taken out. 8. The note goes. Each step may be done twice; a run that finds a note
finishes that work too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import duckdb

from orchestration import run_record
from orchestration.erasure import crm_people, note, people
from orchestration.erasure.old_releases import Expired, expire, holds
from orchestration.erasure.people import Person
from orchestration.erasure.traces import Texts, take_out
from orchestration.erasure.warehouse_file import clear_scratch, remove, write_anew
from orchestration.errors import SettingsError, ZevenError
from orchestration.ingest import tombstones
from orchestration.ingest.export_format import RAW_SCHEMA
from orchestration.ingest.forgotten_rows import files_about
from orchestration.ingest.registry import KINDS, used
from orchestration.ingest.source_kind import SourceKind
from orchestration.instance import VARIABLE
from orchestration.publish.store import Store
from orchestration.settings import Settings
from orchestration.spark.folders import remove_files
from orchestration.warehouse import COMMAND_LINE, Warehouse, writer_lock

STEPS = ("noted", "removed", "buried", "rewritten", "published", "expired", "cleaned", "finished")
"""What `forget` goes through; it may be killed after each."""
DAGSTER_FOLDERS = ("history", "schedules", "storage", "logs")
"""What Dagster writes into a home of its own; other files there are not ours to remove."""
DEFAULT_REASON = "asked to be forgotten"
_HASH = re.compile(r"^[0-9a-f]{64}$")

Rebuild = Callable[[Settings], str]
"""Builds and publishes; the id of the release that serves then."""


@dataclass(frozen=True)
class Forgotten:
    """What was done. `rows` are (removed, cleared) per raw table.

    `outcome` is `finished` where nothing was left but an earlier erasure's work; `release` is the one that
    was published without the person.
    """

    outcome: Literal["forgotten", "finished", "already", "for the future"]
    since: str
    leads: int
    rows: dict[str, tuple[int, int]]
    release: str | None
    expired: Expired
    traces: int
    to_do: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """Whom to forget, one of: a lead's id, an account's id (its name and free text), an e-mail address, the
    hash of one. `anyway` buries also who is not found."""

    lead: str | None = None
    account: str | None = None
    email_hash: str | None = None
    email: str | None = None
    reason: str = DEFAULT_REASON
    anyway: bool = False


def forget(
    settings: Settings,
    asked: Asked,
    *,
    wait_seconds: float | None = None,
    rebuild: Rebuild | None = None,
    after: Callable[[str], None] = lambda step: None,
) -> Forgotten:
    """Forget a person, under the writer lock; `after` is told each of `STEPS` when it is done.

    Raises `SettingsError` for a person that is not found, `BusyError` while another run is at work, and what
    the pipeline raises where no release without the person could be published: the person is gone from the
    warehouse then, and the same command finishes the rest when the cause is mended.
    """
    _refuse(asked)
    with writer_lock(settings, who=COMMAND_LINE, wait_seconds=wait_seconds):
        warehouse = Warehouse(settings, wait_seconds)
        unfinished = note.read(settings)
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        with warehouse.connect() as con:
            for kind in _kinds(con, settings):
                kind.prepare(con)
            run_record.prepare(con)
            buried = tombstones.read(con, warehouse.folder)
            person, is_known = _find(con, settings, asked)
            own = person.tombstones(now, asked.reason)
            earlier = {tombstone.key: tombstone for tombstone in buried}
            since = min((earlier[one.key].forgotten_at for one in own if one.key in earlier), default="")
            if not is_known and not since and not asked.anyway and not _in_a_release(settings, person):
                raise SettingsError(_not_found(asked, unfinished))
            people.complete(con, person)
            spared = sorted(people.accounts_of(con, person) - person.accounts)
            own = person.tombstones(now, asked.reason)
            person.files |= {
                _file(settings, source, file)
                for source, file in files_about(con, person.rules())
                # a database is no file that the user could change
                if source in settings.file_sources or source not in settings.sources
            }
            was_unfinished = unfinished != Person()
            leads = len(person.leads)
            person.add(unfinished)
            note.write(settings, person)
            after("noted")
            rows = remove(con, [*buried, *own, *person.tombstones(now, asked.reason)])
            after("removed")
            tombstones.write_file(warehouse.folder, tombstones.read(con, warehouse.folder))
            after("buried")
        changed = bool(rows) or was_unfinished or _in_a_release(settings, person)
        if changed:
            clear_scratch(warehouse)
            write_anew(warehouse)
            remove_files(settings)
        after("rewritten")
        # one that was killed after publishing need not publish again
        is_stale = bool(rows) or _is_served(settings, person)
        release, failure = _publish(settings, rebuild or _run) if is_stale else (None, None)
        after("published")
        expired = expire(settings, person)
        after("expired")
        traces = _clean(settings, warehouse, Texts(person.looked_for()))
        after("cleaned")
        if failure is not None:
            raise _unpublished(failure, expired) from failure
        if expired.serving is not None:
            raise ZevenError(
                f"Release {expired.serving} serves and still holds the person, so that the erasure is not "
                "finished; roll forward with `zeven run --force`, then run the same command again."
            )
        note.remove(settings)
        after("finished")
    return Forgotten(
        outcome=_outcome(rows=bool(rows), known=is_known, since=since, changed=changed),
        since=since or now,
        leads=leads,
        rows=rows,
        release=release,
        expired=expired,
        traces=traces,
        to_do=_to_do(settings, person, spared),
    )


def _refuse(asked: Asked) -> None:
    if asked.email_hash is not None and not _HASH.match(asked.email_hash):
        raise SettingsError(
            "--email-hash: expected the SHA-256 of the address (in small letters, without blanks around it) "
            "as 64 small hexadecimal digits."
        )
    if asked.email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+", asked.email.strip()):
        raise SettingsError("--email: expected one e-mail address on stdin, and nothing else.")
    if "@" in asked.reason:
        raise SettingsError(
            "--reason: is kept with the tombstone, so no address may stand in it; write another."
        )


def _find(con: duckdb.DuckDBPyConnection, settings: Settings, asked: Asked) -> tuple[Person, bool]:
    """The person as asked for, and whether anything in raw is known of it."""
    given, made = (asked.lead, _lead) if asked.lead is not None else (asked.account, _account)
    if given is None:
        person = Person(emails={asked.email_hash or tombstones.hash_of_email(asked.email or "")})
        if asked.email is not None:
            person.addresses = {asked.email.strip().lower()}
        return person, _is_known(con, person)
    possible = [made(one) for one in people.candidates(settings, given)]
    known = [person for person in possible if _is_known(con, person)]
    buried = {tombstone.key for tombstone in tombstones.read(con, settings.paths.warehouse)}
    found = known or [person for person in possible if person.tombstones("", "")[0].key in buried]
    if len(found) > 1:
        ids = ", ".join(sorted(one for person in found for one in person.leads | person.accounts))
        raise SettingsError(f"The id stands in several sources; write it with its source, one of: {ids}.")
    if not found and len(possible) > 1 and not _names_a_source(settings, given):
        example = next(iter(settings.sources))
        raise SettingsError(
            f"No source has that id; write it with its source in front, such as {example}:ID."
        )
    return (found or possible)[0], bool(known)


def _kinds(con: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[SourceKind]:
    """Those whose raw tables are there or will be; those of the export files are asked in any case."""
    query = "select schema_name from duckdb_schemas() where database_name = current_database()"
    present = {schema for (schema,) in con.execute(query).fetchall()} | {RAW_SCHEMA}
    for name, kind in KINDS.items():
        if name in used(settings) or f"raw_{kind.CRM}" in present:
            yield kind


def _is_known(con: duckdb.DuckDBPyConnection, person: Person) -> bool:
    rules = person.rules()
    return bool(files_about(con, rules)) or crm_people.is_known(con, rules)


def _lead(published: str) -> Person:
    return Person(leads={published})


def _account(published: str) -> Person:
    return Person(accounts={published})


def _names_a_source(settings: Settings, given: str) -> bool:
    return given.partition(":")[0] in settings.sources


def _file(settings: Settings, source: str, file: str) -> str:
    """Where the user finds it; a source that is no longer in the settings is only named."""
    return (
        str(settings.file_sources[source].folder / file)
        if source in settings.file_sources
        else f"{source}: {file}"
    )


def _in_a_release(settings: Settings, person: Person) -> bool:
    store = Store.of(settings)
    return any(holds(store.releases / release, person) for release in store.release_ids())


def _is_served(settings: Settings, person: Person) -> bool:
    store = Store.of(settings)
    serving = store.current_id()
    return serving is not None and holds(store.releases / serving, person) is not False


def _not_found(asked: Asked, unfinished: Person) -> str:
    what = "lead" if asked.lead is not None else "account" if asked.account is not None else "e-mail address"
    pending = "" if unfinished == Person() else " An earlier erasure is not finished: run that command again."
    return (
        f"There is no such {what}, in raw, in quarantine or in a release, and nothing was removed. Check it, "
        f"or add --anyway to keep the person out should a later export bring it.{pending}"
    )


def _publish(settings: Settings, rebuild: Rebuild) -> tuple[str | None, ZevenError | None]:
    """The release without the person; nothing is built where nothing was ever published."""
    if Store.of(settings).current_id() is None:
        return None, None
    try:
        return rebuild(settings), None
    except ZevenError as error:
        return None, error


def _run(settings: Settings) -> str:
    from orchestration.run import run_pipeline

    return run_pipeline(settings, force=True).release.release_id


def _unpublished(failure: ZevenError, expired: Expired) -> ZevenError:
    serves = (
        f"release {expired.serving} still holds it and serves" if expired.serving else "no release holds it"
    )
    return type(failure)(
        f"The person is gone from the warehouse, but no new release could be published; {serves}. Mend what "
        f"follows, then run the same command again to finish.\n{failure}"
    )


def _clean(settings: Settings, warehouse: Warehouse, texts: Texts) -> int:
    """Take the texts out of whatever else we write; how many files held one."""
    store = Store.of(settings)
    kept = [note.file_of(settings), warehouse.folder / tombstones.FILE, warehouse.file]
    elsewhere = os.environ.get(VARIABLE)
    folders = [warehouse.folder]
    if elsewhere:
        folders += [Path(elsewhere) / name for name in DAGSTER_FOLDERS]
    found = sum(take_out(folder, texts, spared=kept) for folder in folders)
    if store.last_failure.exists() and texts and texts.stand_in(store.last_failure.read_text("utf-8")):
        store.last_failure.unlink()
        found += 1
    return found


def _outcome(
    *, rows: bool, known: bool, since: str, changed: bool
) -> Literal["forgotten", "finished", "already", "for the future"]:
    if rows or known:
        return "forgotten"
    if changed:
        return "finished"
    return "already" if since else "for the future"


def _to_do(settings: Settings, person: Person, spared: list[str]) -> tuple[str, ...]:
    """What only the user can do, one sentence each."""
    sources = ", ".join(sorted({str(source.folder) for source in settings.file_sources.values()}))
    found = [
        f"Remove the person from {file}: the file still holds it, and only the tombstone keeps it out here."
        for file in sorted(person.files)
    ]
    if sources and not found:
        found.append(
            f"Look whether an export in {sources} holds the person: these files are yours to change."
        )
    if sources:
        found.append("Remove the person in the CRM, so that the next export is without.")
    asked = [name for name, source in settings.sources.items() if name not in settings.file_sources]
    if asked:
        found.append(
            f"Remove the person in the CRM of {', '.join(asked)}: only the tombstone keeps out here what the "
            "CRM still answers."
        )
    found.append(
        f"Remove the person from backups and copies of {settings.paths.warehouse} and of "
        f"{settings.paths.published}, or let them expire; so from downloaded CSV files and from BI tools."
    )
    found.append(
        "Reload pages, and restart BI tools and DuckDB clients that have an older release open: until then "
        "they go on reading it."
    )
    if spared:
        found.append(
            f"The account keeps its name: {', '.join(spared)}. Where it is the person (a consumer, a one-man "
            "business), run `zeven forget --account` with that id too."
        )
    return tuple(found)
