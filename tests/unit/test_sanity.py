"""Tables beside the last ones: each finding at its limit, below and above, with zeroes, nulls and gaps."""

# ruff: noqa: E501 (SQL and sentences)

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import duckdb
import pytest

from orchestration.checks import sanity
from orchestration.checks.sanity import Finding
from orchestration.setting_sections import Sanity

LIMITS = Sanity(
    minimum_rows=10, rows_warn=0.1, rows_block=0.5, closed_sales_warn=0.1, closed_sales_block=0.5,
    nulls_warn=0.25, nulls_block=0.5, history_warn=4, history_block=8,
)  # fmt: skip
BOTH: dict[str, Any] = {"new": "new_release", "old": "old_release"}
UNTIL = date(2026, 4, 15)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Two databases without a table."""
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as new_release; attach ':memory:' as old_release")
        yield con


def severities(findings: Sequence[Finding]) -> list[str]:
    for finding in findings:
        assert math.isfinite(finding.size or 0)
        assert json.loads(json.dumps(finding.to_json(), allow_nan=False))["message"].endswith(".")
    return [finding.severity for finding in findings]


# --- rows of a source -------------------------------------------------------------------------------------


def put_leads(con: duckdb.DuckDBPyConnection, database: str, **rows: int) -> None:
    con.execute(f"create or replace table {database}.fct_leads (lead_id varchar)")
    for source, count in rows.items():
        con.execute(f"insert into {database}.fct_leads select '{source}:' || n from range({count}) t(n)")


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        (100, 100, []),
        (100, 200, []),
        (100, 90, []),  # at the limit
        (100, 89, ["warn"]),
        (100, 50, ["warn"]),
        (100, 49, ["block"]),
        (100, 0, ["block"]),
        (10, 4, ["block"]),  # the fewest rows that are judged
        (9, 1, []),
        (9, 0, ["block"]),  # gone is gone
        (0, 5, []),
        (0, 0, []),
    ],
)
def test_rows_of_a_source(con: duckdb.DuckDBPyConnection, was: int, now: int, expected: list[str]) -> None:
    put_leads(con, "old_release", crm=was, other=1000)
    put_leads(con, "new_release", crm=now, other=1000)
    assert severities(sanity.source_rows(con, LIMITS, **BOTH)) == expected


def test_the_rows_of_one_source_are_not_made_up_for_by_another(con: duckdb.DuckDBPyConnection) -> None:
    put_leads(con, "old_release", crm=1000, web=2000)
    put_leads(con, "new_release", crm=200, web=9000, phone=3)
    [finding] = sanity.source_rows(con, LIMITS, **BOTH)
    assert (finding.subject, finding.was, finding.now, finding.size, finding.limit) == (
        "fct_leads of crm", 1000, 200, 0.8, 0.5,
    )  # fmt: skip
    assert finding.message == (
        "fct_leads: the rows of source 'crm' fell from 1,000 to 200 (80%); more than 50% is refused. "
        "Look whether its export is whole."
    )


def test_every_table_of_facts_is_looked_at(con: duckdb.DuckDBPyConnection) -> None:
    for table, key in sanity.FACTS.items():
        con.execute(f"create table old_release.{table} as select 'crm:' || n as {key} from range(20) t(n)")
        con.execute(f"create table new_release.{table} as from old_release.{table} limit 4")
    found = sanity.source_rows(con, LIMITS, **BOTH)
    assert [finding.subject for finding in found] == [f"{table} of crm" for table in sanity.FACTS]


def test_a_source_that_is_null_and_a_table_that_one_lacks_are_no_fall(con: duckdb.DuckDBPyConnection) -> None:
    put_leads(con, "old_release", crm=100)
    assert sanity.source_rows(con, LIMITS, **BOTH) == []
    con.execute("create table new_release.fct_leads (other integer)")
    assert sanity.source_rows(con, LIMITS, **BOTH) == []
    put_leads(con, "new_release", crm=100)
    con.execute("insert into old_release.fct_leads select null from range(100)")
    assert sanity.source_rows(con, LIMITS, **BOTH) == []


# --- closed sales of closed months ------------------------------------------------------------------------


def put_sales(
    con: duckdb.DuckDBPyConnection, database: str, *amounts: float | None, complete: int = 3
) -> None:
    """Months from January 2026 on; the first `complete` of them are complete."""
    con.execute(
        f"create or replace table {database}.kpi_closed_sales (period_type varchar, period_start date, "
        "period_end date, is_complete boolean, level varchar, breakdown varchar, closed_amount decimal(18,2))"
    )
    for number, amount in enumerate(amounts):
        start = date(2026, number + 1, 1)
        con.execute(
            f"insert into {database}.kpi_closed_sales "
            "select 'month', $1, last_day($1), $2, level, breakdown, $3 "
            "from (values ('company', 'total'), ('team', 'total'), ('company', 'source')) as v(level, breakdown)",
            [start, number < complete, amount],
        )


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        (100, 100, []),
        (100, 110, []),  # at the limit
        (100, 90, []),
        (100, 110.01, ["warn"]),
        (100, 89.99, ["warn"]),
        (100, 150, ["warn"]),
        (100, 50, ["warn"]),
        (100, 150.01, ["block"]),
        (100, 49.99, ["block"]),
        (100, 0, ["block"]),
        (100, None, ["block"]),
        (0, 10, []),  # of a usual month, which was 100
        (0, 11, ["warn"]),
        (0, 51, ["block"]),
        (None, 0, []),
        (-100, 0, ["block"]),
    ],
)
def test_closed_sales(
    con: duckdb.DuckDBPyConnection, was: float | None, now: float | None, expected: list[str]
) -> None:
    put_sales(con, "old_release", 100, 100, was, 7)
    put_sales(con, "new_release", 100, 100, now, 7000, complete=4)
    assert severities(sanity.closed_sales(con, LIMITS, **BOTH, until=UNTIL)) == expected


def test_a_closed_month_that_changed_is_told_with_both_amounts(con: duckdb.DuckDBPyConnection) -> None:
    put_sales(con, "old_release", 1000, 1000, 123456.7)
    put_sales(con, "new_release", 1000, 1000, 40000)
    [finding] = sanity.closed_sales(con, LIMITS, **BOTH, until=UNTIL)
    assert finding.message == (
        "kpi_closed_sales: the closed sales of March 2026, a month that was complete, went from 123,456.70 to "
        "40,000.00 (a change of 68%); more than 50% is refused. Look whether won deals were deleted, reopened, "
        "revalued or moved to another month."
    )
    put_sales(con, "old_release", 1000, 1000, 0)
    put_sales(con, "new_release", 1000, 1000, 200)
    [finding] = sanity.closed_sales(con, LIMITS, **BOTH, until=UNTIL)
    assert "(a change of 20% of a usual month); more than 10% is worth a look" in finding.message


def test_of_months_without_any_sales_the_first_sale_has_no_measure(con: duckdb.DuckDBPyConnection) -> None:
    put_sales(con, "old_release", 0, 0, 0)
    put_sales(con, "new_release", 0, 0, 0)
    assert sanity.closed_sales(con, LIMITS, **BOTH, until=UNTIL) == []
    put_sales(con, "new_release", 0, 0, 5)
    [finding] = sanity.closed_sales(con, LIMITS, **BOTH, until=UNTIL)
    assert (finding.severity, finding.size) == ("block", None)
    assert "(there were none in any month)" in finding.message


def test_months_that_lie_after_what_is_described_are_not_compared(con: duckdb.DuckDBPyConnection) -> None:
    put_sales(con, "old_release", 100, 100, 100)
    put_sales(con, "new_release", 100, 100)
    assert severities(sanity.closed_sales(con, LIMITS, **BOTH, until=UNTIL)) == ["block"], "March is gone"
    assert sanity.closed_sales(con, LIMITS, **BOTH, until=date(2026, 3, 31)) == [], "March is not over"


def test_sales_that_the_last_release_lacks_cannot_have_changed(con: duckdb.DuckDBPyConnection) -> None:
    put_sales(con, "new_release", 100, 100, 100)
    assert sanity.closed_sales(con, LIMITS, **BOTH, until=UNTIL) == []
    put_sales(con, "old_release")
    assert sanity.closed_sales(con, LIMITS, **BOTH, until=UNTIL) == [], "an empty last release"
    put_sales(con, "old_release", 1, 1, 1)
    con.execute("alter table old_release.kpi_closed_sales drop column is_complete")
    assert sanity.closed_sales(con, LIMITS, **BOTH, until=UNTIL) == []


# --- columns without values -------------------------------------------------------------------------------


def put_column(
    con: duckdb.DuckDBPyConnection, database: str, rows: int, nulls: int, name: str = "industry"
) -> None:
    con.execute(
        f"create or replace table {database}.dim_things as "
        f"select n as thing_id, case when n >= {nulls} then 'x' end as {name} from range({rows}) t(n)"
    )


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        (0, 0, []),
        (0, 25, []),  # at the limit
        (0, 26, ["warn"]),
        (0, 50, ["warn"]),
        (0, 51, ["block"]),
        (0, 100, ["block"]),
        (60, 85, []),
        (60, 86, ["warn"]),
        (100, 100, []),  # was empty already
        (100, 0, []),
    ],
)
def test_columns_that_become_empty(
    con: duckdb.DuckDBPyConnection, was: int, now: int, expected: list[str]
) -> None:
    put_column(con, "old_release", 100, was)
    put_column(con, "new_release", 100, now)
    assert severities(sanity.nulls(con, LIMITS, **BOTH)) == expected


def test_an_empty_column_is_told_with_both_shares(con: duckdb.DuckDBPyConnection) -> None:
    put_column(con, "old_release", 200, 4)
    put_column(con, "new_release", 100, 95)
    [finding] = sanity.nulls(con, LIMITS, **BOTH)
    assert (finding.check, finding.subject) == ("nulls", "dim_things.industry")
    assert finding.message == (
        "dim_things.industry: without a value in 2% of the rows of the last release, now in 95%; a rise of more "
        "than 50 points is refused. Look whether the export still delivers what the column is made from."
    )


@pytest.mark.parametrize(
    ("before", "after"), [(9, 100), (100, 9), (0, 100), (100, 0)], ids=lambda rows: str(rows)
)
def test_few_rows_say_nothing_of_a_column(con: duckdb.DuckDBPyConnection, before: int, after: int) -> None:
    put_column(con, "old_release", before, 0)
    put_column(con, "new_release", after, after)
    assert sanity.nulls(con, LIMITS, **BOTH) == []
    none = LIMITS.model_copy(update={"minimum_rows": 0})
    assert len(sanity.nulls(con, none, **BOTH)) == (1 if before and after else 0), "nothing is divided by 0"


def test_a_column_or_table_that_the_last_release_lacks_cannot_become_empty(
    con: duckdb.DuckDBPyConnection,
) -> None:
    put_column(con, "new_release", 100, 100)
    assert sanity.nulls(con, LIMITS, **BOTH) == []
    put_column(con, "old_release", 100, 0, name="another")
    assert sanity.nulls(con, LIMITS, **BOTH) == []


def test_tables_of_findings_come_and_go(con: duckdb.DuckDBPyConnection) -> None:
    for table in sanity.COMES_AND_GOES:
        con.execute(f"create table old_release.{table} as select 'x' as a from range(100)")
        con.execute(f"create table new_release.{table} as select null::varchar as a from range(100)")
    assert sanity.nulls(con, LIMITS, **BOTH) == []


# --- a headline outside of its history --------------------------------------------------------------------

STEADY = (90, 110, 100, 95, 105, 90, 110, 100, 95, 105, 90, 110, 100)
"""Median 100; the deviations' median is 5, which makes a spread of 7.4, so that the least deviation counts: 10."""


def put_history(
    con: duckdb.DuckDBPyConnection, database: str, *values: float | None, kpi: str = "leads"
) -> None:
    """Months up to March 2026."""
    con.execute(
        f"create table if not exists {database}.kpi_scorecard "
        "(kpi varchar, period_type varchar, period_start date, level varchar, value double)"
    )
    con.execute(f"delete from {database}.kpi_scorecard where kpi = ?", [kpi])
    for back, value in enumerate(reversed(values)):
        con.execute(
            f"insert into {database}.kpi_scorecard select $1, type, date '2026-03-01' - to_months($2::int), level, $3 "
            "from (values ('month', 'company'), ('month', 'team'), ('week', 'company')) as v(type, level)",
            [kpi, back, value],
        )
    con.execute(
        f"insert into {database}.kpi_scorecard values (?, 'month', date '2026-04-01', 'company', 1e9)", [kpi]
    )


def history(con: duckdb.DuckDBPyConnection, limits: Sanity = LIMITS) -> list[Finding]:
    return sanity.history(con, limits, **BOTH, until=UNTIL, old_until=date(2026, 4, 14))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (100, []),
        (140, []),  # at the limit: 4 deviations of 10
        (60, []),
        (140.1, ["warn"]),
        (59.9, ["warn"]),
        (180, ["warn"]),
        (180.1, ["block"]),
        (0, ["block"]),
        (None, ["warn"]),
    ],
)
def test_a_headline_against_its_history(
    con: duckdb.DuckDBPyConnection, value: float | None, expected: list[str]
) -> None:
    put_history(con, "old_release", *STEADY)
    put_history(con, "new_release", 1e6, *STEADY, value)  # 14 months back is no history any more
    assert severities(history(con)) == expected


def test_a_headline_far_out_is_told_with_its_median(con: duckdb.DuckDBPyConnection) -> None:
    put_history(con, "new_release", *STEADY, 5)
    [finding] = history(con)
    assert (finding.subject, finding.was, finding.now, finding.size) == ("leads 2026-03", 100, 5, 9.5)
    assert finding.message == (
        "kpi_scorecard: leads of March 2026 is 5, while the months before lie around 100 (9.5 deviations); more "
        "than 8 deviations is refused. Look whether that month is whole in the export."
    )
    put_history(con, "new_release", *STEADY, None)
    assert "leads of March 2026 has no value, while the months before" in history(con)[0].message


@pytest.mark.parametrize(
    "before", [(), (100,), STEADY[:5], (None,) * 13, (None,) * 8 + STEADY[:5], (0,) * 13]
)
def test_without_a_history_nothing_is_far_out(
    con: duckdb.DuckDBPyConnection, before: tuple[float | None, ...]
) -> None:
    """Too few months, months without a value, and a metric that was nothing but 0."""
    for value in (1e6, None, 0):
        put_history(con, "new_release", *before, value)
        assert history(con) == []


def test_a_metric_that_had_months_without_a_value_may_have_one_more(con: duckdb.DuckDBPyConnection) -> None:
    put_history(con, "new_release", None, *STEADY[1:], None)
    assert history(con) == []


def test_what_was_let_through_warns_until_the_month_is_over(con: duckdb.DuckDBPyConnection) -> None:
    put_history(con, "new_release", *STEADY, 500)
    put_history(con, "old_release", *STEADY, 490)
    assert severities(history(con)) == ["warn"]
    put_history(con, "old_release", *STEADY, 150)
    assert severities(history(con)) == ["block"], "a warning then is no leave now"
    put_history(con, "old_release", *STEADY)
    assert severities(history(con)) == ["block"], "another month"


def test_months_that_are_not_mature_are_no_part_of_it(con: duckdb.DuckDBPyConnection) -> None:
    put_history(con, "new_release", *STEADY, 1, kpi="conversion_ratio")
    assert severities(history(con)) == ["block"]
    con.execute(
        "create table new_release.kpi_conversion_ratio as select period_type, period_start, level, "
        "'total' as breakdown, period_start < date '2026-03-01' as is_mature from new_release.kpi_scorecard"
    )
    assert history(con) == []


def test_without_a_scorecard_nothing_is_far_out(con: duckdb.DuckDBPyConnection) -> None:
    assert history(con) == []
    con.execute("create table new_release.kpi_scorecard (kpi varchar)")
    assert history(con) == []


def test_a_limit_without_end_is_never_passed(con: duckdb.DuckDBPyConnection) -> None:
    never = Sanity(
        rows_warn=math.inf, rows_block=math.inf, closed_sales_warn=math.inf, closed_sales_block=math.inf,
        nulls_warn=math.inf, nulls_block=math.inf, history_warn=math.inf, history_block=math.inf,
    )  # fmt: skip
    put_leads(con, "old_release", crm=1000)
    put_leads(con, "new_release", crm=1)
    put_sales(con, "old_release", 0, 0, 0)
    put_sales(con, "new_release", 0, 0, 9)
    put_history(con, "new_release", *STEADY, 1e9)
    put_column(con, "old_release", 100, 0)
    put_column(con, "new_release", 100, 100)
    assert sanity.source_rows(con, never, **BOTH) == []
    assert sanity.closed_sales(con, never, **BOTH, until=UNTIL) == []
    assert sanity.nulls(con, never, **BOTH) == []
    assert history(con, never) == []
