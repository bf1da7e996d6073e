"""What an audit says: verdicts, sentences, keys and no other values, whatever the environment."""

# ruff: noqa: E501 (the sentences are quoted whole)
from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.checks import keys
from orchestration.checks.audit import audit, audit_table
from orchestration.checks.contracts import Column, Contract, Rule
from orchestration.checks.verdicts import SHOWN_KEYS, Verdict
from orchestration.errors import SettingsError
from orchestration.sql_text import identifier

CONTRACT = Contract(
    table="kpi_sales",
    description="One row per month and team.",
    columns=(
        Column("month", "date", "First day.", required=True),
        Column("team_id", "varchar", "Team; null for the company."),
        Column("won", "bigint", "Won.", required=True, minimum=0),
        Column("win_ratio", "double", "Won of closed.", minimum=0, maximum=1),
        Column("secret", "varchar", "Not for the eyes of who reads an error."),
    ),
    key=("month", "team_id"),
    rules=(
        Rule("no_secret", "secret is null or secret <> 'alice@example.org'"),
        Rule("few", "won <= 100", severity="warn"),
    ),
)
ROWS = """
    select (date '2026-01-01' + to_months(n::int // 2))::date as month,
           case when n % 2 = 1 then 'crm:T1' end as team_id,
           n::bigint as won, 0.5::double as win_ratio, null::varchar as secret
    from range(40) t(n)
"""


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("create schema marts")
    con.execute(f"create table marts.kpi_sales as {ROWS}")
    return con


def failures(con: duckdb.DuckDBPyConnection, contract: Contract = CONTRACT) -> list[Verdict]:
    return [v for v in audit(con, {contract.table: contract}, schema="marts") if not v.passed]


def test_a_table_as_promised_passes_every_check(con: duckdb.DuckDBPyConnection) -> None:
    verdicts = audit(con, {"kpi_sales": CONTRACT}, schema="marts")
    assert [v.rule for v in verdicts] == [check.name for check in CONTRACT.checks()]
    assert all(v.passed and v.failing_rows == 0 and v.total_rows == 40 for v in verdicts)
    assert verdicts[0].message == (
        "kpi_sales: rule 'exactly the columns of the contract, in order' holds in 40 rows."
    )


def test_the_sentence_names_table_column_rule_rows_and_the_first_key(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("update marts.kpi_sales set win_ratio = 1.5 where month = '2026-03-01'")
    [verdict] = failures(con)
    assert verdict.message == (
        "kpi_sales.win_ratio: rule 'maximum 1' fails in 2 of 40 rows, first at month=2026-03-01, team_id=null."
    )
    assert (verdict.rule, verdict.column, verdict.failing_rows) == ("win_ratio.maximum", "win_ratio", 2)
    assert verdict.keys == (
        {"month": "2026-03-01", "team_id": None},
        {"month": "2026-03-01", "team_id": "crm:T1"},
    )
    assert verdict.blocks
    assert json.loads(json.dumps(verdict.to_json()))["keys"][0] == {"month": "2026-03-01", "team_id": None}


def test_at_most_twenty_keys_and_no_other_value_is_shown(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("update marts.kpi_sales set secret = 'alice@example.org'")
    [verdict] = failures(con)
    assert verdict.failing_rows == 40
    assert len(verdict.keys) == SHOWN_KEYS
    assert "alice" not in verdict.message.replace(CONTRACT.rules[0].expression, "")
    assert "alice" not in json.dumps([dict(key) for key in verdict.keys])


def test_a_warning_does_not_block(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("update marts.kpi_sales set won = 101 where month = '2026-01-01' and team_id is null")
    [verdict] = failures(con)
    assert (verdict.rule, verdict.severity, verdict.blocks) == ("rule.few", "warn", False)


def test_several_failures_of_different_types_are_all_found(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("update marts.kpi_sales set won = -1, win_ratio = 'nan' where month = '2026-02-01'")
    con.execute("insert into marts.kpi_sales select * from marts.kpi_sales where month = '2026-01-01'")
    contract = dataclasses.replace(CONTRACT, minimum_rows=1_000)
    found = {verdict.rule: verdict.failing_rows for verdict in failures(con, contract)}
    assert found == {"won.minimum": 2, "win_ratio.finite": 2, "key": 4, "minimum_rows": 0}


def test_too_few_rows_are_counted_in_the_sentence(con: duckdb.DuckDBPyConnection) -> None:
    [verdict] = failures(con, dataclasses.replace(CONTRACT, minimum_rows=1_000))
    assert verdict.message == "kpi_sales: rule 'at least 1,000 rows' fails: the table has 40."
    con.execute("delete from marts.kpi_sales")
    [verdict] = failures(con, dataclasses.replace(CONTRACT, minimum_rows=1))
    assert verdict.message == "kpi_sales: rule 'at least 1 rows' fails: the table has 0."


def test_a_missing_table_fails(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("drop table marts.kpi_sales")
    [verdict] = audit(con, {"kpi_sales": CONTRACT}, schema="marts")
    assert (verdict.passed, verdict.rule, verdict.message) == (
        False,
        "columns",
        "kpi_sales: the table is missing.",
    )


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("drop column secret", "kpi_sales: lacks the column 'secret'."),
        (
            "add column email varchar",
            "kpi_sales: has the column 'email' that the contract does not know.",
        ),
        (
            "rename column secret to email",
            "kpi_sales: lacks the column 'secret' and has the column 'email' that the contract does not know.",
        ),
        ("alter column won type integer", "kpi_sales.won: is INTEGER; expected type bigint."),
        ("alter column won type hugeint", "kpi_sales.won: is HUGEINT; expected type bigint."),
        ("alter column secret type json", "kpi_sales.secret: is JSON; expected type varchar."),
    ],
)
def test_another_shape_fails_alone_and_says_what_differs(
    con: duckdb.DuckDBPyConnection, statement: str, message: str
) -> None:
    con.execute("update marts.kpi_sales set won = -5")
    con.execute(f"alter table marts.kpi_sales {statement}")
    assert [verdict.message for verdict in failures(con)] == [message]


def test_columns_in_another_order_fail(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "create or replace table marts.kpi_sales as select team_id, * exclude (team_id) from marts.kpi_sales"
    )
    [verdict] = failures(con)
    assert verdict.message == "kpi_sales: has 'team_id' where the column 'month' belongs."


@pytest.mark.parametrize("expression", ["won <= losses", "won +", "won + 1", "1 = 1", "sum(won) over w"])
def test_a_rule_that_is_no_condition_is_refused(con: duckdb.DuckDBPyConnection, expression: str) -> None:
    contract = dataclasses.replace(CONTRACT, rules=(Rule("odd", expression),), file="marts/kpi_sales.yml")
    with pytest.raises(SettingsError, match=r"marts/kpi_sales\.yml: model 'kpi_sales': rule 'odd': "):
        failures(con, contract)


@pytest.mark.parametrize("expression", ["max(won) < 10", "sum(won) over (partition by team_id) < 10"])
def test_a_rule_about_several_rows_is_refused(con: duckdb.DuckDBPyConnection, expression: str) -> None:
    contract = dataclasses.replace(CONTRACT, rules=(Rule("all_few", expression),))
    with pytest.raises(SettingsError, match="is about more than one row; write a dbt test of it"):
        failures(con, contract)


@pytest.mark.parametrize(("batch_rows", "hashes_at_once"), [(1, 100), (7, 100), (40, 100), (7, 5), (7, 1)])
def test_in_batches_the_verdicts_are_the_same(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, batch_rows: int, hashes_at_once: int
) -> None:
    monkeypatch.setattr(keys, "HASHES_AT_ONCE", hashes_at_once)
    con.execute("delete from marts.kpi_sales where won in (3, 20, 21)")
    con.execute("update marts.kpi_sales set won = 200 where won in (11, 30)")
    con.execute("update marts.kpi_sales set win_ratio = 'inf' where team_id is null")
    con.execute("insert into marts.kpi_sales select * from marts.kpi_sales where month >= '2027-06-01'")
    contract = dataclasses.replace(CONTRACT, minimum_rows=1_000)
    whole = audit_table(con, contract, schema="marts")
    assert {v.rule for v in whole if not v.passed} == {"rule.few", "win_ratio.finite", "key", "minimum_rows"}
    assert audit_table(con, contract, schema="marts", batch_rows=batch_rows) == whole


def test_keys_of_one_hash_are_compared_themselves(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "_hash_of", lambda _: "won % 2")
    assert all(verdict.passed for verdict in audit_table(con, CONTRACT, schema="marts", batch_rows=7))


def test_a_view_is_audited_too(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("alter table marts.kpi_sales rename to stored")
    con.execute("create view marts.kpi_sales as select * from marts.stored")
    assert failures(con) == []
    con.execute("update marts.stored set won = -1")
    assert [v.rule for v in audit_table(con, CONTRACT, schema="marts", batch_rows=5) if not v.passed] == [
        "won.minimum"
    ]


@pytest.mark.parametrize(
    "variables",
    [{"PANDERA_VALIDATION_ENABLED": "False"}, {"PANDERA_VALIDATION_DEPTH": "SCHEMA_ONLY"}],
)
def test_no_variable_of_the_environment_switches_the_gate_off(variables: dict[str, str]) -> None:
    code = (
        "import polars as pl\n"
        "from test_audit import CONTRACT\n"
        "from orchestration.checks.audit import audit_frame\n"
        "from orchestration.checks.schema import polars_types\n"
        "row = {'month': None, 'team_id': None, 'won': -1, 'win_ratio': None, 'secret': None}\n"
        "frame = pl.DataFrame([row], schema=polars_types(CONTRACT))\n"
        "found = {v.rule for v in audit_frame(frame, CONTRACT) if not v.passed}\n"
        "assert found == {'month.required', 'won.minimum'}, found\n"
    )
    here = Path(__file__).parent
    environment = {**os.environ, **variables, "PYTHONPATH": f"{here}{os.pathsep}{here.parents[1]}"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_names_are_quoted() -> None:
    assert identifier('a"b') == '"a""b"'


def test_one_table_can_be_audited_alone(con: duckdb.DuckDBPyConnection) -> None:
    assert audit_table(con, CONTRACT, schema="marts") == audit(con, {"kpi_sales": CONTRACT}, schema="marts")
