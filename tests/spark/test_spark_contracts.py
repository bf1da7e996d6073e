"""The contracts of tables that stand in Spark: each check fails on what breaks it, as in this process."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime
from random import Random

import pytest

from orchestration.checks.audit import audit_frame
from orchestration.checks.contracts import Column, Contract, Rule
from orchestration.checks.on_engine import audit_on_engine
from orchestration.spark.cluster import Cluster
from tests.proof.contract_gate import (
    CONTRACTS,
    EVERY_KIND_OF_RULE,
    assert_gate_holds,
    assert_rows_are_checked,
    fixture_contract,
)
from tests.proof.contract_rows import drawn, frame_of
from tests.proof.engines import gate_on
from tests.spark.checked import Checked, checked

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("spark")]


@pytest.fixture(scope="module")
def engine(spark: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    with checked(spark, tmp_path_factory.mktemp("checked")) as engine:
        yield engine


@pytest.fixture(scope="module")
def fixture(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return fixture_contract(tmp_path_factory.mktemp("contract"))


def test_of_a_contract_with_every_kind_of_demand_each_check_fails_alone(
    engine: Checked, fixture: Contract
) -> None:
    assert_gate_holds(fixture, gate_on(engine))


@pytest.mark.parametrize("table", CONTRACTS)
def test_every_check_of_a_published_table_holds(engine: Checked, table: str) -> None:
    assert_rows_are_checked(CONTRACTS[table], gate_on(engine))


@pytest.mark.parametrize("seed", range(6))
def test_any_table_gets_the_verdicts_of_this_process(engine: Checked, fixture: Contract, seed: int) -> None:
    table = drawn(fixture, Random(seed), 300)
    contract = dataclasses.replace(fixture, rules=(*fixture.rules, *EVERY_KIND_OF_RULE))
    assert gate_on(engine)(table, contract) == audit_frame(table, contract)


def test_a_published_table_by_chance_gets_the_verdicts_of_this_process(engine: Checked) -> None:
    for number, contract in enumerate(CONTRACTS.values()):
        table = drawn(contract, Random(number), 50)
        assert gate_on(engine)(table, contract) == audit_frame(table, contract)


SEEN = Contract(
    table="fct_seen",
    description="One row per instant.",
    columns=(
        Column("seen_at", "timestamp", "When.", minimum=datetime.fromisoformat("2026-03-29 02:30:00")),
        Column("kind", "varchar", "What.", allowed=("it's", "back\\slash", "${spark.app.name}")),
        Column("number", "integer", "How many."),
        Column("part", "varchar", "Of the table."),
    ),
    key=("seen_at",),
    rules=(Rule("small", "number * number < 10"),),
)


def test_a_table_in_partitions_with_instants_of_a_zone_and_texts_that_spark_escapes(
    engine: Checked,
) -> None:
    engine.run("drop table if exists checked.fct_seen")
    engine.run(r"""
        create table checked.fct_seen using parquet partitioned by (part) as
        select timestamp_ltz '2026-03-29 02:30:00' as seen_at, 'it\'s' as kind, 1 as number, 'a' as part
        union all select timestamp_ltz '2026-03-29 02:30:00.5', 'back\\slash', 1, 'b'
        union all select timestamp_ltz '2026-03-29 02:29:59.999999', concat('$', '{spark.app.name}'), 1, 'c'
    """)
    [verdict] = [one for one in audit_on_engine(engine, SEEN, schema="checked") if not one.passed]
    assert verdict.message == (
        "fct_seen.seen_at: rule 'minimum 2026-03-29 02:30:00' fails in 1 of 3 rows, "
        "first at seen_at=2026-03-29 02:29:59.999999."
    )


def test_a_missing_table_fails(engine: Checked) -> None:
    contract = dataclasses.replace(SEEN, table="fct_none")
    for schema in ("checked", "nowhere"):
        [verdict] = audit_on_engine(engine, contract, schema=schema)
        assert verdict.message == "fct_none: the table is missing."


def test_a_rule_that_cannot_be_computed_has_failed(engine: Checked) -> None:
    row = {"seen_at": datetime.fromisoformat("2026-04-01"), "kind": "it's", "number": 2**31 - 1, "part": "a"}
    [verdict] = [one for one in gate_on(engine)(frame_of(SEEN, [row]), SEEN) if not one.passed]
    assert verdict.message == (
        "fct_seen: rule 'small: number * number < 10' could not be computed; mend the rule."
    )
