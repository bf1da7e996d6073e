"""A contract run where its table stands gives the verdicts that it gives in this process."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date
from random import Random
from typing import Any

import polars as pl
import pytest
from sqlglot import parse_one

from orchestration.checks.audit import audit_frame
from orchestration.checks.contracts import Column, Contract, Rule
from orchestration.checks.on_engine import audit_on_engine
from orchestration.checks.portable import ALLOWED, translated
from orchestration.errors import SettingsError, ZevenError
from tests.proof.contract_gate import (
    CONTRACTS,
    EVERY_KIND_OF_RULE,
    assert_gate_holds,
    failed,
    fixture_contract,
)
from tests.proof.contract_rows import drawn, frame_of
from tests.proof.engines import OnDuckdb, gate_on

SALES = Contract(
    table="kpi_sales",
    description="One row per month and team.",
    columns=(
        Column("month", "date", "First day.", required=True),
        Column("team_id", "varchar", "Team; null for the company."),
        Column("won", "bigint", "Won.", minimum=0),
        Column("kind", "varchar", "Of sale.", allowed=("it's", "back\\slash", "${value}", "plain")),
    ),
    key=("month", "team_id"),
    minimum_rows=1,
)


def sales(*rows: tuple[Any, ...]) -> pl.DataFrame:
    return frame_of(SALES, [dict(zip(("month", "team_id", "won", "kind"), row, strict=True)) for row in rows])


@pytest.fixture(scope="module")
def fixture(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return fixture_contract(tmp_path_factory.mktemp("contract"))


@pytest.fixture(scope="module")
def engine() -> OnDuckdb:
    return OnDuckdb()


def test_of_a_contract_with_every_kind_of_demand_each_check_fails_alone(
    engine: OnDuckdb, fixture: Contract
) -> None:
    assert_gate_holds(fixture, gate_on(engine))


@pytest.mark.parametrize("table", CONTRACTS)
def test_every_check_of_a_published_table_holds(engine: OnDuckdb, table: str) -> None:
    assert_gate_holds(CONTRACTS[table], gate_on(engine))


@pytest.mark.parametrize("seed", range(40))
def test_any_table_gets_the_verdicts_of_this_process(engine: OnDuckdb, fixture: Contract, seed: int) -> None:
    random = Random(seed)
    table = drawn(fixture, random, random.choice([1, 3, 30, 300]))
    verdicts = audit_frame(table, fixture)
    assert gate_on(engine)(table, fixture) == verdicts
    assert len(table) < 300 or len(failed(verdicts)) > 20, "most of what can fail does"
    contract = dataclasses.replace(fixture, rules=EVERY_KIND_OF_RULE)
    assert gate_on(engine)(table, contract) == audit_frame(table, contract)


def test_all_that_a_rule_may_be_made_of_is_tried() -> None:
    tried = {
        type(node).__name__
        for rule in EVERY_KIND_OF_RULE
        for node in parse_one(rule.expression, read="duckdb").walk()
    }
    assert tried == set(ALLOWED)


def test_a_published_table_by_chance_gets_the_verdicts_of_this_process(engine: OnDuckdb) -> None:
    for number, contract in enumerate(CONTRACTS.values()):
        table = drawn(contract, Random(number), 50)
        assert gate_on(engine)(table, contract) == audit_frame(table, contract)


def test_a_table_that_passes_costs_two_statements_and_a_failed_check_one_more() -> None:
    engine = OnDuckdb()
    day = date(2026, 1, 1)
    assert failed(gate_on(engine)(sales((day, None, 1, "plain")), SALES)) == set()
    assert len(engine.asked) == 2
    gate_on(engine)(sales((day, None, -1, "odd")), SALES)
    assert len(engine.asked) == 2 + 4


def test_the_first_keys_are_those_that_come_first_in_a_published_table(engine: OnDuckdb) -> None:
    days = [date(2026, month, 1) for month in range(1, 13)]
    rows = [(day, team, -1, None) for day in reversed(days) for team in (None, "crm:T2", "crm:T1")]
    [verdict] = [one for one in gate_on(engine)(sales(*rows), SALES) if not one.passed]
    assert (verdict.failing_rows, len(verdict.keys)) == (36, 20)
    assert list(verdict.keys[:2]) == [
        {"month": "2026-01-01", "team_id": "crm:T1"},
        {"month": "2026-02-01", "team_id": "crm:T1"},
    ]
    assert verdict.message == (
        "kpi_sales.won: rule 'minimum 0' fails in 36 of 36 rows, first at month=2026-01-01, team_id=crm:T1."
    )


def test_a_missing_table_fails(engine: OnDuckdb) -> None:
    [verdict] = audit_on_engine(engine, dataclasses.replace(SALES, table="kpi_none"), schema="checked")
    assert (verdict.rule, verdict.message) == ("columns", "kpi_none: the table is missing.")


def test_a_rule_that_cannot_be_computed_has_failed_and_others_are_told(engine: OnDuckdb) -> None:
    rules = (Rule("too_large", "won * won > 5"), Rule("few", "won < 10"))
    contract = dataclasses.replace(SALES, rules=rules)
    verdicts = gate_on(engine)(sales((date(2026, 1, 1), None, 10**10, "plain")), contract)
    first, second = [verdict for verdict in verdicts if not verdict.passed]
    assert first.message == (
        "kpi_sales: rule 'too_large: won * won > 5' could not be computed; mend the rule."
    )
    assert (second.rule, second.failing_rows, second.total_rows) == ("rule.few", 1, 1)


def test_an_engine_that_does_not_answer_is_no_verdict(engine: OnDuckdb) -> None:
    class Silent(OnDuckdb):
        def run(self, sql: str) -> Sequence[Sequence[Any]]:
            raise ZevenError("gone")

    silent = Silent()
    with pytest.raises(ZevenError, match="gone"):
        gate_on(silent)(sales(), SALES)


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("won / 2 > 1", r"'won / 2' in 'won / 2 > 1' does not mean the same on every engine"),
        ("won % 2 = 0", "'won % 2'"),
        ("month - month = 0", "arithmetic on 'month', which is no number,"),
        ("length(kind) > 1", r"'LENGTH\(kind\)'"),
        ("kind || 'x' = 'y'", r"'kind \|\| 'x''"),
        ("cast(kind as bigint) > 1", r"'CAST\(kind AS BIGINT\)'"),
        ("\"kind\" = 'x'", "the quoted name 'kind'"),
        (r"kind like 'a\%'", "a backslash"),
        ("kind like 'a!%' escape '!'", "'kind LIKE"),
        ("kind ilike 'a'", "'kind ILIKE 'a''"),
        ("won <= losses", "'losses', which is no column,"),
        ("won > (select 1)", r"'\(SELECT 1\)'"),
        ("max(won) > 1", r"'MAX\(won\)'"),
        ("won > 1; won > 2", "'won > 1; won > 2'"),
        ("won +", "is not understood"),
    ],
)
def test_a_rule_that_might_mean_something_else_is_refused(
    engine: OnDuckdb, expression: str, told: str
) -> None:
    contract = dataclasses.replace(SALES, rules=(Rule("odd", expression),), file="marts/kpi_sales.yml")
    where = r"marts/kpi_sales\.yml: model 'kpi_sales': rule 'odd': "
    with pytest.raises(SettingsError, match=f"^{where}.*{told}"):
        gate_on(engine)(sales(), contract)


def test_what_a_translation_has_to_respell() -> None:
    sql = """select "level" from "t" where "kind" not in ('it''s', 'back\\slash') order by "level" limit 1"""
    assert translated(sql, "duckdb") == sql
    assert translated(sql, "spark") == (
        "SELECT `level` FROM `t` WHERE NOT `kind` IN ('it\\'s', 'back\\\\slash') "
        "ORDER BY `level` NULLS LAST LIMIT 1"
    )
