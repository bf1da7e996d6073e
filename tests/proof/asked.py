"""What the published tables say of a few records: a world in few words, and the cells to look at.

Belongs here: running the models that a question needs, and no others. Does not belong here: a case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.proof.compiled import Compiled, compile_project
from tests.proof.in_memory import built, rows_of
from tests.reference.world import Rules, World

Row = dict[str, Any]
Tables = dict[str, list[Row]]


@cache
def compiled() -> Compiled:
    """Under the rules of a company that has changed no setting; compiled once for all who ask."""
    with TemporaryDirectory(prefix="zeven_asked_") as folder:
        return compile_project(Rules(), Path(folder))


@cache
def needed(*tables: str) -> Compiled:
    """What it takes to build these tables."""
    names = {model.name for table in tables for model in compiled().only(table).models}
    models = tuple(model for model in compiled().models if model.name in names)
    return replace(compiled(), models=models, tests=())


def elsewhere(some: Compiled, time_zone: str) -> Compiled:
    """The same for a company in another time zone, which is a literal wherever a model needs it."""
    models = tuple(
        replace(model, sql=model.sql.replace(f"'{Rules().time_zone}'", f"'{time_zone}'"))
        for model in some.models
    )
    assert models != some.models
    return replace(some, models=models)


def published(world: World, *tables: str, by: Compiled | None = None) -> Tables:
    with built(by or needed(*tables), world) as con:
        return {table: rows_of(con, table) for table in tables}


def find(rows: Iterable[Row], **wanted: Any) -> Row:
    """The one row that has these values."""
    found = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    assert len(found) == 1, f"{len(found)} rows with {wanted}"
    return found[0]


def company(rows: Iterable[Row], month: date, breakdown: str = "total", value: str = "total") -> Row:
    """A metric's row of a month for the whole company."""
    return find(rows, **_cell("month", month, breakdown, value), level="company")


def rep(rows: Iterable[Row], rep_id: str, month: date, breakdown: str = "total", value: str = "total") -> Row:
    """The same for a rep."""
    return find(rows, **_cell("month", month, breakdown, value), level="rep", rep_id=rep_id)


def by_value(rows: Iterable[Row], month: date, breakdown: str, measure: str) -> Row:
    """The company's measure of a month by the values of a breakdown."""
    return {
        row["breakdown_value"]: row[measure]
        for row in rows
        if (row["period_type"], row["period_start"], row["level"]) == ("month", month, "company")
        and row["breakdown"] == breakdown
    }


def _cell(period_type: str, start: date, breakdown: str, value: str) -> Row:
    return {
        "period_type": period_type,
        "period_start": start,
        "breakdown": breakdown,
        "breakdown_value": value,
    }
