"""The seven headline numbers of a release, as a person reads them in a terminal.

Belongs here: picking the company's newest complete month and the running one from `kpi_scorecard`, and
writing a value with its unit. Does not belong here: any formula; all was computed and checked before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£"}


@dataclass(frozen=True)
class Number:
    """One row: a metric in the newest complete month and in the month that runs. Null is None."""

    kpi: str
    name: str
    unit: str
    complete_value: float | None
    running_value: float | None
    target_value: float | None
    previous_value: float | None
    change_ratio: float | None
    status: str | None


@dataclass(frozen=True)
class Numbers:
    """`target_value`, `previous_value`, `change_ratio` and `status` are those of the complete month."""

    complete_month: date
    running_month: date
    currency: str
    rows: tuple[Number, ...]


def read_numbers(con: DuckDBPyConnection, *, as_of: datetime, time_zone: str, currency: str) -> Numbers:
    """Read them from an open release, whose tables `con` finds without a schema.

    `as_of` is an instant with offset; the months are those of `time_zone`. A metric that the release does not
    have is not there; one without a row in a month has None.
    """
    today = as_of.astimezone(ZoneInfo(time_zone)).date()
    running = today.replace(day=1)
    complete = (running - timedelta(days=1)).replace(day=1)
    found = con.execute(
        "select scorecard.*, catalog.name_en as name "
        "from kpi_scorecard as scorecard "
        "inner join metric_catalog as catalog on scorecard.kpi = catalog.slug "
        "where scorecard.period_type = 'month' and scorecard.level = 'company' "
        "and scorecard.period_start in ($complete, $running) order by scorecard.sort_order",
        {"complete": complete, "running": running},
    )
    columns = [column[0] for column in found.description]
    by_month: dict[date, dict[str, dict[str, Any]]] = {complete: {}, running: {}}
    metrics: dict[str, tuple[str, str]] = {}
    for values in found.fetchall():
        row = dict(zip(columns, values, strict=True))
        by_month[row["period_start"]][row["kpi"]] = row
        metrics.setdefault(row["kpi"], (row["name"], row["unit"]))
    numbers = tuple(
        _number(slug, name, unit, by_month[complete].get(slug, {}), by_month[running].get(slug, {}))
        for slug, (name, unit) in metrics.items()
    )
    return Numbers(complete, running, currency, numbers)


def _number(slug: str, name: str, unit: str, complete: dict[str, Any], running: dict[str, Any]) -> Number:
    return Number(
        kpi=slug,
        name=name,
        unit=unit,
        complete_value=complete.get("value"),
        running_value=running.get("value"),
        target_value=complete.get("target_value"),
        previous_value=complete.get("previous_value"),
        change_ratio=complete.get("change_ratio"),
        status=complete.get("status"),
    )


def shown(value: float | None, unit: str, currency: str) -> str:
    """A value as a person writes it: `€ 12,345`, `31.4 %`, `2 h 05 min`, `1,204`; a dash for none."""
    if value is None:
        return "–"
    if unit == "ratio":
        return f"{100 * value:.1f} %"
    if unit.endswith("minutes"):
        return _minutes(value)
    if unit == "currency":
        return f"{_SYMBOLS.get(currency, currency)} {value:,.0f}"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _minutes(value: float) -> str:
    whole = round(value)
    if whole < 60:
        return f"{whole} min"
    return f"{whole // 60} h {whole % 60:02d} min"


def change(ratio: float | None) -> str:
    """`+12 %`, `-3 %`; empty for none."""
    return "" if ratio is None else f"{100 * ratio:+.0f} %"


def comparison(row: Number) -> str:
    """The change of the complete month; `too early` where the release refuses to compare two values."""
    if row.change_ratio is None and row.complete_value is not None and row.previous_value:
        return "too early"
    return change(row.change_ratio)
