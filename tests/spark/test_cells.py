"""The comparison itself: it sees every kind of difference, and no other."""

from __future__ import annotations

import duckdb
import pytest

from tests.spark.cells import differences

ROWS = """(
    values (1, 'a', 2.50::decimal(18, 2), 0.1::double), (2, null, null, null)
) as t(id, name, amount, share)"""


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(f"create table one as from {ROWS}; create table other as from {ROWS} order by id desc")
    return con


def test_equal_rows_in_another_order_do_not_differ(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("update other set share = 0.1 + 1e-12 where id = 1")
    assert differences(con, "one", "other", ["id"], ("left", "right")) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("update other set name = 'b' where id = 1", "name (left, right): 1, such as (1, 'a', 'b')"),
        ("update other set name = 'b' where id = 2", "name (left, right): 1, such as (2, None, 'b')"),
        (
            "update other set share = 0.1000001 where id = 1",
            "share (left, right): 1, such as (1, 0.1, 0.1000001)",
        ),
        ("update other set share = 'nan' where id = 1", "share (left, right): 1, such as (1, 0.1, nan)"),
        ("update other set share = null where id = 1", "share (left, right): 1, such as (1, 0.1, None)"),
        ("delete from other where id = 2", "only of left: 1, such as (2,)"),
        ("delete from one where id = 2", "only of right: 1, such as (2,)"),
        ("insert into one from one where id = 2", "more than once of left: 1, such as (2,)"),
        (
            "alter table other alter amount type decimal(18, 3)",
            "amount is DECIMAL(18,2) of left, DECIMAL(18,3) of right",
        ),
        (
            "alter table other drop share",
            "columns ['id', 'name', 'amount', 'share'] of left, ['id', 'name', 'amount'] of right",
        ),
    ],
)
def test_what_differs_is_told(con: duckdb.DuckDBPyConnection, change: str, told: str) -> None:
    con.execute(change)
    assert differences(con, "one", "other", ["id"], ("left", "right")) == [told]
