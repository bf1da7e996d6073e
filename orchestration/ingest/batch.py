"""Turns the records of one file, or of one piece of a database's table, into typed rows and quarantine rows.

Belongs here: the queries from `INCOMING` to the raw table, and the decision that too much of a file is
unreadable. Does not belong here: reading files (the readers) or databases, what a value looks like
(`values.py`), transactions (`files.py`, `sql_database_rows.py`).
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from orchestration.errors import SourceError
from orchestration.expressions import columns_named
from orchestration.ingest.export_format import Table
from orchestration.ingest.file_discovery import TableFile
from orchestration.ingest.forgotten_rows import Forgotten
from orchestration.ingest.mapping import Origin
from orchestration.ingest.raw_tables import raw_columns, raw_name
from orchestration.ingest.records import INCOMING, LINE_NUMBER, ROW_NUMBER, UNREADABLE, Piece, Records
from orchestration.ingest.values import Notation, Value, quoted
from orchestration.setting_sources import FilesSource, SqlSource
from orchestration.sql_text import identifier, literal, struct_literal

FEW_ROWS = 10
"""Up to so many unreadable rows never refuse a file, because a share of a few rows says nothing; unless none
of its rows is readable, or the declared share is 0. Of a database's table, in which a piece may be the few
rows that were changed since yesterday, they refuse nothing."""


@dataclass(frozen=True)
class Outcome:
    """rows_in = rows_loaded + rows_quarantined + rows_withheld (about somebody who was forgotten)."""

    rows_in: int
    rows_loaded: int
    rows_quarantined: int
    rows_withheld: int = 0


@dataclass(frozen=True)
class Stamp:
    """What every row of a batch is marked with."""

    source: str
    batch_number: int
    batch_id: str
    loaded_at: str
    """UTC, as `YYYY-MM-DD HH:MM:SS`."""
    source_file: str


class Batch:
    """The records of one file on their way into one raw table."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        file: TableFile | Piece,
        table: Table,
        source: FilesSource | SqlSource,
        records: Records,
        origins: list[Origin],
        forgotten: Forgotten,
    ) -> None:
        notation = Notation(
            source.date_format,
            source.timestamp_format,
            source.time_zone,
            "." if records.own_decimal_point else source.decimal_separator,
            records.has_odd_blanks,
        )
        self._con, self._file, self._table, self._source, self._records = con, file, table, source, records
        self._forgotten = forgotten
        self._values = [
            Value(number, origin.column, origin.sql, origin.sql_type, notation, origin.is_expression)
            for number, origin in enumerate(origins)
        ]

    def read(self) -> Outcome:
        """Type every record into a temporary table, and refuse the file when too many are unreadable.

        Raises `SourceError` then, and when rows in are not rows to load plus rows to quarantine.
        """
        bad = " OR ".join(condition for value in self._values if (condition := value.is_bad())) or "false"
        final = [pair for value in self._values for pair in value.final()]
        self._con.execute(
            f"CREATE OR REPLACE TEMP TABLE zeven_typed AS SELECT {ROW_NUMBER}, {LINE_NUMBER},"
            f" _other_columns,"
            f" coalesce({bad}, false) AS is_bad, {quoted(final)} FROM ({self._parsed()})"
        )
        good, untyped, unreadable = self._con.execute(
            f"SELECT count(*) FILTER (WHERE NOT is_bad), count(*) FILTER (WHERE is_bad),"
            f" (SELECT count(*) FROM {UNREADABLE}) FROM zeven_typed"
        ).fetchall()[0]
        outcome = Outcome(self._records.count, good, untyped + unreadable)
        if outcome.rows_in != outcome.rows_loaded + outcome.rows_quarantined:
            raise SourceError(
                f"{self._file.path}: holds {outcome.rows_in} records by its lines, but"
                f" {outcome.rows_loaded} can be loaded and {outcome.rows_quarantined} cannot; as rows would"
                " be lost, nothing is loaded."
            )
        self._refuse_unreadable(outcome)
        return self._withhold(outcome)

    def _withhold(self, outcome: Outcome) -> Outcome:
        """Leave out what is about somebody who was forgotten, before it comes into any table that is kept."""
        if not self._forgotten:
            return outcome
        gone = self._forgotten.leave_out(self._con, self._table, "zeven_typed")
        quarantined = 0
        if outcome.rows_quarantined:
            query = f"SELECT count(*) FROM ({self._rejected()}) WHERE NOT ({self._is_withheld()})"
            quarantined = int(self._con.execute(query).fetchall()[0][0])
        loaded = outcome.rows_loaded - gone
        return Outcome(outcome.rows_in, loaded, quarantined, outcome.rows_in - loaded - quarantined)

    def _is_withheld(self) -> str:
        return self._forgotten.is_quarantined_record("CAST(record AS VARCHAR)")

    def write(self, stamp: Stamp, outcome: Outcome) -> None:
        """Put the typed rows into the raw table and the others into the quarantine (in the caller's
        transaction).

        Raises `SourceError` when the tables did not grow by exactly these numbers.
        """
        stamped = {
            "_source": literal(stamp.source),
            "_batch_number": str(stamp.batch_number),
            "_batch_id": literal(stamp.batch_id),
            "_loaded_at": f"TIMESTAMP {literal(stamp.loaded_at)}",
            "_source_file": literal(stamp.source_file),
            "_source_row": ROW_NUMBER,
            "_other_columns": "_other_columns",
        }
        given = {name: identifier(name) for value in self._values for name, _ in value.final()}
        present = [name for name, _ in raw_columns(self._table) if name in stamped or name in given]
        with _in_any_order(self._con):
            loaded = self._con.execute(
                f"INSERT INTO {raw_name(self._table.name)}"
                f" ({', '.join(identifier(name) for name in present)})"
                f" SELECT {', '.join({**given, **stamped}[name] for name in present)} FROM zeven_typed WHERE"
                f" NOT is_bad"
            ).fetchall()[0][0]
        quarantined = 0
        if outcome.rows_quarantined:
            quarantined = self._con.execute(
                f"INSERT INTO {raw_name('quarantine')}"
                f" SELECT {stamped['_source']}, {literal(self._table.name)}, {stamped['_source_file']},"
                f" {stamped['_batch_id']}, line_number, row_number, column_name, reason, record FROM"
                f" ({self._rejected()}) WHERE NOT ({self._is_withheld()})"
            ).fetchall()[0][0]
        if (loaded, quarantined) != (outcome.rows_loaded, outcome.rows_quarantined):
            raise SourceError(
                f"{self._file.path}: {loaded} rows were written and {quarantined} put into quarantine, where"
                f" {outcome.rows_loaded} and {outcome.rows_quarantined} were expected; nothing is kept of it."
            )

    def _given(self) -> str:
        """First layer: what the file gives for each canonical column, and what the format does not know."""
        given = [pair for value in self._values for pair in value.given()]
        other = self._other_columns()
        select = ", ".join([ROW_NUMBER, LINE_NUMBER, f"{other} AS _other_columns", quoted(given)])
        return f"SELECT {select.rstrip(', ')} FROM {INCOMING}"

    def _parsed(self) -> str:
        """Second and third layer: unwrapped and parsed."""
        kept = f"{ROW_NUMBER}, {LINE_NUMBER}, _other_columns"
        unwrapped = quoted(pair for value in self._values for pair in value.unwrapped())
        parsed = quoted(pair for value in self._values for pair in value.parsed())
        flags = [f"_f{value.number}" for value in self._values if value.fallible]
        passed = ", ".join([kept, *(value.given_name for value in self._values), *flags, parsed])
        return f"SELECT {passed} FROM (SELECT {kept}, {unwrapped} FROM ({self._given()}))"

    def _other_columns(self) -> str:
        """Every own column that the format does not know; with a mapping all of them, but for those in which
        addresses stand that are kept as hashes alone."""
        mapping = self._source.tables.get(self._table.name)
        known = {column.name for column in self._table.columns}
        if mapping and mapping.columns:
            named = {value.column: columns_named(self._con, value.source_sql) for value in self._values}
            known = {name for column, names in named.items() if column.kind == "email" for name in names}
            known -= {name for column, names in named.items() if column.kind != "email" for name in names}
        others = [name for name in self._records.columns if name.casefold() not in known]
        if not others or not self._records.keeps_others:
            return "CAST(NULL AS JSON)"
        some = " OR ".join(f"{identifier(name)} IS NOT NULL" for name in others)
        return f"CASE WHEN {some} THEN {self._as_json(others)} END"

    def _as_json(self, names: list[str]) -> str:
        return f"to_json({struct_literal((name, identifier(name)) for name in names)})"

    def _rejected(self, *, masked: bool = False) -> str:
        """The quarantine's last columns, for what could not be typed and for what could not be cut."""
        reasons = ", ".join(value.reason(masked=masked) for value in self._values)
        return f"""
            SELECT {LINE_NUMBER} AS line_number, {ROW_NUMBER} AS row_number,
                array_to_string([split_part(r, ':', 1) FOR r IN reasons IF r IS NOT NULL], ', ')
                    AS column_name,
                array_to_string([r FOR r IN reasons IF r IS NOT NULL], '; ') AS reason, record
            FROM (
                SELECT {ROW_NUMBER}, {LINE_NUMBER}, [{reasons}] AS reasons FROM ({self._parsed()})
                WHERE {ROW_NUMBER} IN (SELECT {ROW_NUMBER} FROM zeven_typed WHERE is_bad)
            ) JOIN (
                SELECT {ROW_NUMBER}, {self._as_json(list(self._records.columns))} AS record FROM {INCOMING}
            ) USING ({ROW_NUMBER})
            UNION ALL
            SELECT line_number, row_number, NULL, reason, record FROM {UNREADABLE}
            ORDER BY row_number
        """

    def _refuse_unreadable(self, outcome: Outcome) -> None:
        bad, ratio = outcome.rows_quarantined, self._source.max_quarantine_ratio
        is_piece = isinstance(self._file, Piece)
        too_many = bad > FEW_ROWS or (not is_piece and outcome.rows_loaded == 0) or ratio == 0
        if not (bad > ratio * outcome.rows_in and too_many):
            return
        reason, times, line = self._con.execute(
            # a reason without the value in it, so that the same reason is the same text
            "SELECT any_value(reason), count(*) AS times, min(coalesce(line_number, row_number)) AS"
            " first"
            f" FROM ({self._rejected(masked=True)}) GROUP BY regexp_replace(reason, '''.*?''|\\d+', '', 'g')"
            " ORDER BY times DESC, first LIMIT 1"
        ).fetchall()[0]
        place = "line" if self._file.format in ("csv", "jsonl") else "row"
        what = "this piece of the table" if is_piece else "the file"
        raise SourceError(
            f"{self._file.path}: {bad} of its {outcome.rows_in} rows are unreadable, more than"
            f" max_quarantine_ratio = {ratio:g} allows, so {what} is not loaded; most often ({times}"
            f" times, first in {place} {line}): {reason}."
        )


@contextmanager
def _in_any_order(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let DuckDB fill its row groups: in their order, the rows of a Parquet file came in groups of which some
    were nearly empty, and the next checkpoint wrote all of them again, at half the cost of a whole load.
    """
    con.execute("SET preserve_insertion_order = false")
    try:
        yield
    finally:
        con.execute("RESET preserve_insertion_order")
