"""What gives each canonical column: the file's (or database table's) own column of that name, or the
settings' SQL expression.

Belongs here: that expressions name columns that exist, and their types. Does not belong here: whether an
expression is harmless (`orchestration/expressions.py`), reading values (`values.py`) or comparing headers
over time (`header_drift.py`).
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import duckdb

from orchestration.errors import SourceError, ZevenError
from orchestration.expressions import ExpressionError, columns_named
from orchestration.ingest.export_format import Column, Table
from orchestration.setting_sources import SqlTable, TableMapping
from orchestration.sql_text import first_line, identifier


@dataclass(frozen=True)
class Origin:
    """Where a canonical column comes from: SQL over the file's own columns, and the type that it gives."""

    column: Column
    sql: str
    sql_type: str
    is_expression: bool


class MappingError(ZevenError):
    """What is wrong with one column's expression; the caller adds which file and which settings key."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


def check_names(source_name: str, table: Table, mapping: TableMapping | SqlTable) -> None:
    """Refuse a mapping to columns that the format does not have."""
    known = [column.name for column in table.columns]
    for name in mapping.columns:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise SourceError(
                f"sources.{source_name}.tables.{table.name}.columns.{name}: the format has no column"
                f" '{name}' in {table.name}{f', did you mean {near[0]}?' if near else ''} (it has:"
                f" {', '.join(known)})."
            )


def check_expressions(
    con: duckdb.DuckDBPyConnection, mapping: TableMapping | SqlTable
) -> dict[str, set[str]]:
    """The own columns that each mapped expression names, in lower case, by canonical column.

    Raises `MappingError` for anything but one scalar expression whose value depends on the row alone.
    """
    named = {}
    for name, expression in mapping.columns.items():
        try:
            named[name] = columns_named(con, expression)
        except ExpressionError as error:
            raise MappingError(name, str(error)) from None
    return named


def origins(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    mapping: TableMapping | SqlTable | None,
    own: Mapping[str, str],
    relation: str,
) -> list[Origin]:
    """Where each canonical column comes from, for those that come from anywhere.

    `own` gives the SQL type of each of the file's own columns, `relation` is a view that has them. Raises
    `MappingError` for an expression that names other columns or does not fit their types.
    """
    by_lower = {name.casefold(): name for name in own}
    expressions = mapping.columns if mapping else {}
    if mapping:
        for name, used in check_expressions(con, mapping).items():
            if unknown := sorted(used - set(by_lower)):
                raise MappingError(
                    name, f"names the column '{unknown[0]}', but the file has: {', '.join(own)}"
                )
    found = []
    for column in table.columns:
        if expression := expressions.get(column.name):
            sql_type = _type_of(con, column.name, expression, relation)
            found.append(Origin(column, expression, sql_type, is_expression=True))
        elif same := by_lower.get(column.name.casefold()):
            found.append(Origin(column, identifier(same), own[same], is_expression=False))
    return found


def _type_of(con: duckdb.DuckDBPyConnection, name: str, expression: str, relation: str) -> str:
    try:
        described = con.execute(
            f"DESCRIBE SELECT TRY(struct_pack(v := (\n{expression}\n))).v FROM {identifier(relation)}"
        ).fetchall()
    except duckdb.Error as error:
        raise MappingError(name, f"is refused by the database: {first_line(error)}") from None
    return str(described[0][1])
