"""The macros with a version for each engine give the same on both: one list of cases, asked of both."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from orchestration.settings import DBT_PROJECT_DIR
from orchestration.spark.cluster import Cluster
from orchestration.spark.connection import SESSION
from orchestration.transform.dbt_command import DbtCommand
from tests.spark import asked
from tests.spark.macro_cases import CASES, SPARK_TYPES, Case

pytestmark = pytest.mark.xdist_group("spark")

Answers = dict[str, tuple[list[str | None], set[str]]]
NEED_NO_CASE = {
    "create_schema": "dbt's own; every build uses it",
    "create_table_as": "dbt's own; every build uses it",
    "grouped_at_once": "cuts a statement up; every build compares what comes of it",
    "schema_of_marts": "a name; every build uses it",
    "widened": "the unit tests of the cuts compare it with rows written by hand",
    "stop_without_rate": "gives no value: has a test of its own",
}
MISSING_RATE = "select {{ stop_without_rate(\"'USD'\", \"cast('2026-01-01' as date)\") }} as got"


NO_CRM = ("--vars", '{"crms": []}')


def compiled(query: str, engine: str, folder: Path) -> str:
    """What dbt makes of a query in Jinja for an engine."""
    arguments = ("--inline", query, "--no-populate-cache", "--no-introspect", *NO_CRM)
    dbt = DbtCommand(None, "compile", *arguments, target=folder / engine, engine=engine)
    dbt.run()
    assert dbt.result is not None, dbt.exception
    return str(dbt.result.results[0].node.compiled_code)


def all_cases() -> str:
    return "\nunion all\n".join(
        f"select {number} as case_no, cast(got as {{{{ dbt.type_string() }}}}) as got, typeof(got) as type"
        f" from ({case.query}) as asked"
        for number, case in enumerate(CASES)
    )


def sorted_by_case(rows: asked.Rows) -> Answers:
    texts, types = defaultdict(list), defaultdict(set)
    for number, text, data_type in rows:
        texts[CASES[number].name].append(text)
        types[CASES[number].name].add(data_type)
    return {name: (texts[name], types[name]) for name in texts}


@pytest.fixture(scope="module")
def of_duckdb(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    return sorted_by_case(
        asked.of_duckdb(compiled(all_cases(), "duckdb", tmp_path_factory.mktemp("compiled")))
    )


@pytest.fixture(scope="module")
def of_spark(spark: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    query = compiled(all_cases(), "spark", tmp_path_factory.mktemp("compiled"))
    return sorted_by_case(asked.of_spark(spark, query))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_macro_on_duckdb(case: Case, of_duckdb: Answers) -> None:
    texts, types = of_duckdb[case.name]
    assert (sorted(texts, key=str), types) == (sorted(case.expected, key=str), {case.data_type})


@pytest.mark.spark
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_macro_on_spark(case: Case, of_spark: Answers) -> None:
    texts, types = of_spark[case.name]
    assert (sorted(texts, key=str), types) == (sorted(case.expected, key=str), {SPARK_TYPES[case.data_type]})


def test_dbt_and_we_ourselves_set_a_session_alike() -> None:
    profile = yaml.safe_load((DBT_PROJECT_DIR / "profiles.yml").read_text(encoding="utf-8"))
    assert profile["zeven"]["outputs"]["spark"]["server_side_parameters"] == SESSION


@pytest.mark.spark
def test_a_session_is_set_as_we_say(spark: Cluster) -> None:
    for setting, wanted in SESSION.items():
        assert asked.of_spark(spark, f"set {setting.removeprefix('set:hiveconf:')}")[0][1] == wanted


def test_cases_have_names_of_their_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def test_every_macro_that_differs_has_a_case() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (DBT_PROJECT_DIR / "macros").glob("*.sql"))
    differing = set(re.findall(r"macro spark__(\w+)", text))
    queries = "".join(case.query for case in CASES)
    without = {name for name in differing if not re.search(rf"\b{name}\(", queries)}
    assert without == set(NEED_NO_CASE)


def test_a_currency_without_a_rate_stops_duckdb(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="Currency USD has no exchange rate valid on 2026-01-01"):
        asked.of_duckdb(compiled(MISSING_RATE, "duckdb", tmp_path))


@pytest.mark.spark
def test_a_currency_without_a_rate_stops_spark(spark: Cluster, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="Currency USD has no exchange rate valid on 2026-01-01"):
        asked.of_spark(spark, compiled(MISSING_RATE, "spark", tmp_path))
