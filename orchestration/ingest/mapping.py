"""What gives each canonical column: the file's own column of that name, or the settings' SQL expression.

Belongs here: checking that an expression is one harmless scalar expression over columns that exist, and
finding its type. Does not belong here: reading values (`values.py`) or comparing headers over time
(`header_drift.py`).
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import duckdb

from orchestration.errors import SourceError, ZevenError
from orchestration.ingest.export_format import Column, Table
from orchestration.ingest.sql_text import first_line, identifier
from orchestration.settings import TableMapping


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


def check_names(source_name: str, table: Table, mapping: TableMapping) -> None:
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


def check_expressions(con: duckdb.DuckDBPyConnection, mapping: TableMapping) -> dict[str, set[str]]:
    """The own columns that each mapped expression names, in lower case, by canonical column.

    Raises `MappingError` for anything but one scalar expression whose value depends on the row alone: no
    statement, subquery, star, parameter, window, aggregate or table function, and no clock, random number
    or environment.
    """
    return {name: _own_columns(con, name, expression) for name, expression in mapping.columns.items()}


def origins(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    mapping: TableMapping | None,
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


def _own_columns(con: duckdb.DuckDBPyConnection, name: str, expression: str) -> set[str]:
    """The columns that an expression names, after checking that it is harmless."""
    # checked in exactly the parentheses in which it is run: what closes them early is no single expression
    answer = con.execute("SELECT json_serialize_sql(?)", [f"SELECT (\n{expression}\n)"]).fetchall()[0][0]
    tree = json.loads(answer)
    if tree.get("error"):
        raise MappingError(name, f"is no SQL expression: {first_line(tree.get('error_message', ''))}")
    node = tree["statements"][0]["node"] if len(tree["statements"]) == 1 else {}
    plain = (
        node.get("type") == "SELECT_NODE"
        and len(node["select_list"]) == 1
        and node["from_table"]["type"] == "EMPTY"
        and not any(
            node.get(clause) for clause in ("modifiers", "where_clause", "group_expressions", "having")
        )
        and not any(node.get(clause) for clause in ("qualify", "sample"))
        and not node["cte_map"]["map"]
    )
    if not plain:
        raise MappingError(name, "is no single expression; write one expression over the file's columns")
    used: set[str] = set()
    for part, bound in _parts(node["select_list"][0], frozenset()):
        _check_part(con, name, part)
        if part["class"] == "COLUMN_REF" and part["column_names"][0].casefold() not in bound:
            used.add(part["column_names"][0].casefold())
    return used


def _parts(tree: Any, bound: frozenset[str]) -> Iterator[tuple[dict[str, Any], frozenset[str]]]:
    """Every expression in the tree with the lambda parameters that are in force there."""
    if isinstance(tree, list):
        for item in tree:
            yield from _parts(item, bound)
    elif isinstance(tree, dict):
        if tree.get("class") == "LAMBDA":
            parameters = {
                part["column_names"][0].casefold()
                for part, _ in _parts(tree.get("lhs"), bound)
                if part["class"] == "COLUMN_REF"
            }
            bound = bound | parameters
        if "class" in tree:
            yield tree, bound
        for value in tree.values():
            yield from _parts(value, bound)


_REFUSED = {
    "SUBQUERY": "holds a subquery",
    "STAR": "holds a star",
    "WINDOW": "holds a window function",
    "PARAMETER": "holds a parameter",
    "DEFAULT": "holds DEFAULT",
    "POSITIONAL_REFERENCE": "refers to a column by its position",
}


def _check_part(con: duckdb.DuckDBPyConnection, name: str, part: dict[str, Any]) -> None:
    allowed = "; a mapping is computed from the columns of one row alone"
    if refused := _REFUSED.get(part["class"]):
        raise MappingError(name, refused + allowed)
    if part["class"] != "FUNCTION":
        return
    function = part["function_name"]
    kinds = con.execute(
        "SELECT DISTINCT function_type, stability FROM duckdb_functions() WHERE function_name = ?", [function]
    ).fetchall()
    scalar = any(kind == "scalar" and stability == "CONSISTENT" for kind, stability in kinds)
    macro = any(kind == "macro" for kind, _ in kinds) and (
        function in _PURE_MACROS or function.startswith(("list_", "array_"))
    )
    if function in _REACHES_OUT or (kinds and not scalar and not macro):
        raise MappingError(name, f"calls {function}(){allowed}")


_PURE_MACROS = frozenset(
    [
        "date_add",
        "days_in_month",
        "fdiv",
        "fmod",
        "json",
        "nullif",
        "round_even",
        "roundbankers",
        "split_part",
    ]
)
"""Scalar functions that DuckDB writes as macros; its other macros ask the session, the catalogue or the
clock."""

_REACHES_OUT = frozenset(["age", "current_setting", "getenv", "getvariable", "unnest", "version"])
"""Called consistent by DuckDB, and yet they look outside the row; `age` of one argument asks the clock."""
