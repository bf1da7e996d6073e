"""The two releases of a comparison, as far as a comparison needs to know them.

Belongs here: what a side is, which tables and columns it has, and notes on what cannot be compared. Does not
belong here: what is compared (`numbers.py`) and how (`compare.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from orchestration.patches import Changed
from orchestration.publish.manifest import parse_instant, read_manifest
from orchestration.sql_text import identifier


@dataclass(frozen=True)
class Side:
    """A release whose database is attached as `alias`.

    `hashes` are those of its tables' Parquet files: equal ones hold the same rows, so nothing is read.
    `definitions` are the lines of the changelog's table of changed definitions that its code knew, `run_id`
    is the run that published it.
    """

    alias: str
    release_id: str
    as_of: datetime
    time_zone: str
    currency: str
    code_version: str
    contract_hash: str
    hashes: Mapping[str, str]
    definitions: Sequence[str] | None = None
    run_id: str = ""

    @property
    def today(self) -> date:
        """The local day of `as_of`; a period that ended before it is closed."""
        return self.as_of.astimezone(ZoneInfo(self.time_zone)).date()

    def table(self, name: str) -> str:
        return f"{identifier(self.alias)}.main.{identifier(name)}"


def side_of(folder: Path, alias: str) -> Side:
    """What the manifest of the release in `folder` says of it; `ZevenError` if it is gone or damaged."""
    manifest = read_manifest(folder)
    try:
        company = manifest["company"]
        return Side(
            alias=alias,
            release_id=manifest["release_id"],
            as_of=parse_instant(manifest["as_of"]),
            time_zone=company["time_zone"],
            currency=company["currency"],
            code_version=manifest["code_version"],
            contract_hash=manifest["contract_hash"],
            hashes={name: table["sha256"] for name, table in manifest["tables"].items()},
            definitions=manifest.get("definitions"),
            run_id=manifest.get("run_id", ""),
        )
    except (KeyError, TypeError, ValueError) as error:
        from orchestration.errors import ZevenError

        raise ZevenError(
            f"{folder}: release {folder.name} is damaged, its manifest lacks {error}; choose another."
        ) from None


@dataclass
class Comparison:
    """Two releases, the later one second, what differs in their making, and what could not be compared."""

    con: duckdb.DuckDBPyConnection
    before: Side
    after: Side
    withheld: frozenset[str] = frozenset()
    """SHA-256 of the ids of forgotten records: they count, and are not named."""
    changed: Mapping[str, Changed] = field(default_factory=dict)
    """The rows by which tables of the two differ, where that is known: what else they have is the same."""
    notes: list[str] = field(default_factory=list)
    _columns: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.before, self.after

    @property
    def closed_before(self) -> date:
        """Periods that end before this day are closed in both."""
        return min(side.today for side in self.sides)

    @property
    def same_currency(self) -> bool:
        return self.before.currency == self.after.currency

    @property
    def code_differs(self) -> bool:
        """Whether the same records may have come to other numbers."""
        return (
            self.before.code_version != self.after.code_version
            or self.before.contract_hash != self.after.contract_hash
            or self.before.definitions != self.after.definitions
        )

    def new_definitions(self) -> list[str]:
        """Changed definitions that the one knew and the other did not."""
        known = [side.definitions for side in self.sides]
        if known[0] is None or known[1] is None:
            return []
        first, second = set(known[0]), set(known[1])
        return [line for line in [*known[1], *known[0]] if line not in first & second]

    def differing(self, side: Side, table: str) -> str:
        """A relation with the rows of the table that the other one may not have: all, where nothing is
        known."""
        if (rows := self.changed.get(table)) is None:
            return side.table(table)
        return rows.removed if side is self.before else rows.written

    def has(self, side: Side, table: str) -> bool:
        return bool(self.columns(side, table))

    def columns(self, side: Side, table: str) -> frozenset[str]:
        key = (side.alias, table)
        if key not in self._columns:
            found = self.con.execute(
                "select column_name from duckdb_columns() "
                "where database_name = ? and schema_name = 'main' and table_name = ?",
                [side.alias, table],
            ).fetchall()
            self._columns[key] = frozenset(name for (name,) in found)
        return self._columns[key]

    def lacking(self, table: str, columns: Sequence[str]) -> str | None:
        """What one of the two lacks of a table, in a clause; None if both have all of it."""
        for side in self.sides:
            present = self.columns(side, table)
            if not present:
                return f"release {side.release_id} has no table {table}"
            if missing := [column for column in columns if column not in present]:
                return f"release {side.release_id} has no {table}.{missing[0]}"
        return None

    def same(self, *tables: str) -> bool:
        """Whether the tables hold the same rows in both, by the hashes of their files."""
        first, second = self.before.hashes, self.after.hashes
        return all(table in first and first[table] == second.get(table) for table in tables)

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)
