"""A company of two reps and two months in which everything agrees, in the tables of the contracts.

Belongs here: making that database, bending the numbers of one rep in it, and breaking a rule. Does not belong
here: the tests.

Per rep and month there is one lead, answered and a customer; one contact moment; one won opportunity of 100;
and per rep one open opportunity of 50. So every metric follows by counting on one's fingers.
"""

# ruff: noqa: E501 (SQL, as wide as its columns)

from __future__ import annotations

import re
from collections.abc import Iterable

import duckdb

from orchestration.checks.contracts import load_contracts
from orchestration.checks.reconciliation import Reconciliation, load_reconciliations
from orchestration.publish.release import MODELS_DIR
from orchestration.sql_text import identifier

CONTRACTS = load_contracts(MODELS_DIR)
RULES = load_reconciliations(MODELS_DIR, CONTRACTS)
PER_CELL = {
    "leads": 1, "qualified_leads": 1, "responded_leads": 1, "within_sla_leads": 1, "sla_eligible_leads": 1,
    "customers": 1, "contact_moments": 1, "first_responses": 1, "won_opportunities": 1, "closed_amount": 100,
    "won_amount": 100, "open_opportunities": 1, "open_amount": 50,
}  # fmt: skip
"""What a rep has in a month; of every other measure nothing."""
STOCKS = ("open_opportunities", "open_amount")
PERIODS = (
    ("month", "2026-01-01", 1), ("month", "2026-02-01", 1), ("quarter", "2026-01-01", 2), ("year", "2026-01-01", 2),
)  # fmt: skip
MEMBERS = (("company", None, None, 2), ("team", "T1", None, 1), ("team", "T2", None, 1),
           ("rep", "T1", "R1", 1), ("rep", "T2", "R2", 1))  # fmt: skip
METRICS = [name for name, c in CONTRACTS.items() if "breakdown_value" in {x.name for x in c.columns}]
METRICS.remove("kpi_signals")
METRICS.remove("kpi_target_attainment")


def breakdowns_of(rule: Reconciliation) -> list[str]:
    """The breakdowns that a rule about them adds up."""
    return re.findall(r"in \('total', '(\w+)'\)", rule.query)


def empty_company() -> duckdb.DuckDBPyConnection:
    """Every table, without a row."""
    con = duckdb.connect()
    for contract in CONTRACTS.values():
        columns = ", ".join(f"{identifier(column.name)} {column.data_type}" for column in contract.columns)
        con.execute(f"create table {contract.table} ({columns})")
    return con


def agreeing_company() -> duckdb.DuckDBPyConnection:
    con = empty_company()
    con.execute("""
        insert into dim_teams (team_id) values ('T1'), ('T2');
        insert into dim_reps (rep_id, team_id) values ('R1', 'T1'), ('R2', 'T2');
        insert into dim_dates (date_day, month_start, quarter_start, year_start)
            select d, date_trunc('month', d), date '2026-01-01', date '2026-01-01'
            from (select unnest(generate_series(date '2026-01-01', date '2026-03-31', interval 1 day))::date as d);
        create temp table cells as select rep_id, team_id, month, rep_id || '-' || month as id
            from dim_reps, (values (date '2026-01-15'), (date '2026-02-15')) as months(month);
        insert into fct_leads (lead_id, rep_id, team_id, created_on, is_qualified, is_disqualified, has_response_clock,
            is_answered, is_within_sla, is_sla_eligible, is_customer)
            select id, rep_id, team_id, month, true, false, true, true, true, true, true from cells;
        insert into fct_contact_moments (activity_id, lead_id, rep_id, team_id, contact_role, occurred_on)
            select id, id, rep_id, team_id, 'first_response', month from cells;
        insert into fct_opportunities (opportunity_id, rep_id, team_id, closed_on, outcome, is_closed, is_open, amount)
            select id, rep_id, team_id, month, 'won', true, false, 100 from cells;
        insert into fct_opportunities (opportunity_id, rep_id, team_id, is_qualified, is_closed, is_open, amount)
            select rep_id, rep_id, team_id, true, false, true, 50 from dim_reps;
        insert into fct_opportunity_history (opportunity_id, rep_id, valid_from, valid_to)
            select 'O1', 'R1', timestamp '2026-01-01', timestamp '2026-02-01' union all
            select 'O1', 'R1', timestamp '2026-02-01', timestamp '9999-12-31';
        insert into fct_targets (rep_id, team_id) select rep_id, team_id from dim_reps;
        insert into metric_catalog (slug) values ('number_of_leads'), ('lead_response_time'),
            ('number_of_follow_ups'), ('conversion_ratio'), ('target_attainment'), ('open_pipeline'), ('closed_sales');
    """)
    for table in METRICS:
        _fill(con, table)
    con.execute("""
        insert into kpi_target_attainment by name select period_type, period_start, level, team_id, rep_id, breakdown,
            breakdown_value, closed_amount, 0 as pipeline_amount, 0 as weighted_pipeline_amount, 0.5 as attainment_ratio from kpi_closed_sales where breakdown = 'total';
    """)
    for rule in RULES:
        if slug := rule.name.partition("headline_of_")[2]:
            [column] = re.findall(r'cast\(metric\."(\w+)" as double\)', rule.query)
            con.execute(
                "insert into kpi_scorecard by name select $1 as kpi, period_type, period_start, level, team_id, "
                f"rep_id, {column} as value from kpi_{slug} where breakdown = 'total'",
                [slug],
            )
    con.execute(
        "insert into kpi_signals by name select 'slow' as signal, kpi, period_start, level, team_id, rep_id, "
        "'total' as breakdown, 'total' as breakdown_value from kpi_scorecard "
        "where period_type = 'month' and kpi = 'lead_response_time'"
    )
    return con


def _fill(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """Every member and period of a metric, as a total and as the one value `x` of every breakdown."""
    own = [rule for rule in RULES if rule.table == table]
    breakdowns = ["total", *sorted({name for rule in own for name in breakdowns_of(rule)})]
    measures = sorted({measure for rule in own for measure in rule.measures})
    for period_type, start, months in PERIODS:
        for level, team, rep, reps in MEMBERS:
            for breakdown in breakdowns:
                row = {
                    "period_type": period_type, "period_start": start, "level": level, "team_id": team, "rep_id": rep,
                    "breakdown": breakdown, "breakdown_value": "total" if breakdown == "total" else "x",
                }  # fmt: skip
                for measure in measures:
                    row[measure] = reps * PER_CELL.get(measure, 0) * (1 if measure in STOCKS else months)
                if table == "kpi_open_pipeline" and start == "2026-02-01":
                    row["opening_amount"] = reps * PER_CELL["open_amount"]
                marks = ", ".join("?" for _ in row)
                con.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", list(row.values()))


def bend(
    con: duckdb.DuckDBPyConnection,
    table: str,
    measure: str,
    *,
    period: tuple[str, str],
    levels: Iterable[str] = ("company", "team", "rep"),
    breakdown: str | None = None,
) -> None:
    """Add 1 to a measure of the first rep, their team and the company in one period, or in one breakdown."""
    con.execute(
        f"update {table} set {measure} = {measure} + 1 where period_type = $1 and period_start = $2::date "
        "and level in (select unnest($3)) and coalesce(team_id, 'T1') = 'T1' "
        "and ($4::varchar is null or breakdown = $4)",
        [*period, list(levels), breakdown],
    )


JANUARY, FEBRUARY, QUARTER = ("month", "2026-01-01"), ("month", "2026-02-01"), ("quarter", "2026-01-01")
BREAKS: dict[str, str] = {
    "answered_leads_have_one_first_response": "delete from fct_contact_moments "
    "where activity_id = 'R1-2026-01-15'",
    "history_has_no_gap_or_overlap": "update fct_opportunity_history set valid_to = timestamp '2026-01-31' "
    "where valid_from = timestamp '2026-01-01'",
    "catalog_has_every_metric": "delete from metric_catalog where slug = 'closed_sales'",
    "signals_stand_in_the_scorecard": "update kpi_signals set period_start = date '2025-12-01' "
    "where rep_id = 'R1' and period_start = date '2026-01-01'",
}  # fmt: skip
"""What is broken by one statement."""
BENT: dict[str, tuple[str, tuple[str, str]]] = {
    "attainment_is_the_closed_sales": ("closed_amount", QUARTER),
    "pipeline_opens_with_what_was_left": ("opening_amount", FEBRUARY),
    "pipeline_wins_are_the_closed_sales": ("won_amount", JANUARY),
}
"""What is broken by one measure of a rep, his team and the company together."""


def break_rule(con: duckdb.DuckDBPyConnection, rule: Reconciliation, measure: str | None) -> None:
    """Make `rule` fail, for `measure` where it has several."""
    if statement := BREAKS.get(rule.name):
        con.execute(statement)
    elif bent := BENT.get(rule.name):
        bend(con, rule.table, bent[0], period=bent[1])
    elif rule.name.startswith("headline_of_"):
        con.execute(
            "update kpi_scorecard set value = coalesce(value, 0) + 1 "
            "where kpi = $1 and rep_id = 'R1' and period_type = 'year'",
            [rule.name.removeprefix("headline_of_")],
        )
    elif rule.name.endswith("_is_known"):
        column = rule.name.removesuffix("_is_known")
        con.execute(f"delete from dim_{column.removesuffix('_id')}s where {column} in ('R1', 'T1')")
    elif rule.name.endswith("over_levels"):
        assert measure is not None
        bend(con, rule.table, measure, period=QUARTER, levels=["rep"])
    elif breakdowns := breakdowns_of(rule):
        assert measure is not None
        bend(con, rule.table, measure, period=QUARTER, breakdown=breakdowns[-1])
    else:  # months against their quarter, or against the facts
        assert measure is not None
        bend(con, rule.table, measure, period=FEBRUARY)
