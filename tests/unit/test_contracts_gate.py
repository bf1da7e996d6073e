"""The gate of this process holds: of every contract, each check fails on a row that breaks it, alone."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import pytest

from orchestration.checks.audit import audit_frame
from orchestration.checks.contracts import Contract
from tests.proof.contract_gate import (
    CONTRACTS,
    ROW_NUMBER,
    assert_gate_holds,
    failed,
    fixture_contract,
    is_about_rows,
)
from tests.proof.contract_rows import Rows, frame_of


@pytest.fixture(scope="module")
def fixture(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return fixture_contract(tmp_path_factory.mktemp("contract"))


def test_of_a_contract_with_every_kind_of_demand_each_check_fails_alone(fixture: Contract) -> None:
    assert_gate_holds(fixture, audit_frame)


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
    assert_gate_holds(CONTRACTS[table], audit_frame)


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
