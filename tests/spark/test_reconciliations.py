"""What must agree between tables that stand in Spark is held there as in DuckDB, sentence by sentence."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import polars as pl
import pytest

from orchestration.checks.reconciliation import Reconciliation, reconcile
from orchestration.checks.reconciliation_on_engine import reconcile_on_engine
from orchestration.spark.cluster import Cluster
from tests.proof.reconciled_company import RULES, agreeing_company, break_rule
from tests.spark.checked import Checked, checked

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("spark")]

ONE_OF_EACH = list({rule.name.partition("_of_")[0]: rule for rule in RULES}.values())


@pytest.fixture(scope="module")
def engine(spark: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    with checked(spark, tmp_path_factory.mktemp("reconciled")) as engine:
        yield engine


def put_tables(engine: Checked, con: duckdb.DuckDBPyConnection, rules: list[Reconciliation]) -> None:
    for table in set().union(*(rule.reads for rule in rules)):
        engine.put(table, pl.DataFrame(con.table(table)))


@pytest.mark.parametrize("rules", [ONE_OF_EACH, RULES], ids=["some", "all"])
def test_where_all_is_broken_spark_says_the_same(engine: Checked, rules: list[Reconciliation]) -> None:
    with agreeing_company() as con:
        for rule in rules:
            break_rule(con, rule, next(iter(rule.measures), None))
        put_tables(engine, con, rules)
        verdicts = reconcile(con, rules, schema="main")
    failed = {(verdict.table, verdict.rule.split(".")[1]) for verdict in verdicts if not verdict.passed}
    assert failed == {(rule.table, rule.name) for rule in rules}
    assert reconcile_on_engine(engine, rules, schema="checked") == verdicts


def test_a_query_that_spark_refuses_has_failed(engine: Checked) -> None:
    rule = Reconciliation(
        "odd", "dim_reps", "all is well", "select cast(rep_name as bigint) as n from {dim_reps}"
    )
    with agreeing_company() as con:
        con.execute("update dim_reps set rep_name = 'Anna'")
        put_tables(engine, con, [rule])
    [verdict] = reconcile_on_engine(engine, [rule], schema="checked")
    assert verdict.blocks
    assert verdict.message == "dim_reps: 'all is well' could not be computed (the engine refused its query)."
