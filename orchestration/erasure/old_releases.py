"""Which releases still hold a person, and taking those away.

Belongs here: looking into finished releases. Does not belong here: how a release is removed (`catalogue.py`).
"""

# ruff: noqa: S608 -- names come from the release's own catalogue and are quoted

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.erasure.people import Person
from orchestration.erasure.traces import Texts
from orchestration.publish.catalogue import remove_locked
from orchestration.publish.manifest import DATABASE, MANIFEST
from orchestration.publish.store import Store, explaining
from orchestration.settings import Settings
from orchestration.sql_text import identifier, literal

_IDS_OF_OTHERS = re.compile(r"\b(?!lead|contact)\w+_id=[^\s,;\"]+")
"""The id of a deal, a rep, a product, as a failing rule names its first row."""


@dataclass(frozen=True)
class Expired:
    """`removed` are release ids, newest first; `pinned` those of them that were pinned; `unreadable` those of
    them that could not be looked into; `serving` is the release that serves where that one holds the person.
    """

    removed: tuple[str, ...]
    pinned: tuple[str, ...]
    unreadable: tuple[str, ...]
    serving: str | None


def holds(folder: Path, person: Person) -> bool | None:
    """Whether the release in `folder` holds an id, address or name of the person; None if nobody can tell."""
    try:
        manifest = _IDS_OF_OTHERS.sub("", (folder / MANIFEST).read_text("utf-8"))
        if Texts(person.published_ids() | person.addresses).stand_in(manifest):
            return True
        with duckdb.connect(":memory:") as con:
            con.execute(f"attach {literal(folder / DATABASE)} as release (read_only)")
            columns = con.execute(
                "select table_name, column_name from duckdb_columns() "
                "where database_name = 'release' and data_type = 'VARCHAR'"
            ).fetchall()
            return any(_stands_in(con, table, column, person) for table, column in columns)
    except (OSError, ValueError, duckdb.Error):
        return None


def expire(settings: Settings, person: Person) -> Expired:
    """Remove every release that holds the person, kept or pinned, but never the one that serves."""
    store = Store.of(settings)
    if not store.releases.is_dir():
        return Expired((), (), (), None)
    with explaining(store), store.locked():
        store.sweep()
        found = {release: holds(store.releases / release, person) for release in store.release_ids()}
        serving = store.current_id()
        doomed = [
            release for release, verdict in found.items() if verdict is not False and release != serving
        ]
        pinned = [release for release in doomed if (store.pins / release).exists()]
        remove_locked(store, doomed)
        for release in pinned:
            (store.pins / release).unlink(missing_ok=True)
    return Expired(
        tuple(doomed),
        tuple(pinned),
        tuple(release for release in doomed if found[release] is None),
        serving if serving is not None and found.get(serving) else None,
    )


def _stands_in(con: duckdb.DuckDBPyConnection, table: str, column: str, person: Person) -> bool:
    name = identifier(column)
    # CRMs that count give a deal, an account and a contact the same number
    ids = person.leads if column == "lead_id" else set() if column.endswith("_id") else person.published_ids()
    ids = person.published_ids() if "contact" in column else ids
    whole = sorted(ids | person.names)
    parts = sorted(person.addresses)
    found = " or ".join([f"{name} in (select unnest(?))", *(f"contains(lower({name}), ?)" for _ in parts)])
    query = f"select 1 from release.main.{identifier(table)} where {found} limit 1"
    return bool(con.execute(query, [whole, *parts]).fetchall())
