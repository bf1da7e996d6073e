"""What must agree between published tables is held: a rule fails on what breaks it, and no other does.

A rule is tried on the tables that it reads, with every other rule that these tables allow beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.checks.contracts import Column, Contract
from orchestration.checks.reconciliation import (
    Reconciliation,
    load_reconciliations,
    reconcile,
    without_broken_shapes,
)
from orchestration.checks.reconciliation_on_engine import reconcile_on_engine
from orchestration.checks.verdicts import SHOWN_KEYS, Verdict
from orchestration.errors import SettingsError
from orchestration.publish.release import MODELS_DIR
from tests.proof.engines import OnDuckdb
from tests.proof.reconciled_company import (
    BENT,
    BREAKS,
    CONTRACTS,
    RULES,
    agreeing_company,
    break_rule,
    empty_company,
)

CHECKS = [(rule, name, column) for rule in RULES for name, column in rule.checks()]


@pytest.fixture(scope="module")
def agreeing() -> Iterator[duckdb.DuckDBPyConnection]:
    with agreeing_company() as con:
        yield con


@pytest.fixture
def con(agreeing: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The company in which all agrees, as it was again after the test."""
    agreeing.execute("begin")
    yield agreeing
    agreeing.execute("rollback")


def failed(verdicts: list[Verdict]) -> dict[tuple[str, str], Verdict]:
    return {(verdict.table, verdict.rule): verdict for verdict in verdicts if not verdict.passed}


@pytest.mark.parametrize(
    ("rule", "name", "measure"), CHECKS, ids=[f"{rule.table}-{name}" for rule, name, _ in CHECKS]
)
def test_each_rule_fails_on_what_breaks_it_and_no_other_does(
    con: duckdb.DuckDBPyConnection, rule: Reconciliation, name: str, measure: str | None
) -> None:
    read = {table: CONTRACTS[table] for table in rule.reads}
    beside = load_reconciliations(MODELS_DIR, read)
    assert rule.name in {other.name for other in beside}
    break_rule(con, rule, measure)
    verdicts = reconcile(con, beside, schema="main")
    assert reconcile_on_engine(OnDuckdb(con), beside, schema="main") == verdicts
    found = failed(verdicts)
    assert set(found) == {(rule.table, name)}
    verdict = found[rule.table, name]
    assert (verdict.column, verdict.severity) == (measure, rule.severity)
    assert verdict.failing_rows == len(verdict.keys) > 0
    assert all(set(key) <= KEY_COLUMNS for key in verdict.keys), "keys, and no other value"
    assert rule.phrase in verdict.message


KEY_COLUMNS = {
    "period_type", "period_start", "month_start", "level", "team_id", "rep_id", "breakdown",
    "breakdown_value", "kpi", "signal", "lead_id", "opportunity_id", "valid_from",
}  # fmt: skip


def test_where_everything_agrees_every_rule_holds(con: duckdb.DuckDBPyConnection) -> None:
    verdicts = reconcile(con, RULES, schema="main")
    assert [verdict.message for verdict in verdicts if not verdict.passed] == []
    assert [(verdict.rule, verdict.column) for verdict in verdicts] == [
        (name, column) for _, name, column in CHECKS
    ]


def test_tables_without_rows_agree() -> None:
    with empty_company() as con:
        assert failed(reconcile(con, RULES, schema="main")) == {}
        con.execute("insert into metric_catalog (slug) values ('closed_sales')")
        assert failed(reconcile(con, RULES, schema="main")) == {}, "a company that has not begun"


def test_the_rules_are_about_every_metric_and_every_headline() -> None:
    names = {rule.name for rule in RULES}
    assert len([name for name in names if name.startswith("headline_of_")]) == 7
    for kind, tables in (("levels", 7), ("breakdowns", 6), ("months", 7)):  # attainment has no breakdowns
        assert len({rule.table for rule in RULES if rule.name == f"adds_up_over_{kind}"}) == tables
    assert names >= BREAKS.keys() | BENT.keys()
    assert len({(rule.table, name) for rule, name, _ in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize(
    "gone", ["delete from kpi_scorecard where {}", "delete from kpi_closed_sales where {}"]
)
def test_a_headline_without_its_counterpart_is_found(con: duckdb.DuckDBPyConnection, gone: str) -> None:
    con.execute(gone.format("rep_id = 'R1' and period_type = 'year'"))
    if "scorecard" in gone:
        con.execute("delete from kpi_scorecard where kpi <> 'closed_sales'")
    rules = [rule for rule in RULES if rule.name == "headline_of_closed_sales"]
    [verdict] = reconcile(con, rules, schema="main")
    assert [key["rep_id"] for key in verdict.keys] == ["R1"]


def test_a_breakdown_that_lacks_a_member_does_not_add_up(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("delete from kpi_number_of_leads where breakdown = 'source' and rep_id = 'R1'")
    rules = [r for r in RULES if (r.table, r.name) == ("kpi_number_of_leads", "adds_up_over_breakdowns")]
    found = failed(reconcile(con, rules, schema="main"))
    verdict = found["kpi_number_of_leads", "reconciles.adds_up_over_breakdowns.leads"]
    assert {key["breakdown"] for key in verdict.keys} == {"source"}
    assert verdict.failing_rows == 4, "two months, a quarter and a year"


def test_a_measure_that_a_breakdown_does_not_have_is_no_part_of_it(con: duckdb.DuckDBPyConnection) -> None:
    """A channel ends no lead; a source of which one row is empty does not add up."""
    update = "update kpi_number_of_follow_ups set won_leads = "
    con.execute(f"{update} 3")
    con.execute(f"{update} null where breakdown = 'channel'")
    con.execute(f"{update} 6 where level = 'company' and breakdown <> 'channel'")
    rules = [r for r in RULES if (r.table, r.name) == ("kpi_number_of_follow_ups", "adds_up_over_breakdowns")]
    assert failed(reconcile(con, rules, schema="main")) == {}
    con.execute("create temp table channels as from kpi_number_of_follow_ups where breakdown = 'channel'")
    con.execute("delete from kpi_number_of_follow_ups where breakdown = 'channel'")
    found = failed(reconcile(con, rules, schema="main"))
    assert "won_leads" not in {verdict.column for verdict in found.values()}, "nobody was ever contacted"
    assert "contact_moments" in {verdict.column for verdict in found.values()}
    con.execute("insert into kpi_number_of_follow_ups from channels; drop table channels")
    con.execute(f"{update} null where breakdown = 'source' and rep_id = 'R1' and period_type = 'year'")
    [verdict] = failed(reconcile(con, rules, schema="main")).values()
    assert (verdict.column, verdict.failing_rows) == ("won_leads", 1)


def test_many_keys_are_counted_and_the_first_are_shown(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("insert into fct_leads (lead_id, rep_id) select 'L' || n, 'R' || n from range(100, 150) t(n)")
    rules = [rule for rule in RULES if (rule.table, rule.name) == ("fct_leads", "rep_id_is_known")]
    [verdict] = reconcile(con, rules, schema="main")
    assert (verdict.failing_rows, verdict.total_rows, len(verdict.keys)) == (50, 54, SHOWN_KEYS)
    assert verdict.message == (
        "fct_leads: 'every rep_id stands in dim_reps' fails in 50 places, first at rep_id=R100."
    )


def test_a_rule_that_cannot_be_computed_has_failed_without_a_value_in_its_sentence() -> None:
    rule = Reconciliation("odd", "dim_reps", "all is well", "select rep_name::bigint as n from {dim_reps}")
    with empty_company() as con:
        con.execute("insert into dim_reps (rep_name) values ('Anna')")
        [verdict] = reconcile(con, [rule], schema="main")
        [elsewhere] = reconcile_on_engine(OnDuckdb(con), [rule], schema="main")
    assert verdict.blocks
    assert verdict.message == "dim_reps: 'all is well' could not be computed (ConversionException)."
    assert elsewhere.blocks
    assert elsewhere.message == (
        "dim_reps: 'all is well' could not be computed (the engine refused its query)."
    )


def test_a_table_of_the_wrong_shape_is_told_once() -> None:
    wrong = Verdict("dim_reps", "columns", None, "error", False, 0, 0, (), "lacks a column")
    left = without_broken_shapes(RULES, [wrong])
    assert {rule.name for rule in RULES} - {rule.name for rule in left} == {"rep_id_is_known"}
    row = Verdict("dim_reps", "rep_id.required", "rep_id", "error", False, 1, 1, (), "a null")
    assert without_broken_shapes(RULES, [row]) == RULES


def test_only_rules_over_tables_that_are_there_are_run() -> None:
    assert load_reconciliations(MODELS_DIR, {"kpi_scorecard": CONTRACTS["kpi_scorecard"]}) == []


YAML = """
models:
  - name: kpi_things
    columns: [{name: things}]
    data_tests:
      - unique
      - adds_up_over_levels: {arguments: {measures: [%s]}}
"""


@pytest.mark.parametrize(("measures", "told"), [("thing", "the measure 'thing'"), ("", "the measure '-'")])
def test_a_measure_that_is_no_column_is_refused(tmp_path: Path, measures: str, told: str) -> None:
    (tmp_path / "models" / "marts").mkdir(parents=True)
    (tmp_path / "models" / "marts" / "k.yml").write_text(YAML % measures)
    with pytest.raises(SettingsError, match=f"model 'kpi_things': adds_up_over_levels names {told}"):
        load_reconciliations(tmp_path / "models", {})


def test_a_headline_that_is_no_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "models" / "marts").mkdir(parents=True)
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "metric_catalog.csv").write_text("slug,headline_column\nthings,thing\n")
    contract = Contract("kpi_things", "-", (Column("things", "bigint", "-"),), ("things",))
    with pytest.raises(SettingsError, match="the headline of things is 'thing', which is no column"):
        load_reconciliations(tmp_path / "models", {"kpi_things": contract})
