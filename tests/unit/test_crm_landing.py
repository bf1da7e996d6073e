"""Rows of a CRM in raw tables: typed, once, with tombstones, and the cursor with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.errors import SourceError
from orchestration.ingest.crm import raw_schema
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.objects import declare

DEAL = declare("deal", "Id!", "Amount amount", "ClosedAt instant", "IsWon boolean", "AccountId")
LINK = declare("link", "from_id!", "to_id!")
PERSON = declare("person", "Id!", "Email email")
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("set TimeZone = 'Asia/Tokyo'")  # no instant may depend on it
    raw_schema.prepare(con, "raw_crm", {one.name: one for one in (DEAL, LINK, PERSON)})
    return con


def into(con: duckdb.DuckDBPyConnection, tmp_path: Path, day: int = 0, source: str = "crm") -> Landing:
    return Landing(con, "raw_crm", source, AT + timedelta(days=day), tmp_path)


def newest(con: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return con.execute(
        "select Id, Amount, _is_deleted from raw_crm.deal"
        " qualify row_number() over (partition by Id order by _batch_number desc, _source_row desc) = 1"
        " order by Id"
    ).fetchall()


def test_values_are_typed(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    into(con, tmp_path).land(
        DEAL,
        [
            {"Id": "1", "Amount": 1200.5, "ClosedAt": "2026-02-01T10:00:00.000+0000", "IsWon": True},
            {"Id": "2", "Amount": "1.2E3", "ClosedAt": "2026-02-01T10:00:00-05:00", "IsWon": "false"},
            {"Id": "3", "Amount": "", "ClosedAt": 1769940000000, "IsWon": None, "Unknown": "left out"},
        ],
    )
    found = con.execute("select Id, Amount, ClosedAt, IsWon from raw_crm.deal order by Id").fetchall()
    ten = AT.replace(month=2, hour=10, tzinfo=None)
    assert found == [
        ("1", Decimal("1200.50"), ten, True),
        ("2", Decimal("1200.00"), ten.replace(hour=15), False),
        ("3", None, ten, None),
    ]


def test_the_same_again_adds_nothing_and_a_change_adds_a_version(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    rows = [{"Id": "1", "Amount": 1}, {"Id": "2", "Amount": 2}]
    into(con, tmp_path).land(DEAL, rows)
    again = into(con, tmp_path, 1).land(DEAL, rows)
    assert (again.rows_in, again.rows_loaded, again.rows_unchanged, again.changed) == (2, 0, 2, False)
    changed = into(con, tmp_path, 2).land(DEAL, [{"Id": "1", "Amount": 3}, rows[1]])
    assert (changed.rows_loaded, changed.rows_unchanged) == (1, 1)
    assert newest(con) == [("1", Decimal(3), False), ("2", Decimal(2), False)]
    other = into(con, tmp_path, 3, source="another").land(DEAL, rows)
    assert other.rows_loaded == 2


def test_of_a_record_that_comes_twice_the_last_counts(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    landed = into(con, tmp_path).land(DEAL, [{"Id": "1", "Amount": 1}, {"Id": "1", "Amount": 2}])
    assert (landed.rows_in, landed.rows_loaded, landed.rows_repeated) == (2, 1, 1)
    assert newest(con) == [("1", Decimal(2), False)]


def test_what_is_no_longer_there_is_deleted_and_may_come_back(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    rows = [{"Id": "1", "Amount": 1}, {"Id": "2", "Amount": 2}]
    into(con, tmp_path, source="another").land(DEAL, rows)
    into(con, tmp_path).land(DEAL, rows)
    gone = into(con, tmp_path, 1).land(DEAL, rows[:1], is_complete=True)
    assert (gone.rows_deleted, gone.rows_unchanged) == (1, 1)
    assert newest(con) == [("1", Decimal(1), False), ("2", Decimal(2), True)]
    assert not into(con, tmp_path, 2).land(DEAL, rows[:1], is_complete=True).changed
    assert into(con, tmp_path, 3).land(DEAL, rows, is_complete=True).rows_loaded == 1
    assert newest(con)[1] == ("2", Decimal(2), False)
    assert into(con, tmp_path, 4).bury(DEAL, ["2", "unknown"]) == 1
    assert into(con, tmp_path, 5).bury(DEAL, ["2"]) == 0
    assert newest(con)[1] == ("2", Decimal(2), True)


def test_children_are_complete_within_their_parents(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    pairs = [{"from_id": parent, "to_id": child} for parent, child in ("ax", "ay", "bx")]
    into(con, tmp_path).land(LINK, pairs)
    landed = into(con, tmp_path, 1).land(LINK, pairs[:1], of_parents=("from_id", ["a", "c"]))
    assert landed.rows_deleted == 1
    alive = con.execute(
        "select from_id, to_id from raw_crm.link"
        " qualify row_number() over (partition by from_id, to_id order by _batch_number desc) = 1"
        " and not _is_deleted order by all"
    ).fetchall()
    assert alive == [("a", "x"), ("b", "x")]


def test_a_child_that_moved_to_another_parent_is_not_gone(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for day, account in enumerate("AB"):
        into(con, tmp_path, day).land(DEAL, [{"Id": "1", "Amount": 1, "AccountId": account}])
    nothing_of_a = into(con, tmp_path, 2).land(DEAL, [], of_parents=("AccountId", ["A"]))
    assert nothing_of_a.rows_deleted == 0
    nothing_of_b = into(con, tmp_path, 3).land(DEAL, [], of_parents=("AccountId", ["B"]))
    assert nothing_of_b.rows_deleted == 1


def test_a_value_that_cannot_be_typed_puts_its_row_into_quarantine(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    rows = [{"Id": "1", "Amount": "many"}, {"Id": "2", "ClosedAt": "soon"}, {"Id": "3"}]
    landed = into(con, tmp_path).land(DEAL, rows)
    assert (landed.rows_in, landed.rows_loaded, landed.rows_quarantined) == (3, 1, 2)
    found = con.execute("select column_name, reason from raw_crm.quarantine order by all").fetchall()
    assert found == [
        ("Amount", "Amount: is no amount"),
        ("ClosedAt", "ClosedAt: is no instant of the years 1900 to 2200"),
    ]


def test_what_cannot_be_read_is_in_quarantine_once_and_is_not_gone(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    into(con, tmp_path).land(DEAL, [{"Id": "1", "Amount": 1}, {"Id": "2", "Amount": 2}])
    rows = [{"Id": "1", "Amount": "many"}, {"Id": "2", "Amount": 2}]
    first = into(con, tmp_path, 1).land(DEAL, rows, is_complete=True)
    assert (first.rows_quarantined, first.rows_unchanged, first.rows_deleted) == (1, 1, 0)
    again = into(con, tmp_path, 2).land(DEAL, rows, is_complete=True)
    assert (again.rows_quarantined, again.rows_unchanged, again.changed) == (0, 2, False)
    assert con.execute("select count(*) from raw_crm.quarantine").fetchall() == [(1,)]
    assert newest(con) == [("1", Decimal(1), False), ("2", Decimal(2), False)]


def test_half_of_an_emoji_costs_no_record(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    assert into(con, tmp_path).land(DEAL, [{"Id": "1", "AccountId": "cut \ud83d"}]).rows_loaded == 1
    assert con.execute("select AccountId from raw_crm.deal").fetchall() == [("cut ?",)]


def test_a_record_without_its_key_refuses_the_batch(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = into(con, tmp_path)
    with pytest.raises(SourceError, match="1 records of deal came without Id"):
        target.land(DEAL, [{"Id": "1"}, {"Amount": 2}], cursor={"at": 1})
    assert newest(con) == []
    assert target.cursor(DEAL) is None


def test_the_cursor_moves_with_its_rows_or_not_at_all(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = into(con, tmp_path)
    target.land(DEAL, [{"Id": "1"}], cursor={"at": "2026-03-01"})
    assert target.cursor(DEAL) == {"at": "2026-03-01"}
    assert into(con, tmp_path, source="another").cursor(DEAL) is None

    def broken() -> Any:
        yield {"Id": "2"}
        raise RuntimeError("the connection broke off")

    with pytest.raises(RuntimeError):
        target.land(DEAL, broken(), cursor={"at": "2026-03-02"})
    assert target.cursor(DEAL) == {"at": "2026-03-01"}
    assert [key for key, *_ in newest(con)] == ["1"]


def test_of_an_address_only_the_hash_is_kept(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    into(con, tmp_path).land(PERSON, [{"Id": "1", "Email": " Anne@Example.com "}, {"Id": "2"}])
    found = con.execute("select Id, Email = sha256('anne@example.com') from raw_crm.person order by Id")
    assert found.fetchall() == [("1", True), ("2", None)]


def test_the_ledger_accounts_for_every_row(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    rows = [{"Id": "1", "Amount": 1}, {"Id": "1", "Amount": 2}, {"Id": "2", "Amount": "x"}, {"Id": "3"}]
    into(con, tmp_path).land(DEAL, rows)
    into(con, tmp_path, 1).land(DEAL, rows[:1], is_complete=True)
    found = con.execute(
        "select rows_in = rows_loaded + rows_unchanged + rows_repeated + rows_quarantined + rows_withheld,"
        " rows_deleted from raw_crm.load_ledger order by batch_number"
    ).fetchall()
    assert found == [(True, 0), (True, 1)]
