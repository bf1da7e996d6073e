"""Whether the floor made the very tables that the pipeline published, cell by cell.

Belongs here: the comparison, and what is left out of it. Does not belong here: making either side.
"""

# ruff: noqa: S608 -- names of tables and columns come from the databases themselves, quoted

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import duckdb

LEFT_OUT = {
    "release_info": "names the release and when it was made: it differs from run to run",
    "restatements": "compares a release with the one before it, and a first release has none",
}
"""Published tables that follow from the run and not from the export."""
_TWELVE_DIGITS = 'round("{0}", 12 - ceil(log10(abs("{0}") + 1e-300))::int)'
MEMORY = "4GB"
MANY = 10_000
"""More rows than these differ by more than a rounding."""
TOLERANCE = 1e-9
"""By which two doubles may differ: as a share of the larger one, since sums of sums round elsewhere; below 1
as a number, since of a change by next to nothing only the difference of two such values is left."""


def differences(floor: Path, release: Path) -> list[str]:
    """What differs, in sentences; empty where every published table is the same in both databases.

    What stands here as the floor may be another release, such as that of another engine.
    """
    limits: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY,
        "temp_directory": str(floor.with_suffix(".tmp")),
    }
    with duckdb.connect(":memory:", config=limits) as con:
        con.execute(f"attach '{floor}' as floor (read_only)")
        con.execute(f"attach '{release}' as release (read_only)")
        published = _tables(con, "release") - set(LEFT_OUT)
        made = _tables(con, "floor") - set(LEFT_OUT)
        found = [f"{table}: is not in the floor" for table in sorted(published - made)]
        found += [f"{table}: is not published" for table in sorted(made - published)]
        for table in sorted(published & made):
            found += _differing(con, table)
    return found


def _tables(con: duckdb.DuckDBPyConnection, database: str) -> set[str]:
    rows = con.execute(
        "select table_name from duckdb_tables() where database_name = ?", [database]
    ).fetchall()
    return {name for (name,) in rows}


def _differing(con: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    columns, other = (
        {name: kind for name, kind, *_ in con.execute(f'describe {side}."{table}"').fetchall()}
        for side in ("release", "floor")
    )
    if columns != other:
        return [f"{table}: other columns, {sorted(set(columns.items()) ^ set(other.items()))}"]
    # rows that differ in the last digits of a double only are told from others in Python, and they are few:
    # of doubles the database compares twelve digits. With nine, medians of two rounded numbers often
    # lay on the border between two roundings, and two engines did not agree on its side
    compared = ", ".join(
        f'{_TWELVE_DIGITS.format(name)} as "{name}"' if kind == "DOUBLE" else f'"{name}"'
        for name, kind in columns.items()
    )
    exact = [name for name, kind in columns.items() if kind != "DOUBLE"]
    doubles = [name for name, kind in columns.items() if kind == "DOUBLE"]
    order = ", ".join(f'"{name}"' for name in [*exact, *doubles])
    alone = [
        con.execute(
            f'with rows_of_others as (select {compared} from {here}."{table}" except all '
            f'select {compared} from {there}."{table}") select {order} from rows_of_others order by {order} '
            f"limit {MANY}"
        ).fetchall()
        for here, there in (("release", "floor"), ("floor", "release"))
    ]
    pairs = list(zip(*alone, strict=False))
    if len(alone[0]) == len(alone[1]) < MANY and all(_same(row, other, len(exact)) for row, other in pairs):
        return []
    published, floors = (rows[:1] for rows in alone)
    return [
        f"{table}: {len(alone[0])} rows are published alone, {len(alone[1])} are the floor's alone "
        f"(of at most {MANY} looked at), such as {published} and {floors}"
    ]


def _same(row: tuple[Any, ...], other: tuple[Any, ...], exact: int) -> bool:
    """`exact` columns are equal, and the doubles behind them close."""
    if row[:exact] != other[:exact]:
        return False
    return all(_close(one, two) for one, two in zip(row[exact:], other[exact:], strict=True))


def _close(one: float | None, two: float | None) -> bool:
    if one is None or two is None:
        return one is two
    return math.isclose(one, two, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
