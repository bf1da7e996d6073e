"""Whether a text of the settings is one harmless SQL expression over the columns of one row.

Belongs here: the check, by DuckDB's own parser, and what it allows. Does not belong here: which settings hold
expressions (`settings.py`, `ingest/mapping.py`), or which columns there are.

What is not known to be harmless is refused. A function passes only if DuckDB's own catalogue has it as a
scalar function that gives the same for the same values, so what an extension would bring, and what does not
exist yet, is refused by itself; the few that the catalogue calls consistent and that look outside the row
all the same are listed here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from orchestration.errors import ZevenError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LONGEST = 10_000
"""Characters. DuckDB's parser goes one call deeper for every bracket; the longest real one had 400."""

SPECIAL_NAMES = frozenset(
    [
        "current_catalog",
        "current_date",
        "current_role",
        "current_schema",
        "current_time",
        "current_timestamp",
        "current_user",
        "localtime",
        "localtimestamp",
        "session_user",
        "user",
    ]
)
"""Written like columns, and computed by the database where no column of that name is there."""


class ExpressionError(ZevenError):
    """Why a text is refused: the end of a sentence whose beginning the caller knows."""


def columns_named(con: DuckDBPyConnection, expression: str) -> set[str]:
    """The columns that an expression names, in lower case, after checking that it is harmless.

    Raises `ExpressionError` for anything but one scalar expression whose value depends on the row alone: no
    statement, subquery, star, parameter, window, aggregate or table function, and no file, clock, random
    number, environment, setting or extension.
    """
    if len(expression) > LONGEST:
        raise ExpressionError(f"has {len(expression):,} characters; more than {LONGEST:,} are not read")
    if "\0" in expression:
        raise ExpressionError("holds a null character")
    # checked in exactly the parentheses in which it is run: what closes them early is no single expression
    answer = con.execute("SELECT json_serialize_sql(?)", [f"SELECT (\n{expression}\n)"]).fetchall()[0][0]
    try:
        return _named(json.loads(answer))
    except RecursionError:
        raise ExpressionError("is nested too deeply to be checked; write it shorter") from None


def _named(tree: dict[str, Any]) -> set[str]:
    if tree.get("error"):
        said = str(tree.get("error_message", "")).strip().split("\n", 1)[0]
        raise ExpressionError(f"is no SQL expression: {said}")
    node = tree["statements"][0]["node"] if len(tree["statements"]) == 1 else {}
    if not _is_plain(node):
        raise ExpressionError("is no single expression; write one expression over the file's columns")
    used: set[str] = set()
    for part, bound in _parts(node["select_list"][0], frozenset()):
        _check_part(part)
        if part["class"] == "COLUMN_REF" and part["column_names"][0].casefold() not in bound:
            used.add(part["column_names"][0].casefold())
    return used


def _is_plain(node: dict[str, Any]) -> bool:
    """Whether a parsed `SELECT (...)` is nothing but that."""
    return (
        node.get("type") == "SELECT_NODE"
        and len(node["select_list"]) == 1
        and node["from_table"]["type"] == "EMPTY"
        and not any(
            node.get(clause)
            for clause in ("modifiers", "where_clause", "group_expressions", "having", "qualify", "sample")
        )
        and not node["cte_map"]["map"]
    )


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


_ALLOWED = frozenset(
    [
        "BETWEEN",
        "CASE",
        "CAST",
        "COLLATE",
        "COLUMN_REF",
        "COMPARISON",
        "CONJUNCTION",
        "CONSTANT",
        "FUNCTION",
        "LAMBDA",
        "OPERATOR",
        "TYPE",
    ]
)
"""Classes of expressions, as DuckDB's parser names them."""

_REFUSED = {
    "SUBQUERY": "holds a subquery",
    "STAR": "holds a star",
    "WINDOW": "holds a window function",
    "PARAMETER": "holds a parameter",
    "DEFAULT": "holds DEFAULT",
    "POSITIONAL_REFERENCE": "refers to a column by its position",
}


@cache
def _built_in() -> dict[str, set[tuple[str, str]]]:
    """(type, stability) of what DuckDB itself brings, by name; asked once, as it takes 15 ms."""
    import duckdb

    found: dict[str, set[tuple[str, str]]] = {}
    with duckdb.connect(config={"autoload_known_extensions": False}) as con:
        for name, kind, stability in con.execute(
            "SELECT DISTINCT lower(function_name), function_type, stability FROM duckdb_functions()"
            " WHERE internal"
        ).fetchall():
            found.setdefault(name, set()).add((kind, stability))
    return found


def _check_part(part: dict[str, Any]) -> None:
    row_alone = "; it is to be computed from the columns of one row alone"
    kind = part["class"]
    if kind not in _ALLOWED:
        raise ExpressionError(_REFUSED.get(kind, f"holds {kind.lower().replace('_', ' ')}") + row_alone)
    if kind != "FUNCTION":
        return
    function = part["function_name"].lower()
    kinds = _built_in().get(function)
    if not kinds:
        raise ExpressionError(f"calls {function}(), which this database does not have")
    scalar = any(kind == "scalar" and stability == "CONSISTENT" for kind, stability in kinds)
    macro = any(kind == "macro" for kind, _ in kinds) and (
        function in _PURE_MACROS or function.startswith(("list_", "array_"))
    )
    if function in _REACHES_OUT or not (scalar or macro):
        raise ExpressionError(f"calls {function}(){row_alone}")


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

_REACHES_OUT = frozenset(
    [
        "age",
        "current_localtime",
        "current_localtimestamp",
        "current_setting",
        "getenv",
        "getvariable",
        "json_deserialize_sql",
        "json_serialize_plan",
        "json_serialize_sql",
        "parse_duckdb_log_message",
        "sql_auto_complete",
        "unnest",
        "vector_type",
        "version",
    ]
)
"""Called consistent by DuckDB, and yet they look outside the row or take SQL; `age` of one argument asks the
clock."""
