"""Rows of a database's table in raw: each record once, as it was read last, committed with the position.

Belongs here: what is remembered of a table (records and position), and one transaction per piece. Does not
belong here: asking the database (`sql_database_connection.py`), what is read when (`sql_database.py`), or
typing values (`batch.py`).

Raw and quarantine together hold every record of the table once. A record that is read again is compared by a
hash of what was read of it: the same is left alone, another takes the place of the earlier one, so that a
line of a deal that now names another product does not leave the old pair behind. Of a record only a hash of
its key is remembered here, so that nobody who was forgotten can be found in it.
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import orjson

from orchestration import run_record
from orchestration.errors import SourceError
from orchestration.ingest import raw_tables
from orchestration.ingest.batch import Batch, Outcome, Stamp
from orchestration.ingest.export_format import RAW_SCHEMA, Table
from orchestration.ingest.forgotten_rows import Forgotten
from orchestration.ingest.mapping import MappingError, origins
from orchestration.ingest.raw_tables import LedgerEntry, next_batch_number, raw_name, write_entry
from orchestration.ingest.records import (
    INCOMING,
    LINE_NUMBER,
    NONE_UNREADABLE,
    ROW_NUMBER,
    SCRATCH_TABLES,
    SCRATCH_VIEWS,
    Piece,
    Records,
)
from orchestration.ingest.sql_database_values import Own
from orchestration.setting_sources import SqlSource, SqlTable
from orchestration.sql_text import identifier, literal

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

RECORD_COLUMNS: tuple[tuple[str, str], ...] = (
    ("source", "VARCHAR"),
    ("table_name", "VARCHAR"),
    ("key_hash", "UHUGEINT"),
    ("row_hash", "UBIGINT"),  # of what was read, and of the reading; null for a record that is gone
    ("batch_number", "BIGINT"),  # with row_number: its row in raw, or in quarantine
    ("row_number", "BIGINT"),
)
"""`database_records`: what is remembered of every record of the tables of databases."""
POSITION_COLUMNS: tuple[tuple[str, str], ...] = (
    ("source", "VARCHAR"),
    ("table_name", "VARCHAR"),
    ("position", "VARCHAR"),  # JSON, of sql_database.py
    ("moved_at", "TIMESTAMP"),
)
"""`database_positions`: up to where a table was read."""
RECORDS, POSITIONS = f"{RAW_SCHEMA}.database_records", f"{RAW_SCHEMA}.database_positions"

_SCRATCH = ("zeven_seen", "zeven_replaced", "zeven_keys", "zeven_gone", *SCRATCH_TABLES)


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Create what is missing of `raw_files`, with what is remembered of databases. Idempotent."""
    raw_tables.prepare(con)
    for name, columns in ((RECORDS, RECORD_COLUMNS), (POSITIONS, POSITION_COLUMNS)):
        declared = ", ".join(f"{column} {sql_type}" for column, sql_type in columns)
        con.execute(f"CREATE TABLE IF NOT EXISTS {name} ({declared})")


@dataclass
class Landed:
    """What became of the rows of one piece, or of several together."""

    rows_in: int = 0
    rows_loaded: int = 0
    rows_unchanged: int = 0
    rows_quarantined: int = 0
    rows_withheld: int = 0
    rows_deleted: int = 0
    batches: int = 0

    def add(self, other: Landed) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass(frozen=True)
class Plan:
    """What is read of a table. `gone` is the SQL condition of a row that counts as not there, or None;
    `mapping` has the expressions, with that of `is_deleted` where the format has the column."""

    table: Table
    mapping: SqlTable
    columns: tuple[Own, ...]
    key: Own
    cursor: Own | None
    gone: str | None
    reading: str


class Rows:
    """The way of one table of one source into raw. `con` must be outside a transaction."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        source_name: str,
        source: SqlSource,
        plan: Plan,
        warehouse: Path,
        loaded_at: datetime,
    ) -> None:
        self._con, self._name, self._source, self._plan = con, source_name, source, plan
        self._warehouse = warehouse
        self._loaded_at = loaded_at.astimezone(UTC).replace(tzinfo=None) if loaded_at.tzinfo else loaded_at
        self._piece = Piece(f"{source_name}: {plan.mapping.table}", plan.mapping.table)
        self._of = f"source = {literal(source_name)} AND table_name = {literal(plan.table.name)}"

    def land(self, rows: pa.Table, position: dict[str, Any]) -> Landed:
        """Commit the rows that are new or changed, and the position with them."""
        try:
            return self._land(rows, position)
        finally:
            self._drop_scratch()

    def move(self, position: dict[str, Any]) -> None:
        """Commit a position without rows."""
        self._con.begin()
        try:
            self._move(position)
        except BaseException:
            self._con.rollback()
            raise
        self._con.commit()

    def bury(self, keys: Iterable[pa.Table], position: dict[str, Any]) -> Landed:
        """Mark as deleted, or take out, what is remembered and not among the keys, which are all there are.

        Raises `SourceError` where none of them is left: that is a table that this user no longer sees.
        """
        con, key = self._con, self._plan.key
        try:
            con.execute("CREATE OR REPLACE TEMP TABLE zeven_keys (key_hash UHUGEINT)")
            for some in keys:
                with self._given(some):
                    con.execute(f"INSERT INTO zeven_keys SELECT {self._key_hash(key)} FROM zeven_arrow")
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE zeven_gone AS SELECT * FROM {RECORDS} WHERE {self._of}"
                " AND row_hash IS NOT NULL AND key_hash NOT IN (SELECT key_hash FROM zeven_keys)"
            )
            gone, there = self._count("zeven_gone"), self._count("zeven_keys")
            if gone and not there:
                raise SourceError(
                    f"{self._piece.path} shows no row any more, where {gone:,} were; nothing is marked as"
                    " deleted. May"
                    " the user still read its rows?"
                )
            self._con.begin()
            try:
                if gone:
                    self._remove_gone(gone)
                self._move(position)
            except BaseException:
                con.rollback()
                raise
            con.commit()
        finally:
            self._drop_scratch()
        return Landed(rows_deleted=gone, batches=1 if gone else 0)

    def position(self) -> dict[str, Any] | None:
        """What was committed last for this table."""
        found = self._con.execute(f"SELECT position FROM {POSITIONS} WHERE {self._of}").fetchall()
        return dict(orjson.loads(found[0][0])) if found else None

    def _land(self, rows: pa.Table, position: dict[str, Any]) -> Landed:
        con = self._con
        self._take(rows)
        total = self._count("zeven_records")
        self._refuse_repeated_keys(total)
        con.execute(
            "DELETE FROM zeven_records WHERE EXISTS (SELECT 1 FROM"
            f" (SELECT key_hash, row_hash FROM {RECORDS} WHERE {self._of}) AS known"
            " WHERE known.key_hash = zeven_records._zeven_key AND known.row_hash = zeven_records._zeven_hash)"
        )
        left = self._count("zeven_records")
        landed = Landed(rows_in=total, rows_unchanged=total - left)
        gone = self._leave_out_gone() if left else 0
        present = left - gone
        if not left:
            self.move(position)
            return landed
        forgotten = Forgotten.read(con, self._warehouse, self._name)
        batch, outcome = self._typed(present, forgotten) if present else (None, Outcome(0, 0, 0))
        con.begin()
        try:
            number = next_batch_number(con)
            entry = self._entry(number, landed, outcome, rows.nbytes)
            landed.rows_deleted = self._replace("zeven_seen")
            if batch is not None:
                stamp = Stamp(
                    self._name,
                    number,
                    entry.batch_id,
                    f"{self._loaded_at:%Y-%m-%d %H:%M:%S.%f}",
                    self._piece.name,
                )
                batch.write(stamp, outcome)
                con.execute(
                    f"INSERT INTO {RECORDS} SELECT {literal(self._name)}, {literal(self._plan.table.name)},"
                    f" _zeven_key, _zeven_hash, {number}, {ROW_NUMBER} FROM zeven_records"
                )
            if outcome.rows_in or landed.rows_deleted:
                write_entry(con, replace(entry, rows_deleted=landed.rows_deleted))
                landed.batches = 1
            self._move(position)
        except BaseException:
            con.rollback()
            raise
        con.commit()
        forgotten.remember_deals(con)
        landed.rows_in -= gone
        landed.rows_loaded, landed.rows_quarantined = outcome.rows_loaded, outcome.rows_quarantined
        landed.rows_withheld = outcome.rows_withheld
        return landed

    def _take(self, rows: pa.Table) -> None:
        """`zeven_records`: the piece, with its number, key and hash."""
        names = ", ".join(identifier(own.name) for own in self._plan.columns)
        with self._given(rows):
            self._con.execute(
                f"CREATE OR REPLACE TEMP TABLE zeven_records AS SELECT row_number() OVER () AS {ROW_NUMBER},"
                f" CAST(NULL AS BIGINT) AS {LINE_NUMBER}, *, {self._key_hash(self._plan.key)} AS _zeven_key,"
                f" hash({literal(self._plan.reading)}, {names}) AS _zeven_hash FROM zeven_arrow"
            )

    def _refuse_repeated_keys(self, total: int) -> None:
        different = self._con.execute("SELECT count(DISTINCT _zeven_key) FROM zeven_records").fetchall()
        if different[0][0] != total:
            raise SourceError(
                f"{self._piece.path}: '{self._plan.key.name}' has one value in several rows, so it is no"
                " key; correct"
                f" sources.{self._name}.tables.{self._plan.table.name}.key."
            )

    def _leave_out_gone(self) -> int:
        """Where the format has no `is_deleted`: take out the rows that count as not there; how many these
        are.

        `zeven_seen` has the keys of all that was new or changed, whether it stays or goes.
        """
        con = self._con
        con.execute(
            "CREATE OR REPLACE TEMP TABLE zeven_seen AS SELECT _zeven_key AS key_hash FROM zeven_records"
        )
        if self._plan.gone is None:
            return 0
        # a condition that fails on a row takes nothing out
        found = con.execute(
            f"DELETE FROM zeven_records WHERE coalesce(TRY(TRY_CAST((\n{self._plan.gone}\n) AS BOOLEAN)),"
            " false)"
        )
        return int(found.fetchall()[0][0])

    def _typed(self, count: int, forgotten: Forgotten) -> tuple[Batch, Outcome]:
        con, plan = self._con, self._plan
        names = ", ".join(identifier(own.name) for own in plan.columns)
        con.execute(
            f"CREATE OR REPLACE TEMP VIEW {INCOMING} AS SELECT {ROW_NUMBER}, {LINE_NUMBER}, {names} FROM"
            " zeven_records"
        )
        con.execute(NONE_UNREADABLE)
        own = {one.name: one.sql_type for one in plan.columns}
        records = Records(own, count, own_decimal_point=True, keeps_others=False)
        try:
            found = origins(con, plan.table, plan.mapping, own, INCOMING)
        except MappingError as error:
            raise SourceError(
                f"sources.{self._name}.tables.{plan.table.name}.columns.{error.column}: {error} (the"
                " columns of"
                f" {plan.mapping.table} have the types of the database)."
            ) from None
        batch = Batch(con, self._piece, plan.table, self._source, records, found, forgotten)
        return batch, batch.read()

    def _entry(self, number: int, landed: Landed, outcome: Outcome, size: int) -> LedgerEntry:
        told = f"{self._name}:{self._plan.table.name}:{number}:{self._loaded_at}:{self._plan.reading}"
        return LedgerEntry(
            source=self._name,
            table_name=self._plan.table.name,
            source_file=self._piece.name,
            batch_number=number,
            batch_id=hashlib.sha256(told.encode()).hexdigest(),
            content_sha256="",
            size_bytes=size,
            file_identity="",
            rows_in=outcome.rows_in + landed.rows_unchanged,
            rows_loaded=outcome.rows_loaded,
            rows_quarantined=outcome.rows_quarantined,
            columns_found=tuple(own.name for own in self._plan.columns),
            loaded_at=self._loaded_at,
            rows_withheld=outcome.rows_withheld,
            rows_unchanged=landed.rows_unchanged,
        )

    def _replace(self, keys: str) -> int:
        """Take out what is in raw and quarantine of these keys; how many of them are not in
        `zeven_records`."""
        con = self._con
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE zeven_replaced AS SELECT * FROM {RECORDS} WHERE {self._of}"
            f" AND key_hash IN (SELECT key_hash FROM {keys})"
        )
        if not self._count("zeven_replaced"):
            return 0
        self._take_out("zeven_replaced")
        con.execute(f"DELETE FROM {RECORDS} WHERE {self._of} AND key_hash IN (SELECT key_hash FROM {keys})")
        return self._count(
            "zeven_replaced WHERE row_hash IS NOT NULL AND key_hash NOT IN (SELECT _zeven_key FROM"
            " zeven_records)"
        )

    def _take_out(self, records: str) -> None:
        """Delete the rows of these records from raw and quarantine; the ledger goes on saying what is
        there."""
        con, table = self._con, self._plan.table
        ledger = raw_name("load_ledger")
        for name, column, batch, row in (
            (raw_name(table.name), "rows_loaded", "_batch_number", "_source_row"),
            (raw_name("quarantine"), "rows_quarantined", "ledger.batch_number", "row_number"),
        ):
            is_raw = column == "rows_loaded"
            same = (
                f"present.{batch} = old.batch_number AND present._source = {literal(self._name)}"
                if is_raw
                else f"present.batch_id = ledger.batch_id AND {batch} = old.batch_number"
                f" AND ledger.source = {literal(self._name)} AND ledger.table_name = {literal(table.name)}"
            )
            others = f"{records} AS old" + ("" if is_raw else f", {ledger} AS ledger")
            condition = f"{same} AND present.{row} = old.row_number"
            counted = con.execute(
                f"SELECT old.batch_number, count(*) FROM {name} AS present, {others} WHERE {condition}"
                " GROUP BY ALL"
            ).fetchall()
            if not counted:
                continue
            con.execute(f"DELETE FROM {name} AS present USING {others} WHERE {condition}")
            run_record.forget_build_base(con)
            for number, gone in counted:
                con.execute(
                    f"UPDATE {ledger} SET {column} = {column} - ?, rows_replaced = coalesce(rows_replaced,"
                    " 0) + ?"
                    f" WHERE {self._of} AND batch_number = ?",
                    [gone, gone, number],
                )

    def _remove_gone(self, gone: int) -> None:
        con, table = self._con, self._plan.table
        number = next_batch_number(con)
        run_record.forget_build_base(con)
        if any(column.name == "is_deleted" for column in table.columns):
            con.execute(
                f"UPDATE {raw_name(table.name)} AS present SET is_deleted = true FROM zeven_gone AS old"
                f" WHERE present._source = {literal(self._name)} AND present._batch_number = old.batch_number"
                " AND present._source_row = old.row_number"
            )
            # a record that comes back differs from it in any case, and takes the place of the marked row
            con.execute(
                f"UPDATE {RECORDS} SET row_hash = NULL WHERE {self._of}"
                " AND key_hash IN (SELECT key_hash FROM zeven_gone)"
            )
        else:
            self._take_out("zeven_gone")
            con.execute(
                f"DELETE FROM {RECORDS} WHERE {self._of} AND key_hash IN (SELECT key_hash FROM zeven_gone)"
            )
        entry = self._entry(number, Landed(), Outcome(0, 0, 0), 0)
        write_entry(con, replace(entry, rows_deleted=gone))

    def _move(self, position: dict[str, Any]) -> None:
        self._con.execute(f"DELETE FROM {POSITIONS} WHERE {self._of}")
        self._con.execute(
            f"INSERT INTO {POSITIONS} VALUES (?, ?, ?, ?)",
            [self._name, self._plan.table.name, orjson.dumps(position).decode(), self._loaded_at],
        )

    def _key_hash(self, key: Own) -> str:
        value = (
            identifier(key.name) if key.sql_type == "VARCHAR" else f"CAST({identifier(key.name)} AS VARCHAR)"
        )
        return f"md5_number({value})"

    def _given(self, rows: pa.Table) -> _Registered:
        return _Registered(self._con, rows)

    def _count(self, relation: str) -> int:
        return int(self._con.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0])

    def _drop_scratch(self) -> None:
        for kind, names in (("VIEW", SCRATCH_VIEWS), ("TABLE", _SCRATCH)):
            for name in names:
                self._con.execute(f"DROP {kind} IF EXISTS {identifier(name)}")


class _Registered:
    """An Arrow table under the name `zeven_arrow`, for the length of the block."""

    def __init__(self, con: duckdb.DuckDBPyConnection, rows: pa.Table) -> None:
        self._con, self._rows = con, rows

    def __enter__(self) -> None:
        self._con.register("zeven_arrow", self._rows)

    def __exit__(self, *error: object) -> None:
        self._con.unregister("zeven_arrow")
