"""Whether a table is there, asked of the database.

Belongs here: that one question. Does not belong here: what stands in a table, or what follows where it lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def has_table(con: DuckDBPyConnection, schema: str, table: str, *, database: str | None = None) -> bool:
    """Whether there is a table of that name, and no view, in the current database or in an attached one."""
    found = con.execute(
        "select 1 from duckdb_tables() where database_name = coalesce(?, current_database()) "
        "and schema_name = ? and table_name = ?",
        [database, schema, table],
    )
    return bool(found.fetchall())
