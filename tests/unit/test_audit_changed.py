"""Of a table that was changed in place only the changed rows are audited, and the verdicts say so."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict

import duckdb
import pytest

from orchestration.checks import content
from orchestration.checks.audit import audit_once, audit_table
from orchestration.checks.content import Content
from orchestration.checks.contracts import Column, Contract
from orchestration.checks.verdicts import Verdict
from orchestration.patches import Changed, changed_rows

CONTRACT = Contract(
    table="kpi_sales",
    description="One row per month and team.",
    columns=(
        Column("month", "bigint", "Which month.", required=True),
        Column("team_id", "varchar", "Team; null for the company."),
        Column("won", "bigint", "Won.", required=True, minimum=0),
    ),
    key=("month", "team_id"),
    minimum_rows=10,
)
TABLE = "main.kpi_sales"


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    """Twenty months of the company and a team, of which the last two months are changed."""
    con = duckdb.connect()
    con.execute("attach ':memory:' as work; create schema work.zeven; create schema work.changes")
    con.execute(
        f"create table {TABLE} as select n // 2 as month, case when n % 2 = 1 then 'T1' end as team_id, "
        "n as won from range(40) t(n)"
    )
    con.execute(f"create table work.changes.kpi_sales__before as from {TABLE} where false")
    con.execute("create table work.zeven.patched (table_name varchar)")
    con.execute("insert into work.zeven.patched values ('kpi_sales')")
    return con


def audited(
    con: duckdb.DuckDBPyConnection, contract: Contract = CONTRACT, *, changed: str = "month >= 18", **how: int
) -> list[Verdict]:
    con.execute(f"create or replace table work.changes.kpi_sales as from {TABLE} where {changed}")
    return audit_table(con, contract, schema="main", changed=changed_rows(con)["kpi_sales"].written, **how)


def failed(verdicts: list[Verdict]) -> list[str]:
    return [verdict.message for verdict in verdicts if not verdict.passed]


def test_a_verdict_says_which_rows_were_looked_at(con: duckdb.DuckDBPyConnection) -> None:
    verdicts = {verdict.rule: verdict for verdict in audited(con)}
    assert list(verdicts) == [check.name for check in CONTRACT.checks()]
    assert all(verdict.passed and verdict.total_rows == 40 for verdict in verdicts.values())
    assert verdicts["won.minimum"].message == (
        "kpi_sales.won: rule 'minimum 0' holds in 4 changed of 40 rows."
    )
    assert verdicts["key"].message.endswith("holds in 4 changed of 40 rows.")
    assert verdicts["minimum_rows"].message.endswith("holds in 40 rows.")
    assert verdicts["won.type"].message.endswith("holds in 40 rows.")


def test_no_row_has_changed(con: duckdb.DuckDBPyConnection) -> None:
    verdicts = audited(con, changed="false")
    assert failed(verdicts) == []
    assert verdicts[-1].total_rows == 40


def test_a_bad_changed_row_is_found(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(f"update {TABLE} set won = -1 where month = 19 and team_id is null")
    [message] = failed(audited(con))
    assert message == (
        "kpi_sales.won: rule 'minimum 0' fails in 1 of 4 changed of 40 rows, first at month=19, team_id=null."
    )


def test_a_bad_row_that_stayed_is_not_looked_at(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(f"update {TABLE} set won = -1 where month = 3")
    assert failed(audited(con)) == []
    assert len(failed(audit_table(con, CONTRACT, schema="main"))) == 1


@pytest.mark.parametrize("month", [19, 3])
@pytest.mark.parametrize("team", ["is null", "= 'T1'"])
def test_a_changed_row_that_has_the_key_of_another_is_found(
    con: duckdb.DuckDBPyConnection, month: int, team: str
) -> None:
    """Of a row that was changed as well, and of one that stayed, whether or not a part of the key is null."""
    con.execute(
        f"insert into {TABLE} select month, team_id, 100 from {TABLE} "
        f"where month = {month} and team_id {team}"
    )
    [verdict] = [verdict for verdict in audited(con, changed="won >= 36") if not verdict.passed]
    assert (verdict.rule, verdict.failing_rows, verdict.total_rows) == ("key", 2, 41)
    assert verdict.keys == ({"month": month, "team_id": None if "null" in team else "T1"},) * 2


def test_the_whole_table_needs_its_least_rows_and_its_shape(con: duckdb.DuckDBPyConnection) -> None:
    assert failed(audited(con, dataclasses.replace(CONTRACT, minimum_rows=41))) == [
        "kpi_sales: rule 'at least 41 rows' fails: the table has 40."
    ]
    con.execute(f"alter table {TABLE} alter won type integer")
    assert failed(audited(con)) == ["kpi_sales.won: is INTEGER; expected type bigint."]


@pytest.mark.parametrize("batch_rows", [1, 3])
def test_in_batches_the_verdicts_are_the_same(con: duckdb.DuckDBPyConnection, batch_rows: int) -> None:
    con.execute(f"update {TABLE} set won = -won where month = 18; insert into {TABLE} values (19, 'T1', 100)")
    contract = dataclasses.replace(CONTRACT, minimum_rows=50)
    verdicts = audited(con, contract)
    assert {v.rule for v in verdicts if not v.passed} == {"won.minimum", "key", "minimum_rows"}
    assert audited(con, contract, batch_rows=batch_rows) == verdicts


def test_changes_that_the_table_lacks_are_not_believed(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(f"update {TABLE} set won = -1 where month = 3")
    audited(con)
    con.execute(f"delete from {TABLE} where month = 19")
    [message] = failed(audit_table(con, CONTRACT, schema="main", changed="work.changes.kpi_sales"))
    assert "fails in 2 of 38 rows" in message


def test_where_much_has_changed_all_is_looked_at(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(f"update {TABLE} set won = -1 where month = 3")
    [message] = failed(audited(con, changed="month >= 12"))
    assert "fails in 2 of 40 rows" in message


def test_what_passed_is_known_in_the_release_by_the_whole_table(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "_passed", OrderedDict())
    con.execute(f"update {TABLE} set won = -1 where month = 3")
    con.execute(f"create table work.changes.kpi_sales as from {TABLE} where month >= 18")
    written = changed_rows(con)["kpi_sales"].written
    found = audit_once(con, CONTRACT, Content(con, "main"), schema="main", changed=written)
    assert failed(found) == []
    assert audit_once(con, CONTRACT, Content(con, "main"), schema="main") == found
    con.execute(f"update {TABLE} set won = -2 where month = 3 and team_id is null")
    [message] = failed(audit_once(con, CONTRACT, Content(con, "main"), schema="main"))
    assert "fails in 2 of 40 rows" in message


def test_nothing_is_left_behind(con: duckdb.DuckDBPyConnection) -> None:
    audited(con)
    assert con.execute("select table_name from duckdb_tables() where temporary").fetchall() == []


def test_only_a_listed_table_with_its_rows_was_changed_in_place(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("drop table work.changes.kpi_sales__before")
    assert changed_rows(con) == {}  # listed, without its rows
    for table in ("kpi_sales", 'odd""name'):
        con.execute(f'create table work.changes."{table}" (n bigint)')
        con.execute(f'create table work.changes."{table}__before" (n bigint)')
    known = Changed('work.changes."kpi_sales"', 'work.changes."kpi_sales__before"')
    assert changed_rows(con) == {"kpi_sales": known}  # the other is not listed
    con.execute("""insert into work.zeven.patched values ('odd"name')""")
    assert changed_rows(con)['odd"name'].removed == 'work.changes."odd""name__before"'
    con.execute("drop table work.zeven.patched")
    assert changed_rows(con) == {}


def test_without_a_working_database_nothing_was_changed_in_place() -> None:
    assert changed_rows(duckdb.connect()) == {}
