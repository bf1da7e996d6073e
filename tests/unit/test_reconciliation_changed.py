"""What adds up within a table that was changed in place is computed where its rows changed, there alone."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from orchestration.checks.reconciliation import Reconciliation, reconcile
from orchestration.checks.verdicts import Verdict
from orchestration.patches import Changed
from tests.proof.reconciled_company import RULES, agreeing_company

TOGETHER = [rule for rule in RULES if rule.together]
ROW = (
    "level = 'rep' and rep_id = 'R1' and period_type = 'month' and period_start = date '2026-01-01' "
    "and breakdown = 'total'"
)
ELSEWHERE = ROW.replace("R1", "R2").replace("2026-01-01", "2026-02-01")
CHANGED = Changed("changes.written", "changes.removed")


@pytest.fixture(scope="module")
def agreeing() -> Iterator[duckdb.DuckDBPyConnection]:
    with agreeing_company() as con:
        con.execute("create schema changes")
        yield con


@pytest.fixture
def con(agreeing: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The company in which all agrees, as it was again after the test."""
    agreeing.execute("begin")
    yield agreeing
    agreeing.execute("rollback")


@pytest.fixture(params=TOGETHER, ids=lambda rule: f"{rule.table}-{rule.name}")
def rule(request: pytest.FixtureRequest) -> Reconciliation:
    rule: Reconciliation = request.param
    return rule


def change(con: duckdb.DuckDBPyConnection, table: str, statement: str, noted: str) -> None:
    con.execute(f"create table changes.removed as from {table} where {noted}")
    con.execute(statement)
    con.execute(f"create table changes.written as from {table} where {noted}")


def verdicts(con: duckdb.DuckDBPyConnection, rule: Reconciliation) -> list[Verdict]:
    return reconcile(con, [rule], schema="main", changed={rule.table: CHANGED})


def test_there_are_rules_within_one_table() -> None:
    assert {rule.name for rule in TOGETHER} >= {"adds_up_over_levels", "adds_up_over_breakdowns"}
    assert all(rule.reads == {rule.table} and "{touched}" in rule.query for rule in TOGETHER)
    assert not [rule for rule in RULES if "{touched}" in rule.query and not rule.together]


def test_a_number_that_was_changed_wrongly_is_found(
    con: duckdb.DuckDBPyConnection, rule: Reconciliation
) -> None:
    measure = rule.measures[0]
    change(con, rule.table, f"update {rule.table} set {measure} = {measure} + 1 where {ROW}", noted=ROW)
    found = {verdict.column: verdict for verdict in verdicts(con, rule)}
    assert not found[measure].passed
    assert found[measure].message == reconcile(con, [rule], schema="main")[0].message
    assert all(verdict.passed for column, verdict in found.items() if column != measure)


def test_a_row_that_went_is_missed(con: duckdb.DuckDBPyConnection) -> None:
    [rule] = [
        rule for rule in TOGETHER if (rule.table, rule.name) == ("kpi_number_of_leads", "adds_up_over_levels")
    ]
    change(con, rule.table, f"delete from {rule.table} where {ROW}", noted=ROW)
    assert not verdicts(con, rule)[0].passed


def test_what_stayed_is_not_computed_again(con: duckdb.DuckDBPyConnection, rule: Reconciliation) -> None:
    measure = rule.measures[0]
    change(con, rule.table, f"update {rule.table} set {measure} = {measure} + 1 where {ROW}", noted=ELSEWHERE)
    [(written, total)] = con.execute(
        f"select (select count(*) from changes.written), (select count(*) from {rule.table})"
    ).fetchall()
    for verdict in verdicts(con, rule):
        assert verdict.passed
        assert verdict.total_rows == total
        said = f"holds in {written} changed of {total:,} rows and what adds up with them."
        assert verdict.message.endswith(said)
    assert not reconcile(con, [rule], schema="main", changed={"another_table": CHANGED})[0].passed


def test_a_rule_between_tables_is_computed_as_a_whole(con: duckdb.DuckDBPyConnection) -> None:
    rules = [rule for rule in RULES if rule.table == "kpi_number_of_leads" and not rule.together]
    change(con, "kpi_number_of_leads", "select 1", noted="false")
    found = reconcile(con, rules, schema="main", changed={"kpi_number_of_leads": CHANGED})
    assert found == reconcile(con, rules, schema="main")
