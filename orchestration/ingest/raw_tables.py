"""The tables that raw data of the kinds `files` and `sql` lives in, and the ledger of what was loaded.

Belongs here: the shape of `raw_files.*`, creating and widening it, reading and writing the ledger, and
removing a batch. Does not belong here: reading files (`plain_file.py`, `*_reader.py`), deciding what to
load (`files.py`), or what is remembered of a database (`sql_database_rows.py`).
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import duckdb

from orchestration import run_record
from orchestration.ingest.export_format import LOAD_COLUMNS, RAW_SCHEMA, TABLES, Table
from orchestration.sql_text import identifier

LEDGER_COLUMNS: tuple[tuple[str, str], ...] = (
    ("source", "VARCHAR"),
    ("table_name", "VARCHAR"),
    ("source_file", "VARCHAR"),  # seen from the source's folder
    ("batch_number", "BIGINT"),  # grows with every new content; a second reading of the same content keeps it
    ("batch_id", "VARCHAR"),  # content and reading
    ("content_sha256", "VARCHAR"),  # the file's bytes
    ("size_bytes", "BIGINT"),
    ("file_identity", "VARCHAR"),  # device, inode, size, times: the same means "not touched since"
    ("rows_in", "BIGINT"),
    ("rows_loaded", "BIGINT"),
    ("rows_quarantined", "BIGINT"),
    ("columns_found", "VARCHAR[]"),  # the file's own columns, in their order
    ("loaded_at", "TIMESTAMP"),  # UTC
    ("rows_withheld", "BIGINT"),  # about somebody who was forgotten: in none of the tables
    # of databases only, as a file's rows are never looked at one by one:
    ("rows_unchanged", "BIGINT"),  # read again and still the same
    (
        "rows_replaced",
        "BIGINT",
    ),  # loaded once, and taken out since by a newer version or because they are gone
    ("rows_deleted", "BIGINT"),  # found to be gone from the database: not of rows_in
)
"""One row per loaded batch; a batch that is read anew replaces its row.

rows_in is the sum of the rows loaded, quarantined, withheld, unchanged and replaced; rows_loaded is what
stands in raw of the batch.
"""

QUARANTINE_COLUMNS: tuple[tuple[str, str], ...] = (
    ("source", "VARCHAR"),
    ("table_name", "VARCHAR"),
    ("source_file", "VARCHAR"),
    ("batch_id", "VARCHAR"),
    ("line_number", "BIGINT"),  # physical line where the record starts, 1 for the first; null for Parquet
    ("row_number", "BIGINT"),  # as _source_row
    (
        "column_name",
        "VARCHAR",
    ),  # the bad columns, separated by ", "; null where the row could not be cut into columns
    ("reason", "VARCHAR"),
    ("record", "JSON"),  # the row as it was: an object of the file's own columns, or the text of the line
)
"""One row per record that was not loaded."""


@dataclass(frozen=True)
class LedgerEntry:
    source: str
    table_name: str
    source_file: str
    batch_number: int
    batch_id: str
    content_sha256: str
    size_bytes: int
    file_identity: str
    rows_in: int
    rows_loaded: int
    rows_quarantined: int
    columns_found: tuple[str, ...]
    loaded_at: datetime
    rows_withheld: int = 0
    rows_unchanged: int = 0
    rows_replaced: int = 0
    rows_deleted: int = 0


def raw_columns(table: Table) -> tuple[tuple[str, str], ...]:
    """(name, SQL type) of all columns of a raw table: the canonical ones as typed, then what a load adds."""
    return (*(raw for column in table.columns for raw in column.raw_columns), *LOAD_COLUMNS)


def raw_name(table_name: str) -> str:
    """`leads` -> `"raw_files"."leads"`."""
    return f"{identifier(RAW_SCHEMA)}.{identifier(table_name)}"


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Create what is missing of `raw_files`: all tables of the format, `load_ledger`, `quarantine`.

    Idempotent. A table of an older shape gets the columns that it lacks; none is ever removed.
    """
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(RAW_SCHEMA)}")
    shapes = {name: raw_columns(table) for name, table in TABLES.items()}
    for name, columns in {**shapes, "load_ledger": LEDGER_COLUMNS, "quarantine": QUARANTINE_COLUMNS}.items():
        declared = ", ".join(f"{identifier(column)} {sql_type}" for column, sql_type in columns)
        con.execute(f"CREATE TABLE IF NOT EXISTS {raw_name(name)} ({declared})")
        present = {row[0] for row in con.execute(f"DESCRIBE {raw_name(name)}").fetchall()}
        for column, sql_type in columns:
            if column not in present:
                con.execute(f"ALTER TABLE {raw_name(name)} ADD COLUMN {identifier(column)} {sql_type}")


def ledger_entries(con: duckdb.DuckDBPyConnection, source: str) -> list[LedgerEntry]:
    """What was loaded of a source, oldest batch first; nothing when the ledger does not exist yet."""
    exists = con.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_catalog = current_database()"
        " AND table_schema = ? AND table_name = 'load_ledger'",
        [RAW_SCHEMA],
    ).fetchall()[0][0]
    if not exists:
        return []
    names = ", ".join(identifier(name) for name, _ in LEDGER_COLUMNS)
    rows = con.execute(
        f"SELECT {names} FROM {raw_name('load_ledger')} WHERE source = ? ORDER BY batch_number",
        [source],
    ).fetchall()
    entries = (dict(zip((name for name, _ in LEDGER_COLUMNS), row, strict=True)) for row in rows)
    counted_later = ("rows_withheld", "rows_unchanged", "rows_replaced", "rows_deleted")
    return [
        LedgerEntry(
            **{
                **entry,
                "columns_found": tuple(entry["columns_found"]),
                **{name: entry[name] or 0 for name in counted_later},
            }
        )
        for entry in entries
    ]


def next_batch_number(con: duckdb.DuckDBPyConnection) -> int:
    """One more than any batch of any source."""
    query = f"SELECT coalesce(max(batch_number), 0) + 1 FROM {raw_name('load_ledger')}"
    return int(con.execute(query).fetchall()[0][0])


def write_entry(con: duckdb.DuckDBPyConnection, entry: LedgerEntry) -> None:
    """Add one ledger row."""
    values = [list(value) if isinstance(value, tuple) else value for value in vars(entry).values()]
    marks = ", ".join("?" for _ in values)
    con.execute(f"INSERT INTO {raw_name('load_ledger')} VALUES ({marks})", values)


def remember_identity(con: duckdb.DuckDBPyConnection, entry: LedgerEntry, file_identity: str) -> None:
    """A loaded file was touched and its content found unchanged: spare the next scan from hashing it."""
    con.execute(
        f"UPDATE {raw_name('load_ledger')} SET file_identity = ? WHERE source = ? AND batch_id = ? AND"
        f" table_name = ?",
        [file_identity, entry.source, entry.batch_id, entry.table_name],
    )


def make_newest(con: duckdb.DuckDBPyConnection, entry: LedgerEntry, file_identity: str) -> LedgerEntry:
    """Give a loaded batch the next number, as if it had been loaded just now; the entry as it is then.

    Inside the caller's transaction.
    """
    number = next_batch_number(con)
    con.execute(
        f"UPDATE {raw_name(entry.table_name)} SET _batch_number = ? WHERE _source = ? AND _batch_id = ?",
        [number, entry.source, entry.batch_id],
    )
    con.execute(
        f"UPDATE {raw_name('load_ledger')} SET batch_number = ?, file_identity = ?"
        f" WHERE source = ? AND table_name = ? AND batch_id = ?",
        [number, file_identity, entry.source, entry.table_name, entry.batch_id],
    )
    return replace(entry, batch_number=number, file_identity=file_identity)


def remove_batch(con: duckdb.DuckDBPyConnection, entry: LedgerEntry) -> None:
    """Take a batch out of its raw table, the quarantine and the ledger (inside the caller's transaction)."""
    run_record.forget_build_base(con)
    con.execute(
        f"DELETE FROM {raw_name(entry.table_name)} WHERE _source = ? AND _batch_id = ?",
        [entry.source, entry.batch_id],
    )
    for name in ("quarantine", "load_ledger"):
        con.execute(
            f"DELETE FROM {raw_name(name)} WHERE source = ? AND table_name = ? AND batch_id = ?",
            [entry.source, entry.table_name, entry.batch_id],
        )
