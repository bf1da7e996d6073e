"""What was looked at before is not looked at again, and what differs is."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import duckdb
import pytest

from orchestration.checks import audit as auditing
from orchestration.checks import content
from orchestration.checks.audit import audit_once
from orchestration.checks.content import Content
from orchestration.checks.contracts import Column, Contract
from orchestration.checks.reconciliation import Reconciliation, reconcile

CONTRACT = Contract(
    "sales",
    "One row per rep.",
    (Column("rep_id", "varchar", "-", required=True), Column("amount", "bigint", "-", minimum=0)),
    ("rep_id",),
)
RULE = Reconciliation("in_order", "sales", "no rep comes first", "select * from {sales} where rep_id < 'a'")
ROWS = "('a', 1), ('b', 2)"


def database(rows: str, amount: str = "bigint") -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(f"create table sales (rep_id varchar, amount {amount}); insert into sales values {rows}")
    return con


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables that were looked at."""
    seen: list[str] = []
    plain = auditing.audit_table

    def noted(con: duckdb.DuckDBPyConnection, contract: Contract, **how: Any) -> list[auditing.Verdict]:
        seen.append(contract.table)
        return plain(con, contract, **how)

    monkeypatch.setattr(auditing, "audit_table", noted)
    monkeypatch.setattr(content, "_passed", OrderedDict())
    return seen


def audited(con: duckdb.DuckDBPyConnection) -> list[str]:
    return [
        one.rule for one in audit_once(con, CONTRACT, Content(con, "main"), schema="main") if not one.passed
    ]


def test_the_same_rows_in_another_database_and_order_are_known(looked: list[str]) -> None:
    assert audited(database(ROWS)) == audited(database("('b', 2), ('a', 1)")) == []
    assert looked == ["sales"]


@pytest.mark.parametrize(
    ("rows", "failed"),
    [
        ("('a', 1), ('b', -2)", ["amount.minimum"]),
        ("('a', 1), ('b', 2), ('b', 2)", ["key"]),
        ("('a', 1), ('b', 2), ('b', 2), ('b', 2)", ["key"]),
        ("('a', 2), ('b', 1)", []),
        ("('a', 1), ('b', null)", []),
        ("('a', 1)", []),
    ],
)
def test_other_rows_are_looked_at(looked: list[str], rows: str, failed: list[str]) -> None:
    audited(database(ROWS))
    assert audited(database(rows)) == failed
    assert looked == ["sales", "sales"]


def test_other_types_and_other_contracts_are_looked_at(looked: list[str]) -> None:
    con = database(ROWS)
    audited(con)
    assert audited(database(ROWS, amount="integer")) == ["amount.type"]
    other = Contract("sales", "One row per rep.", CONTRACT.columns, CONTRACT.key, minimum_rows=3)
    [verdict] = [one for one in audit_once(con, other, Content(con, "main"), schema="main") if not one.passed]
    assert verdict.rule == "minimum_rows"
    assert len(looked) == 3


def test_a_failure_is_looked_at_every_time(looked: list[str]) -> None:
    con = database("('a', -1)")
    assert audited(con) == audited(con) == ["amount.minimum"]
    assert len(looked) == 2


def test_a_reconciliation_is_computed_anew_where_a_table_differs() -> None:
    def failed(rows: str) -> list[str]:
        con = database(rows)
        found = reconcile(con, [RULE], schema="main", content=Content(con, "main"))
        return [one.rule for one in found if not one.passed]

    assert failed(ROWS) == failed(ROWS) == []
    assert failed("('A', 1)") == ["reconciles.in_order"]
