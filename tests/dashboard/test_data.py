"""Lists and distributions that the pages draw from `fct_*`, on rows where each border is somebody's.

Belongs here: what a query keeps, counts and sorts. Does not belong here: numbers of `kpi_*`, which are taken
as they are (`test_agreement.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb
import pytest

from dashboard import data
from dashboard.releases import Release, Row
from dashboard.view import Period, View

MARCH = Period("month", date(2026, 3, 1), date(2026, 3, 31), False)
TODAY = date(2026, 3, 11)


class Tables(Release):
    """A release of tables in memory."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self.rows = self._asked  # type: ignore[assignment]

    @property
    def today(self) -> date:
        return TODAY

    def _asked(self, sql: str, **values: Any) -> tuple[Row, ...]:
        found = self.con.execute(sql, values)
        names = [column[0] for column in found.description]
        return tuple(dict(zip(names, row, strict=True)) for row in found.fetchall())


@pytest.fixture
def tables() -> Iterator[Tables]:
    with duckdb.connect() as con:
        con.execute(
            "create table fct_leads (has_response_clock boolean, is_answered boolean, is_customer boolean, "
            "business_response_minutes double, created_on date, team_id varchar, rep_id varchar, "
            "source varchar)"
        )
        con.execute(
            "create table fct_opportunities (opportunity_id varchar, team_id varchar, rep_id varchar, "
            "source varchar, stage varchar, outcome varchar, is_open boolean, is_closed boolean, "
            "is_qualified boolean, created_on date, closed_on date, expected_close_on date, "
            "sales_cycle_days bigint, amount decimal(18,2))"
        )
        yield Tables(con)


def put(tables: Tables, table: str, *rows: dict[str, Any]) -> None:
    for row in rows:
        places = ", ".join(f"${name}" for name in row)
        tables.con.execute(f"insert into {table} ({', '.join(row)}) values ({places})", row)


def view_of(rep: str | None = None, team: str | None = None, source: str | None = None) -> View:
    level: Any = "rep" if rep else "team" if team else "company"
    return View((), MARCH, level, team, rep, source, "en")


def lead(minutes: float | None, **more: Any) -> dict[str, Any]:
    row = {
        "has_response_clock": True,
        "is_answered": minutes is not None,
        "is_customer": False,
        "business_response_minutes": minutes,
        "created_on": MARCH.start,
        "team_id": "T1",
        "rep_id": "R1",
        "source": "web",
    }
    return row | more


def buckets(tables: Tables, view: View | None = None) -> dict[Any, tuple[int, int]]:
    found = data.response_buckets(tables, view or view_of(), (5, 15), MARCH.start, MARCH.end)
    return {(row["bucket"], row["is_answered"]): (row["leads"], row["customers"]) for row in found}


def test_an_edge_belongs_to_the_bucket_below_it(tables: Tables) -> None:
    put(tables, "fct_leads", *map(lead, (0, 5, 5.01, 15, 15.01, 900)))
    assert buckets(tables) == {(0, True): (2, 0), (1, True): (2, 0), (2, True): (2, 0)}


def test_no_answer_and_an_answer_on_a_day_are_no_waiting_time(tables: Tables) -> None:
    put(tables, "fct_leads", lead(None), lead(None, is_answered=True), lead(3, is_answered=False))
    assert buckets(tables) == {(None, False): (2, 0), (None, True): (1, 0)}


def test_leads_without_a_clock_and_of_other_days_do_not_count(tables: Tables) -> None:
    put(
        tables,
        "fct_leads",
        lead(1, has_response_clock=False),
        lead(1, created_on=date(2026, 2, 28)),
        lead(1, created_on=date(2026, 4, 1)),
        lead(1, created_on=MARCH.start, is_customer=True),
        lead(1, created_on=MARCH.end),
    )
    assert buckets(tables) == {(0, True): (2, 1)}


@pytest.mark.parametrize(
    ("asked", "leads"),
    [
        ({}, 4),
        ({"team": "T1"}, 3),
        ({"team": "T1", "rep": "R1"}, 2),
        ({"source": "fair"}, 2),
        ({"team": "T1", "source": "fair"}, 1),
        ({"team": "T9"}, 0),
    ],
)
def test_whose_and_which_source(tables: Tables, asked: dict[str, str], leads: int) -> None:
    put(
        tables,
        "fct_leads",
        lead(1),
        lead(1, source="fair"),
        lead(1, rep_id="R2"),
        lead(1, rep_id="R3", team_id="T2", source="fair"),
    )
    assert sum(count for count, _ in buckets(tables, view_of(**asked)).values()) == leads


def deal(name: str, **more: Any) -> dict[str, Any]:
    row = {
        "opportunity_id": name,
        "team_id": "T1",
        "rep_id": "R1",
        "source": "web",
        "stage": "Proposal",
        "outcome": "open",
        "is_open": True,
        "is_closed": False,
        "is_qualified": True,
        "created_on": TODAY,
        "expected_close_on": TODAY,
        "amount": 10,
    }
    return row | more


def won(name: str, day: int, amount: int = 10, **more: Any) -> dict[str, Any]:
    closed = {"outcome": "won", "is_open": False, "is_closed": True, "closed_on": date(2026, 3, day)}
    return deal(name, **closed, amount=amount) | more


def test_the_age_of_what_is_open_and_qualified_today(tables: Tables) -> None:
    created = {"a": date(2026, 3, 11), "b": date(2026, 2, 9), "c": date(2026, 2, 8), "d": date(2020, 1, 1)}
    put(tables, "fct_opportunities", *(deal(name, created_on=day) for name, day in created.items()))
    put(tables, "fct_opportunities", deal("x", is_qualified=False), won("y", 2))
    put(tables, "fct_opportunities", deal("z", amount=None, created_on=date(2026, 2, 9)))
    found = data.age_of_open_deals(tables, view_of(), (30, 60))
    assert [(row["bucket"], row["deals"], row["amount"]) for row in found] == [
        (0, 3, 20),
        (1, 1, 10),
        (2, 1, 10),
    ]
    assert data.age_of_open_deals(tables, view_of(team="T2"), (30, 60)) == ()


def test_a_deal_is_overdue_the_day_after(tables: Tables) -> None:
    put(
        tables,
        "fct_opportunities",
        deal("today"),
        deal("yesterday", expected_close_on=date(2026, 3, 10), amount=5),
        deal("long ago", expected_close_on=date(2026, 2, 11), amount=70),
        deal("no day", expected_close_on=None),
        deal("unqualified", expected_close_on=date(2026, 1, 1), is_qualified=False),
        deal("also", expected_close_on=date(2026, 3, 9), amount=5),
        won("won", 2, expected_close_on=date(2026, 1, 1)),
    )
    found = data.overdue_deals(tables, view_of(), 3)
    assert [(row["opportunity_id"], row["days_overdue"]) for row in found] == [
        ("long ago", 28),
        ("also", 2),
        ("yesterday", 1),
    ]
    assert len(data.overdue_deals(tables, view_of(), 1)) == 1


def test_what_was_won_by_the_day_and_the_largest_of_it(tables: Tables) -> None:
    put(
        tables,
        "fct_opportunities",
        won("a", 1, 30),
        won("b", 31, 50),
        won("c", 1, 50),
        won("lost", 5, 900, outcome="lost"),
        won("reopened", 5, 900, is_closed=False),
        won("april", 1, 900, closed_on=date(2026, 4, 1)),
        won("other", 5, 1, team_id="T2", rep_id="R2", source="fair"),
    )
    days = data.closed_by_day(tables, view_of(), MARCH.start, MARCH.end)
    assert [(row["closed_on"].day, row["amount"], row["deals"]) for row in days] == [
        (1, 80, 2),
        (5, 1, 1),
        (31, 50, 1),
    ]
    assert [row["opportunity_id"] for row in data.largest_deals(tables, view_of(), 3)] == ["b", "c", "a"]
    for view in (view_of(team="T2"), view_of(team="T2", rep="R2"), view_of(source="fair")):
        assert [row["opportunity_id"] for row in data.largest_deals(tables, view, 3)] == ["other"]
        assert [row["amount"] for row in data.closed_by_day(tables, view, MARCH.start, MARCH.end)] == [1]


def test_findings_come_with_the_most_urgent_first(tables: Tables) -> None:
    tables.con.execute(
        "create table metric_catalog as select * from (values ('a', 1), ('b', 2)) as rows(slug, sort_order);"
        "create table kpi_signals as select * from (values "
        "('late', 'b', 'alert', 'rep', 'T1', 'R1', date '2026-03-01', ''), "
        "('odd', 'a', 'info', 'company', null, null, date '2026-03-01', ''), "
        "('few', 'a', 'alert', 'company', null, null, date '2026-02-01', ''), "
        "('new', 'b', 'alert', 'company', null, null, date '2026-03-01', ''), "
        "('low', 'a', 'warn', 'team', 'T1', null, date '2026-03-01', ''), "
        "('gone', 'unknown', 'alert', 'company', null, null, date '2026-03-01', '')) "
        "as rows(signal, kpi, severity, level, team_id, rep_id, period_start, breakdown_value)"
    )
    found = [row["signal"] for row in data.signals(tables, view_of())]
    assert found == ["new", "few", "late", "low", "odd"]
    assert [row["signal"] for row in data.signals(tables, view_of(team="T1"))] == ["late", "low"]
    assert [row["signal"] for row in data.signals(tables, view_of(team="T1", rep="R1"))] == ["late"]
    assert data.signals(tables, view_of(team="T2")) == ()
