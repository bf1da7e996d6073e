"""The gate holds: of every contract, each check fails on a row that breaks it, and on no other.

An engine that runs checks can be wrong without a sound (some are), so nothing is taken on trust: for every
check there is a row that breaks it, DuckDB says independently what that row breaks, and the two must agree.
"""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from contract_rows import Rows, frame_of

from orchestration.checks.audit import audit_frame
from orchestration.checks.contracts import Check, Column, Contract, load_contracts
from orchestration.checks.verdicts import Verdict
from orchestration.publish.candidate import BROUGHT_ALONG
from orchestration.settings import PROJECT_ROOT

FIXTURE_YAML = """
models:
  - name: kpi_everything
    description: One row per period and team; every kind of column and of demand.
    config:
      meta:
        key: [period_start, level, team_id]
        minimum_rows: 1
        rules:
          - {name: qualified_within_leads, expression: qualified_leads <= leads}
          - name: teams_below_company
            expression: (team_id is null) = (level = 'company')
          - {name: ratio_needs_leads, expression: leads > 0 or ratio is null, severity: warn}
          - {name: ends_after_start, expression: period_end >= period_start}
          - {name: ratio_is_quotient, expression: leads = 0 or abs(ratio - qualified_leads / leads) < 1e-9}
          - {name: small_share, expression: share <= 0.5, violated_by: {share: 0.75}}
    columns:
      - name: period_start
        data_type: date
        description: d
        config: {meta: {required: true, minimum: 2000-01-01}}
      - {name: period_end, data_type: date, description: d, config: {meta: {maximum: 2100-01-01}}}
      - name: level
        data_type: varchar
        description: d
        config: {meta: {required: true, allowed: [company, team]}}
      - {name: team_id, data_type: varchar, description: d}
      - {name: leads, data_type: bigint, description: d, config: {meta: {required: true, minimum: 0}}}
      - name: qualified_leads
        data_type: bigint
        description: d
        config: {meta: {required: true, minimum: 0}}
      - {name: ratio, data_type: double, description: d, config: {meta: {minimum: 0, maximum: 1}}}
      - {name: plain_number, data_type: double, description: d}
      - {name: share, data_type: "decimal(9,4)", description: d, config: {meta: {minimum: 0, maximum: 1}}}
      - name: amount
        data_type: decimal(18,2)
        description: d
        config: {meta: {minimum: -0.5, required: true}}
      - {name: quarter, data_type: integer, description: d, config: {meta: {allowed: [1, 2, 3, 4]}}}
      - {name: is_complete, data_type: boolean, description: d, config: {meta: {required: true}}}
      - name: made_at
        data_type: timestamp
        description: d
        config: {meta: {minimum: 2020-01-01, maximum: 2030-01-01T12:00:00}}
"""


def fixture_contract(folder: Path) -> Contract:
    marts = folder / "models" / "marts"
    marts.mkdir(parents=True)
    (marts / "kpi_everything.sql").write_text("select 1")
    (marts / "kpi_everything.yml").write_text(FIXTURE_YAML)
    return load_contracts(folder / "models")["kpi_everything"]


@pytest.fixture(scope="module")
def fixture(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return fixture_contract(tmp_path_factory.mktemp("contract"))


def failed(verdicts: list[Verdict]) -> set[str]:
    return {verdict.rule for verdict in verdicts if not verdict.passed}


def is_about_rows(check: Check) -> bool:
    return check.name not in ("columns", "key", "minimum_rows") and not check.name.endswith(".type")


ROW_NUMBER = Column("row_number", "bigint", "Stands for the key where rows differ in nothing else.")


def assert_gate_holds(contract: Contract) -> None:
    """Every check of `contract`: valid and empty tables pass, and one broken row fails that check alone."""
    rows = Rows(contract)
    table = frame_of(contract, [rows.valid()])
    contract = dataclasses.replace(contract, minimum_rows=min(contract.minimum_rows, 1))
    verdicts = audit_frame(table, contract)
    assert failed(verdicts) == set(), [v.message for v in verdicts if not v.passed]
    assert [v.rule for v in verdicts] == [check.name for check in contract.checks()], (
        "a verdict for each check"
    )
    assert failed(audit_frame(table.clear(), contract)) == (
        {"minimum_rows"} if contract.minimum_rows else set()
    )
    assert failed(audit_frame(table.vstack(table), contract)) == {"key"}, "nulls in a key are equal"
    assert_rows_break_their_check(contract, rows)
    assert_shape_is_checked(contract, table)


def assert_rows_break_their_check(contract: Contract, rows: Rows) -> None:
    """A table with a row for every check: each row breaks what DuckDB says, and nothing unrelated."""
    valid = rows.valid()
    broken = [rows.breaking(check, valid) for check in contract.checks() if is_about_rows(check)]
    numbered = dataclasses.replace(contract, key=("row_number",), columns=(*contract.columns, ROW_NUMBER))
    table = frame_of(numbered, [entry.row | {"row_number": number} for number, entry in enumerate(broken)])
    found: list[set[str]] = [set() for _ in broken]
    for verdict in audit_frame(table, numbered):
        assert verdict.failing_rows == len(verdict.keys), f"{verdict.rule} fails in more rows than are shown"
        for key in verdict.keys:
            found[key["row_number"]].add(verdict.rule)
    for entry, rules in zip(broken, found, strict=True):
        assert rules == entry.breaks, f"{contract.table}: polars and DuckDB differ on {entry.row}"
        assert entry.check in rules, f"{contract.table}: {entry.check} passes {entry.row}"
        reading = {
            f"rule.{name}" for name, reads in rows.reads.items() if entry.check.partition(".")[0] in reads
        }
        unrelated = rules - {entry.check} - (set() if entry.check.startswith("rule.") else reading)
        assert not unrelated, f"{contract.table}: the row that breaks {entry.check} breaks {unrelated} too"


def assert_shape_is_checked(contract: Contract, table: pl.DataFrame) -> None:
    names = table.columns
    assert failed(audit_frame(table.drop(names[-1]), contract)) == {"columns"}
    assert failed(audit_frame(table.with_columns(added=pl.lit(1)), contract)) == {"columns"}
    assert failed(audit_frame(table.select(*names[1:], names[0]), contract)) == {"columns"}
    for changed in (names[::2], names[1::2]):
        other = {name: pl.Int64 if table.schema[name] == pl.String else pl.String for name in changed}
        retyped = table.with_columns(pl.lit(None, dtype=other[name]).alias(name) for name in changed)
        assert failed(audit_frame(retyped, contract)) == {f"{name}.type" for name in changed}


def test_of_a_contract_with_every_kind_of_demand_each_check_fails_alone(fixture: Contract) -> None:
    assert_gate_holds(fixture)


@pytest.mark.parametrize("kind", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("column", ["ratio", "plain_number"])
def test_what_is_no_finite_number_fails_finite_and_no_bound(
    fixture: Contract, column: str, kind: str
) -> None:
    rows = Rows(dataclasses.replace(fixture, rules=()))
    table = frame_of(fixture, [rows.valid() | {column: float(kind)}])
    assert failed(audit_frame(table, dataclasses.replace(fixture, rules=()))) == {f"{column}.finite"}


def test_a_value_on_its_bound_fulfils_it(fixture: Contract) -> None:
    alone = dataclasses.replace(
        fixture, rules=(), key=("row_number",), columns=(*fixture.columns, ROW_NUMBER)
    )
    valid = Rows(fixture).valid()
    bounds = [
        (c.name, bound) for c in fixture.columns for bound in (c.minimum, c.maximum) if bound is not None
    ]
    rows = [valid | {name: bound, "row_number": n} for n, (name, bound) in enumerate(bounds)]
    assert len(rows) == 11
    assert failed(audit_frame(frame_of(alone, rows), alone)) == set()


def test_rows_that_differ_in_one_column_of_the_key_are_two_rows(fixture: Contract) -> None:
    alone = dataclasses.replace(fixture, rules=())
    valid = Rows(fixture).valid()
    others = {"period_start": date(2026, 5, 1), "level": "team", "team_id": "crm:T1"}
    assert set(others) == set(fixture.key)
    rows = [valid, *(valid | {name: value} for name, value in others.items())]
    assert failed(audit_frame(frame_of(alone, rows), alone)) == set()


def test_a_row_among_many_is_found(fixture: Contract) -> None:
    valid = Rows(fixture).valid()
    days = [valid | {"period_start": date(2000, 1, 1) + timedelta(days=n)} for n in range(5000)]
    days[4321]["leads"] = -1
    days[4321]["qualified_leads"] = -1
    [minimum, other] = [v for v in audit_frame(frame_of(fixture, days), fixture) if not v.passed]
    assert (minimum.rule, other.rule) == ("leads.minimum", "qualified_leads.minimum")
    assert minimum.failing_rows == 1
    assert minimum.keys[0]["period_start"] == "2011-10-31"


CONTRACTS = {**load_contracts(PROJECT_ROOT / "models"), **BROUGHT_ALONG}
"""Of the project itself, and of the tables that no model makes."""

NEVER_ALONE = {
    ("fct_leads", "contact_moments.minimum"): {"follow_ups_within_contact_moments"},
    ("fct_leads", "opportunities.minimum"): {"won_within_opportunities"},
    ("fct_leads", "response_minutes.finite"): {"unanswered_has_no_response_time"},
    ("fct_leads", "response_minutes.minimum"): {"unanswered_has_no_response_time"},
    ("fct_opportunity_products", "share_from.finite"): {"ends_after_start"},
    ("fct_opportunity_products", "share_from.maximum"): {"ends_after_start"},
    ("fct_opportunity_products", "share_to.minimum"): {"ends_after_start"},
    ("kpi_closed_sales", "won_opportunities.minimum"): {"without_amount_within_won"},
    ("kpi_conversion_ratio", "customers.minimum"): {"ninety_days_within_customers"},
    ("kpi_conversion_ratio", "leads.minimum"): {
        "opportunities_within_leads", "customers_within_leads", "an_interval_needs_leads",
    },
    ("kpi_lead_response_time", "leads.minimum"): {"responded_or_unanswered", "eligible_within_leads"},
    ("kpi_lead_response_time", "responded_leads.minimum"): {
        "responded_or_unanswered", "within_sla_within_responded",
    },
    ("kpi_lead_response_time", "sla_eligible_leads.minimum"): {"within_sla_within_eligible"},
    ("kpi_number_of_follow_ups", "contact_moments.minimum"): {"parts_within_contact_moments"},
    ("kpi_number_of_leads", "leads.minimum"): {"qualified_within_leads", "open_within_leads"},
    ("kpi_open_pipeline", "open_opportunities.minimum"): {
        "stale_within_open", "overdue_within_open", "without_amount_within_open",
    },
}  # fmt: skip
"""Checks that no row can break alone, and the rules that fail with them.

A whole of -1 is less than its parts, which are at least 0; a start beyond 1 is after its end; the response
time of an answered lead is its waiting time, of which the same is demanded.
"""


@pytest.mark.parametrize("table", CONTRACTS)
def test_every_check_of_a_published_table_holds(table: str) -> None:
    assert_gate_holds(CONTRACTS[table])


def test_a_row_that_breaks_a_check_breaks_no_other() -> None:
    beside: dict[tuple[str, str], set[str]] = {}
    tried = 0
    for contract in CONTRACTS.values():
        rows = Rows(contract)
        valid = rows.valid()
        for check in filter(is_about_rows, contract.checks()):
            tried += 1
            if others := rows.breaking(check, valid).breaks - {check.name}:
                beside[contract.table, check.name] = {name.removeprefix("rule.") for name in others}
    assert tried >= 500
    assert beside == NEVER_ALONE
