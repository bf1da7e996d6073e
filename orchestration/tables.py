"""What tables there are, asked of the database, and their names in SQL.

Belongs here: whether a table is there, and its columns. Does not belong here: what stands in a table, or what
follows where it lacks.
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


def column_types(con: DuckDBPyConnection, schema: str, table: str) -> dict[str, str]:
    """The columns of a table of the current database and their types, in order; empty where it is missing."""
    return dict(
        con.execute(
            "select column_name, data_type from duckdb_columns() "
            "where database_name = current_database() and schema_name = ? and table_name = ? "
            "order by column_index",
            [schema, table],
        ).fetchall()
    )


def quoted(identifier: str) -> str:
    """A name as an SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'
