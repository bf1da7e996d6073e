"""Comparing two tables cell by cell: types and decimals exactly, doubles to nine digits.

Belongs here: finding what differs, and saying it. Does not belong here: where the tables come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestration.sql_text import identifier

if TYPE_CHECKING:
    import duckdb

AS_CLOSE = 1e-9
"""How far two doubles may be apart, as a part of the larger one; below 1, as a number."""
_SHOWN = 3


def differences(
    con: duckdb.DuckDBPyConnection, one: str, other: str, key: Sequence[str], sides: tuple[str, str]
) -> list[str]:
    """What differs between two relations of a connection, as sentences; none where they are equal.

    `one` and `other` are what may stand after `from`; `key` tells their rows apart, nulls being equal.
    """
    types = [_types(con, relation) for relation in (one, other)]
    if list(types[0]) != list(types[1]):
        return [f"columns {list(types[0])} of {sides[0]}, {list(types[1])} of {sides[1]}"]
    told = [
        f"{name} is {types[0][name]} of {sides[0]}, {types[1][name]} of {sides[1]}"
        for name in types[0]
        if types[0][name] != types[1][name]
    ]
    told += _twice(con, one, key, sides[0]) + _twice(con, other, key, sides[1])
    joined = " and ".join(f"one.{name} is not distinct from other.{name}" for name in map(identifier, key))
    for side, here, there in ((sides[0], one, other), (sides[1], other, one)):
        query = f"from {here} as one where not exists (from {there} as other where {joined})"
        told += _shown(con, f"select {_list(key)} {query}", f"only of {side}")
    for name, data_type in types[0].items():
        if name in key:
            continue
        left, right = f"one.{identifier(name)}", f"other.{identifier(name)}"
        differs = f"{left} is distinct from {right}"
        if data_type == "DOUBLE":
            apart = f"abs({left} - {right}) <= {AS_CLOSE} * greatest(1, abs({left}), abs({right}))"
            finite = f"isfinite({left}) and isfinite({right})"
            differs += f" and not coalesce({finite} and {apart}, false)"
        columns = ", ".join([*(f"one.{identifier(part)}" for part in key), left, right])
        query = f"select {columns} from {one} as one inner join {other} as other on {joined} where {differs}"
        told += _shown(con, query, f"{name} ({sides[0]}, {sides[1]})")
    return told


def _types(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    return {name: data_type for name, data_type, *_ in con.execute(f"describe from {relation}").fetchall()}


def _twice(con: duckdb.DuckDBPyConnection, relation: str, key: Sequence[str], side: str) -> list[str]:
    query = f"select {_list(key)} from {relation} group by all having count(*) > 1"
    return _shown(con, query, f"more than once of {side}")


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(identifier, names))


def _shown(con: duckdb.DuckDBPyConnection, query: str, what: str) -> list[str]:
    """A sentence where the query finds rows: how many, and some of them."""
    rows = con.execute(query).fetchall()
    if not rows:
        return []
    return [f"{what}: {len(rows)}, such as {'; '.join(map(str, sorted(rows, key=str)[:_SHOWN]))}"]
