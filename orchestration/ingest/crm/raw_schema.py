"""The tables of a CRM's raw schema: those of its objects, and ledger, cursors and quarantine beside them.

Belongs here: the columns of the three, and making what is missing. Does not belong here: the objects' columns
(`objects.py` and the CRMs'), rows (`landing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from orchestration.ingest.crm.objects import Object
from orchestration.sql_text import identifier

LEDGER_COLUMNS = (
    ("source", "VARCHAR"),
    ("table_name", "VARCHAR"),
    ("batch_number", "BIGINT"),
    ("batch_id", "VARCHAR"),
    ("rows_in", "BIGINT"),
    ("rows_loaded", "BIGINT"),
    ("rows_unchanged", "BIGINT"),  # in the same fields as the newest version, or in quarantine already
    ("rows_repeated", "BIGINT"),  # an earlier version of a record that stands in the batch again
    ("rows_quarantined", "BIGINT"),
    ("rows_withheld", "BIGINT"),  # about somebody who was forgotten
    ("rows_deleted", "BIGINT"),  # tombstones besides: not of rows_in
    ("loaded_at", "TIMESTAMP"),
)
"""One row per batch; rows_in is the sum of the five after it."""
CURSOR_COLUMNS = (
    ("source", "VARCHAR"),
    ("table_name", "VARCHAR"),
    ("position", "VARCHAR"),  # JSON, of the CRM's module
    ("moved_at", "TIMESTAMP"),
)
QUARANTINE_COLUMNS = (
    ("source", "VARCHAR"),
    ("table_name", "VARCHAR"),
    ("batch_id", "VARCHAR"),
    ("row_number", "BIGINT"),
    ("column_name", "VARCHAR"),
    ("reason", "VARCHAR"),
    ("record", "JSON"),
)
OWN_TABLES = {"load_ledger": LEDGER_COLUMNS, "cursors": CURSOR_COLUMNS, "quarantine": QUARANTINE_COLUMNS}


def prepare(con: duckdb.DuckDBPyConnection, schema: str, objects: Mapping[str, Object]) -> None:
    """Create what is missing of a raw schema. Idempotent; an older table gets the columns that it lacks."""
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)}")
    shapes = {name: one.columns() for name, one in objects.items()}
    for name, columns in {**shapes, **OWN_TABLES}.items():
        declared = ", ".join(f"{identifier(column)} {sql_type}" for column, sql_type in columns)
        table = f"{identifier(schema)}.{identifier(name)}"
        con.execute(f"CREATE TABLE IF NOT EXISTS {table} ({declared})")
        present = {row[0].casefold() for row in con.execute(f"DESCRIBE {table}").fetchall()}
        for column, sql_type in columns:
            if column.casefold() not in present:
                con.execute(f"ALTER TABLE {table} ADD COLUMN {identifier(column)} {sql_type}")
