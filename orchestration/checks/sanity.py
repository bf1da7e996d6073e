"""A new set of tables against the one that serves: what no rule forbids, and yet is hardly ever true.

Belongs here: the four comparisons, their findings and the sentence of each. Does not belong here: which
release is compared with, what a finding leads to and who may let it through (`publish/sanity_gate.py`), or
the limits themselves (`[sanity]` of the settings).

Every comparison answers for zeroes, nulls and tables or columns that one of the two lacks: what the last
release did not have cannot have changed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from orchestration.sql_text import identifier

if TYPE_CHECKING:
    import duckdb

    from orchestration.setting_sections import Sanity

FACTS = {"fct_leads": "lead_id", "fct_opportunities": "opportunity_id", "fct_contact_moments": "activity_id"}
"""Tables with a row per record of a source, and the id that has the source in front."""
COMES_AND_GOES = ("data_warnings", "kpi_signals", "release_info")
"""Tables of findings: what stands in them differs from day to day, and with it which columns are filled."""
HISTORY_MONTHS = 13
"""A year and the same month of the year before."""
KNOWN_MONTHS = 6
"""Of fewer months a median deviation is chance."""
LEAST_DEVIATION = 0.1
"""Of the median: a metric that hardly ever moves is not far out because it moved a little. With it, no metric
of demo companies of 16 and of 200 reps was farther out than 7.5 deviations in 36 months, each a growing
January.
"""

Severity = Literal["warn", "block"]


@dataclass(frozen=True)
class Finding:
    """What is hardly true. `size` is what the limit is held against; null where it has no bounds.

    `was` and `now` are counts, shares or amounts, never values of single records.
    """

    check: str
    subject: str
    severity: Severity
    was: float | None
    now: float | None
    size: float | None
    limit: float
    message: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def source_rows(con: duckdb.DuckDBPyConnection, limits: Sanity, *, new: str, old: str) -> list[Finding]:
    """Sources of which records are gone: rows by the front of the id, in the databases `new` and `old`."""
    found = []
    for table, key in FACTS.items():
        if key not in _columns(con, new, table) or key not in _columns(con, old, table):
            continue
        counts = _by_source(con, new, table, key)
        for source, was in sorted(_by_source(con, old, table, key).items()):
            now = counts.get(source, 0)
            if was < limits.minimum_rows and now:
                continue
            size = (was - now) / was
            if judged := _judged(size, limits.rows_warn, limits.rows_block):
                severity, limit = judged
                found.append(Finding(
                    "source_rows", f"{table} of {source}", severity, was, now, size, limit,
                    f"{table}: the rows of source '{source}' fell from {was:,} to {now:,} ({size:.0%}); "
                    f"{_beyond(severity, f'{limit:.0%}')}. Look whether its export is whole.",
                ))  # fmt: skip
    return found


def closed_sales(
    con: duckdb.DuckDBPyConnection, limits: Sanity, *, new: str, old: str, until: date
) -> list[Finding]:
    """Closed months of which the company's sales changed; `until` is the day that the new tables describe.

    A change is measured against the month or, where that was less, a usual month of the last release (the
    median): the first sale of a month without any is no jump without bounds. Quarters and years are sums of
    months, and weeks are too small to judge.
    """
    needed = {
        "period_type",
        "period_start",
        "period_end",
        "is_complete",
        "level",
        "breakdown",
        "closed_amount",
    }
    if not needed <= _columns(con, new, "kpi_closed_sales") & _columns(con, old, "kpi_closed_sales"):
        return []
    before = _months(con, old, "is_complete")
    after = _months(con, new, "true")
    usual = statistics.median(abs(amount) for _, amount in before.values()) if before else 0.0
    found = []
    for month, (end, was) in sorted(before.items()):
        if end >= until:
            continue
        now = after.get(month, (end, 0.0))[1]
        base = max(abs(was), usual)
        size = abs(now - was) / base if base else math.inf if now != was else 0.0
        if judged := _judged(size, limits.closed_sales_warn, limits.closed_sales_block):
            severity, limit = judged
            against = "" if abs(was) >= usual else " of a usual month"
            change = (
                f"a change of {size:.0%}{against}" if math.isfinite(size) else "there were none in any month"
            )
            found.append(Finding(
                "closed_sales", f"{month:%Y-%m}", severity, was, now, _finite(size), limit,
                f"kpi_closed_sales: the closed sales of {month:%B %Y}, a month that was complete, went from "
                f"{was:,.2f} to {now:,.2f} ({change}); {_beyond(severity, f'{limit:.0%}')}. Look whether won "
                "deals were deleted, reopened, revalued or moved to another month.",
            ))  # fmt: skip
    return found


def nulls(con: duckdb.DuckDBPyConnection, limits: Sanity, *, new: str, old: str) -> list[Finding]:
    """Columns that have become empty: the share of rows without a value, in tables that both have."""
    found = []
    for table in _tables(con, new):
        if table in COMES_AND_GOES:
            continue
        columns = sorted(_columns(con, new, table) & _columns(con, old, table))
        before, after = _filled(con, old, table, columns), _filled(con, new, table, columns)
        if min(before.rows, after.rows) < max(limits.minimum_rows, 1):
            continue
        for column in columns:
            was, now = before.share_of_nulls(column), after.share_of_nulls(column)
            if judged := _judged(now - was, limits.nulls_warn, limits.nulls_block):
                severity, limit = judged
                found.append(Finding(
                    "nulls", f"{table}.{column}", severity, was, now, now - was, limit,
                    f"{table}.{column}: without a value in {was:.0%} of the rows of the last release, now in "
                    f"{now:.0%}; {_beyond(severity, f'{100 * limit:.0f} points', 'a rise of more')}. Look "
                    "whether the export still delivers what the column is made from.",
                ))  # fmt: skip
    return found


def history(
    con: duckdb.DuckDBPyConnection, limits: Sanity, *, new: str, old: str, until: date, old_until: date
) -> list[Finding]:
    """Headlines of which the newest complete month lies far outside of the 13 before it.

    What the last release said of the same month already is a warning at most: it was let through then, and
    must not stop every run until the month is over. A month without a number, where all before have one,
    warns.
    """
    needed = {"kpi", "period_type", "period_start", "level", "value"}
    if not needed <= _columns(con, new, "kpi_scorecard"):
        return []
    known = needed <= _columns(con, old, "kpi_scorecard")
    found = []
    for metric, series in _series(con, new, until).items():
        now = _outlier(series)
        if now is None or not (judged := _judged(now.size, limits.history_warn, limits.history_block)):
            continue
        severity, limit = judged
        then = _outlier(_series(con, old, old_until).get(metric, [])) if known else None
        if then is not None and then.month == now.month and then.size > limits.history_block:
            severity = "warn"
        if now.value is None:
            severity, limit = "warn", limits.history_warn
        said = "has no value" if now.value is None else f"is {now.value:,.6g}"
        distance = f" ({now.size:.1f} deviations)" if math.isfinite(now.size) else ""
        found.append(Finding(
            "history", f"{metric} {now.month:%Y-%m}", severity, now.median, now.value, _finite(now.size),
            limit,
            f"kpi_scorecard: {metric} of {now.month:%B %Y} {said}, while the months before lie around "
            f"{now.median:,.6g}{distance}; {_beyond(severity, f'{limit:g} deviations')}. Look whether that "
            "month is whole in the export.",
        ))  # fmt: skip
    return found


@dataclass(frozen=True)
class _Outlier:
    month: date
    value: float | None
    median: float
    size: float


def _outlier(series: Sequence[tuple[date, float | None]]) -> _Outlier | None:
    """How far the last month lies outside of those before; None where too few of them have a value."""
    if not series:
        return None
    (month, value), before = series[-1], series[-1 - HISTORY_MONTHS : -1]
    values = [known for _, known in before if known is not None]
    if len(values) < KNOWN_MONTHS:
        return None
    median = statistics.median(values)
    if value is None:
        all_known = len(values) == len(before) and any(values)
        return _Outlier(month, None, median, math.inf) if all_known else None
    # 1.4826: of a normal distribution, the median deviation is then the standard deviation
    spread = 1.4826 * statistics.median(abs(known - median) for known in values)
    unit = max(spread, LEAST_DEVIATION * abs(median))
    if not unit:  # a metric that was nothing but 0 has no history to be outside of
        return None
    return _Outlier(month, value, median, abs(value - median) / unit)


def _judged(size: float, warn: float, block: float) -> tuple[Severity, float] | None:
    """How bad it is, and the limit that it is beyond; None up to both limits."""
    if size > block:
        return "block", block
    return ("warn", warn) if size > warn else None


def _beyond(severity: Severity, limit: str, more: str = "more") -> str:
    return f"{more} than {limit} is {'refused' if severity == 'block' else 'worth a look'}"


def _finite(size: float) -> float | None:
    return size if math.isfinite(size) else None


def _tables(con: duckdb.DuckDBPyConnection, database: str) -> list[str]:
    found = con.execute(  # of views too: the rows of a table may stand in files beside the database
        "select distinct table_name from duckdb_columns() "
        "where database_name = ? and schema_name = 'main' order by 1",
        [database],
    )
    return [name for (name,) in found.fetchall()]


def _columns(con: duckdb.DuckDBPyConnection, database: str, table: str) -> set[str]:
    found = con.execute(
        "select column_name from duckdb_columns() "
        "where database_name = ? and schema_name = 'main' and table_name = ?",
        [database, table],
    )
    return {name for (name,) in found.fetchall()}


def _by_source(con: duckdb.DuckDBPyConnection, database: str, table: str, key: str) -> dict[str, int]:
    found = con.execute(
        f"select split_part({identifier(key)}, ':', 1), count(*) "  # noqa: S608 (quoted names)
        f"from {identifier(database)}.{identifier(table)} where {identifier(key)} is not null group by 1"
    )
    return dict(found.fetchall())


def _months(con: duckdb.DuckDBPyConnection, database: str, where: str) -> dict[date, tuple[date, float]]:
    """The company's closed sales by month: last day and amount."""
    found = con.execute(
        f"select period_start, period_end, coalesce(closed_amount, 0)::double "  # noqa: S608 (quoted name)
        f"from {identifier(database)}.kpi_closed_sales "
        f"where period_type = 'month' and level = 'company' and breakdown = 'total' and {where}"
    )
    return {month: (end, amount) for month, end, amount in found.fetchall()}


@dataclass(frozen=True)
class _Filled:
    rows: int
    values: dict[str, int]

    def share_of_nulls(self, column: str) -> float:
        return 1 - self.values[column] / self.rows


def _filled(con: duckdb.DuckDBPyConnection, database: str, table: str, columns: Iterable[str]) -> _Filled:
    """How many rows of a table have a value in each column; a table that is not there has no rows."""
    names = list(columns)
    if not names:
        return _Filled(0, {})
    counts = ", ".join(f"count({identifier(name)})" for name in names)
    [(rows, *values)] = con.execute(
        f"select count(*), {counts} from {identifier(database)}.{identifier(table)}"  # noqa: S608 (quoted names)
    ).fetchall()
    return _Filled(rows, dict(zip(names, values, strict=True)))


def _series(
    con: duckdb.DuckDBPyConnection, database: str, until: date
) -> dict[str, list[tuple[date, float | None]]]:
    """The company's complete months of every metric, oldest first.

    Months that a metric's own table calls immature are left out: of the newest leads most are still to become
    customers, so their conversion lies below all others every month.
    """
    found = con.execute(
        f"select kpi, period_start, value from {identifier(database)}.kpi_scorecard "  # noqa: S608 (quoted name)
        "where period_type = 'month' and level = 'company' and last_day(period_start) < ? order by 1, 2",
        [until],
    ).fetchall()
    series: dict[str, list[tuple[date, float | None]]] = {}
    immature = {
        metric: set(_immature(con, database, f"kpi_{metric}")) for metric in {row[0] for row in found}
    }
    for metric, month, value in found:
        if month not in immature[metric]:
            series.setdefault(metric, []).append((month, value))
    return series


def _immature(con: duckdb.DuckDBPyConnection, database: str, table: str) -> Iterator[date]:
    needed = {"is_mature", "period_type", "period_start", "level", "breakdown"}
    if needed <= _columns(con, database, table):
        found = con.execute(
            f"select period_start from {identifier(database)}.{identifier(table)} "  # noqa: S608 (quoted names)
            "where period_type = 'month' and level = 'company' and breakdown = 'total' and not is_mature"
        )
        yield from (month for (month,) in found.fetchall())
