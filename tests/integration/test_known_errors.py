"""Every known way to get a sales metric wrong, and what the published tables say instead.

Each was found in a package, a report or a connector that people use. `CASES` names for every one of them the
tests that fail on the wrong answer; most are in this module: a few records go through the real models, and
the expected number was worked out by hand from the definitions. A comment says what others give.

Belongs here: a case of one or a few records with one right answer. Does not belong here: what holds for all
records (`test_properties.py`), or what follows from rules that only one model knows (`models/**/*.yml`).
"""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.settings import PROJECT_ROOT
from tests.proof.asked import Row, Tables, by_value, company, compiled, elsewhere, find, needed, rep
from tests.proof.asked import published as published_of
from tests.proof.in_memory import built, failing_tests
from tests.reference.world import Holiday, Rules, Sighting, Stage, World
from tests.unit.reference_cases import APRIL, FEBRUARY, JANUARY, MARCH, call, deal, eur, lead, utc, won

ELSEWHERE = "tests/integration/"
PROPERTIES = ELSEWHERE + "test_properties.py::"

CASES: dict[str, tuple[str, ...]] = {
    "a probability of 100 on the scale 0 to 100 weighs a hundredfold": (
        "test_a_probability_of_one_weighs_the_whole_amount",
        "test_a_probability_of_a_hundred_is_refused",
        ELSEWHERE + "test_dagster_run.py::test_a_failing_test_stops_the_run_with_a_sentence",
    ),
    "2 won and 0 lost is a win ratio of 0": ("test_two_won_and_none_lost_is_a_win_ratio_of_one",),
    "a sales cycle is negative": ("test_a_sales_cycle_runs_from_creation_to_close",),
    "an open deal that does not change vanishes from the history": (
        "test_a_deal_that_does_not_change_is_there_every_day",
    ),
    "an amount that changes counts twice on that day": ("test_an_amount_that_changes_counts_once",),
    "the median leaves out who never got an answer": ("test_unanswered_leads_belong_to_the_median",),
    "a weekend counts as waiting in business minutes": ("test_minutes_to_the_first_response",),
    "the night of the clock change has 24 hours": ("test_minutes_to_the_first_response",),
    "a holiday counts as business minutes": ("test_minutes_to_the_first_response",),
    "a close in the night belongs to the next month": ("test_a_close_belongs_to_the_local_month",),
    "a new rate takes away the old one": ("test_the_rate_of_the_day_of_the_close",),
    "a rate for every day is none at all": ("test_a_rate_for_every_day",),
    "a manager's target is added to those of the reps": ("test_a_team_has_its_own_target",),
    "a new owner takes the sale along": ("test_a_sale_stays_with_the_owner_at_the_close",),
    "only the deal's owner is seen, not the lead's": ("test_a_sale_has_an_owner_and_a_lead_owner",),
    "onboarding calls are follow-ups": ("test_follow_ups_end_with_the_win",),
    "a meeting counts once for every link": ("test_a_meeting_with_four_links_is_one_contact_moment",),
    "an automatic reply is a response": ("test_an_automatic_reply_is_no_response",),
    "a new owner restarts the customer's clock": ("test_a_new_owner_restarts_no_clock",),
    "an old deal that was called yesterday is neglected": ("test_a_deal_that_was_called_is_not_stale",),
    "a young month is compared with old ones": ("test_a_young_month_is_not_compared",),
    "two products double follow-ups and amount": ("test_two_products_share_by_weight",),
    "merged leads count again": ("test_merged_leads_are_one_lead",),
    "a person in two CRMs is two leads": (
        ELSEWHERE + "test_matching.py::test_a_person_in_two_sources_counts_once_and_with_what_both_know",
    ),
    "a close date that is edited lowers a past month in silence": (
        "test_an_edited_close_date_moves_the_sale_and_keeps_the_sum",
    ),
    "target null, reached or 0": ("test_targets_that_cannot_be_divided_by",),
    "the fastest is sent to coaching": ("test_the_slowest_is_coached_not_the_fastest",),
    "what a dimension does not know is lost by a join": ("test_nothing_is_lost_by_a_join",),
    "deals without amount are dropped": ("test_deals_without_amount_count",),
    "a column that lost its permission is published as null": ("test_amounts_that_all_turned_null_are_said",),
    "the time zone of the machine changes numbers": (
        "test_the_time_zone_of_the_process_changes_nothing",
        ELSEWHERE + "test_lock.py::test_the_warehouse_is_private_and_in_utc",
        ELSEWHERE + "test_command_line_runs.py::test_the_time_zone_of_the_machine_changes_nothing",
    ),
    "always: business minutes are at most calendar minutes and add up": (
        PROPERTIES + "test_business_minutes_fit_into_calendar_minutes_and_add_up",
    ),
    "always: the order of input rows changes nothing": (
        PROPERTIES + "test_the_order_of_rows_changes_nothing",
        ELSEWHERE + "test_determinism.py::test_rows_in_another_order_and_files_in_parts_and_copies",
    ),
    "always: a row that comes twice changes nothing": (
        PROPERTIES + "test_a_row_that_comes_twice_changes_nothing",
        ELSEWHERE + "test_determinism.py::test_files_that_come_in_two_runs_and_again",
    ),
    "always: one more unanswered lead never lowers the Kaplan-Meier median": (
        PROPERTIES + "test_one_more_unanswered_lead_never_lowers_the_median",
    ),
    "always: rates after the close move no closed sale": (
        PROPERTIES + "test_later_rates_move_no_closed_sale",
    ),
    "always: additive measures add up over every dimension": (
        PROPERTIES + "test_measures_add_up_over_every_dimension",
        ELSEWHERE + "test_second_opinion.py::test_data_tests_hold_for_made_up_companies",
    ),
}

RULES = Rules(
    stage_map={
        "new": Stage(False, None, 0.1),
        "proposal": Stage(True, None, 0.5),
        "won": Stage(True, "won", 1.0),
        "lost": Stage(True, "lost", 0.0),
    },
    conversion_targets={"default": 0.15},
)
REPS: list[Row] = [{"rep_id": name, "team_id": "north"} for name in ("anna", "bram", "cato")]

pytestmark = pytest.mark.xdist_group("asked")


def world(as_of: str, *, rules: Rules = RULES, seen: tuple[Sighting, ...] = (), **tables: list[Row]) -> World:
    """Instants are UTC; the company is in Amsterdam."""
    return World({"reps": REPS, **tables}, utc(as_of), utc(as_of), rules, seen)


def published(as_of: str, *tables: str, **records: Any) -> Tables:
    return published_of(world(as_of, **records), *tables)


def one(as_of: str, table: str, **records: Any) -> list[Row]:
    return published(as_of, table, **records)[table]


def test_every_case_has_its_tests() -> None:
    named = {name for names in CASES.values() for name in names}
    here = Path(__file__).relative_to(PROJECT_ROOT).as_posix()
    for name in named:
        file, _, function = name.rpartition("::")
        text = (PROJECT_ROOT / (file or here)).read_text(encoding="utf-8")
        assert re.search(rf"^def {function}\(", text, re.MULTILINE), name
    tests = set(re.findall(r"^def (test_\w+)\(", Path(__file__).read_text(encoding="utf-8"), re.MULTILINE))
    assert tests - named == {"test_every_case_has_its_tests"}


# Amounts and closed sales


def test_a_probability_of_one_weighs_the_whole_amount() -> None:
    deals = [deal("O", "2026-01-05T09:00", amount=eur("6000.00"), probability=1.0)]
    row = company(one("2026-01-20T12:00", "kpi_open_pipeline", opportunities=deals), JANUARY)
    assert (row["open_amount"], row["weighted_amount"]) == (6000, 6000)  # not 600,000


def test_a_probability_of_a_hundred_is_refused() -> None:
    deals = [deal("O", "2026-01-05T09:00", amount=eur("6000.00"), probability=100.0)]
    checks = tuple(test for test in compiled().tests if "is_between" in test.name)
    staging = replace(needed("stg_files__opportunities", "stg_files__opportunity_history"), tests=checks)
    checks = tuple(test for test in checks if test.needs <= {model.name for model in staging.models})
    with built(staging, world("2026-01-20T12:00", opportunities=deals)) as con:
        assert failing_tests(con, replace(staging, tests=checks)) == {
            "is_between_stg_files__opportunities_probability__1__0": 1
        }


def test_two_won_and_none_lost_is_a_win_ratio_of_one() -> None:
    deals = [won(name, "2026-01-05T09:00", date(2026, 1, 16)) for name in ("O1", "O2")]
    rows = one("2026-02-01T12:00", "kpi_closed_sales", opportunities=deals)
    assert rep(rows, "crm:anna", JANUARY)["win_ratio"] == 1.0  # not 0
    assert rep(rows, "crm:bram", JANUARY)["win_ratio"] is None


def test_a_sales_cycle_runs_from_creation_to_close() -> None:
    deals = [won("O", "2026-01-01T09:00", date(2026, 3, 31))]
    tables = published("2026-04-10T12:00", "kpi_closed_sales", "fct_opportunities", opportunities=deals)
    assert company(tables["kpi_closed_sales"], MARCH)["median_sales_cycle_days"] == 89  # not -89
    assert find(tables["fct_opportunities"])["sales_cycle_days"] == 89


def test_a_close_belongs_to_the_local_month() -> None:
    """At 01:09 UTC on 1 April it is still the evening of 31 March five hours behind."""
    deals = [won("O", "2023-03-01T12:00", utc("2023-04-01T01:09"))]
    there = elsewhere(needed("kpi_closed_sales"), "America/Bogota")
    tables = published_of(world("2023-05-01T12:00", opportunities=deals), "kpi_closed_sales", by=there)
    rows = tables["kpi_closed_sales"]
    assert company(rows, date(2023, 3, 1))["closed_amount"] == 100
    assert company(rows, date(2023, 4, 1))["closed_amount"] == 0  # not 100
    in_amsterdam = one("2023-05-01T12:00", "kpi_closed_sales", opportunities=deals)
    assert company(in_amsterdam, date(2023, 4, 1))["closed_amount"] == 100


def test_the_rate_of_the_day_of_the_close() -> None:
    rates = [
        {"currency": "GBP", "valid_from": date(2026, 1, 1), "rate": eur("1.10")},
        {"currency": "GBP", "valid_from": date(2026, 1, 10), "rate": eur("2.00")},
    ]
    deals = [won(f"O{day}", "2026-01-05T09:00", date(2026, 1, day), currency="GBP") for day in (8, 9, 10)]
    rows = one("2026-02-01T12:00", "fct_opportunities", opportunities=deals, exchange_rates=rates)
    assert {row["closed_on"].day: row["amount"] for row in rows} == {8: 110, 9: 110, 10: 200}


def test_a_rate_for_every_day() -> None:
    days = range(1, 32)
    rates = [
        {"currency": "GBP", "valid_from": date(2026, 1, day), "rate": eur("1.00") + eur("0.01") * day}
        for day in days
    ]
    deals = [won(f"O{day}", "2026-01-01T09:00", date(2026, 1, day), currency="GBP") for day in days]
    rows = one("2026-02-01T12:00", "fct_opportunities", opportunities=deals, exchange_rates=rates)
    assert {row["closed_on"].day: row["amount"] for row in rows} == {day: 100 + day for day in days}


def test_a_sale_stays_with_the_owner_at_the_close() -> None:
    deals = [won("O", "2026-01-05T09:00", date(2026, 1, 16), owner_id="bram")]
    changes: list[Row] = [
        {"opportunity_id": "O", "changed_at": utc(at), "stage": stage, "owner_id": owner}
        for at, stage, owner in (
            ("2026-01-05T09:00", "Proposal", "anna"),
            ("2026-01-16T12:00", "Won", "anna"),
            ("2026-01-20T09:00", "Won", "bram"),
        )
    ]
    rows = one("2026-02-01T12:00", "kpi_closed_sales", opportunities=deals, opportunity_history=changes)
    assert rep(rows, "crm:anna", JANUARY)["closed_amount"] == 100
    assert rep(rows, "crm:bram", JANUARY)["closed_amount"] == 0  # not 100


def test_a_sale_has_an_owner_and_a_lead_owner() -> None:
    deals = [
        won("O", "2026-01-06T09:00", date(2026, 1, 16), lead_id="L", owner_id="bram", amount=eur("10000.00"))
    ]
    rows = one(
        "2026-02-01T12:00", "kpi_closed_sales", leads=[lead("L", "2026-01-05T09:00")], opportunities=deals
    )
    by_owner = {name: rep(rows, f"crm:{name}", JANUARY)["closed_amount"] for name in ("anna", "bram", "cato")}
    assert by_owner == {"anna": 0, "bram": 10000, "cato": 0}
    assert by_value(rows, JANUARY, "lead_owner", "closed_amount") == {"crm:anna": 10000}  # not Bram
    assert rep(rows, "crm:bram", JANUARY, "lead_owner", "crm:anna")["closed_amount"] == 10000
    assert company(rows, JANUARY)["closed_amount"] == 10000


def test_an_edited_close_date_moves_the_sale_and_keeps_the_sum() -> None:
    """Closed on 30 January until somebody writes 2 February over it, on 5 February."""
    before, after = date(2026, 1, 30), date(2026, 2, 2)
    sales = []
    for closed_on, edited_at in ((before, "2026-01-30T15:00"), (after, "2026-02-05T09:00")):
        deals = [won("O", "2026-01-05T09:00", closed_on, updated_at=utc(edited_at))]
        rows = one("2026-02-06T12:00", "kpi_closed_sales", opportunities=deals)
        sales.append([company(rows, month)["closed_amount"] for month in (JANUARY, FEBRUARY)])
    assert sales == [[100, 0], [0, 100]]


def test_deals_without_amount_count() -> None:
    """A mean over two deals, one of which has no amount, is half of the other."""
    deals = [
        won("O1", "2026-01-05T09:00", date(2026, 1, 16)),
        won("O2", "2026-01-05T09:00", date(2026, 1, 16), amount=None),
        deal("O3", "2026-01-05T09:00", amount=None),
        deal("O4", "2026-01-05T09:00"),
    ]
    tables = published("2026-01-20T12:00", "kpi_closed_sales", "kpi_open_pipeline", opportunities=deals)
    sales = company(tables["kpi_closed_sales"], JANUARY)
    assert (sales["won_opportunities"], sales["closed_amount"], sales["won_without_amount"]) == (2, 100, 1)
    assert sales["mean_deal_amount"] == 50  # not 100
    stock = company(tables["kpi_open_pipeline"], JANUARY)
    assert (stock["open_opportunities"], stock["open_amount"]) == (2, 100)
    assert stock["opportunities_without_amount"] == 1


def test_amounts_that_all_turned_null_are_said() -> None:
    """Without a memory of how complete a column was: lost amounts are counted, and reported."""
    deals = [won(name, "2026-01-05T09:00", date(2026, 1, 16), amount=None) for name in ("O1", "O2")]
    tables = published("2026-01-20T12:00", "kpi_closed_sales", "data_warnings", opportunities=deals)
    sales = company(tables["kpi_closed_sales"], JANUARY)
    assert (sales["won_opportunities"], sales["won_without_amount"]) == (2, 2)
    assert find(tables["data_warnings"], code="without_amount")["records"] == 2


def test_nothing_is_lost_by_a_join() -> None:
    """A stage that was deleted, no company, an owner who left, and one whom nobody knows."""
    reps = [*REPS, {"rep_id": "dirk", "team_id": "north", "is_active": False}]
    deals = [
        deal("O1", "2026-01-05T09:00", stage="A stage that was deleted"),
        deal("O2", "2026-01-05T09:00", account_id="never heard of"),
        deal("O3", "2026-01-05T09:00", owner_id="dirk"),
        deal("O4", "2026-01-05T09:00", owner_id="nobody knows"),
        won("O5", "2026-01-05T09:00", date(2026, 1, 16), lead_id="gone")
        | {"stage": "An old stage", "is_won": True},
        won("O6", "2026-01-05T09:00", date(2026, 1, 16), owner_id="dirk"),
        won("O7", "2026-01-05T09:00", date(2026, 1, 16), owner_id=None),
    ]
    tables = published(
        "2026-01-20T12:00", "kpi_closed_sales", "kpi_open_pipeline", reps=reps, opportunities=deals
    )
    stock, sales = tables["kpi_open_pipeline"], tables["kpi_closed_sales"]
    assert company(stock, JANUARY)["open_amount"] == 400
    assert by_value(stock, JANUARY, "stage", "open_amount")["A stage that was deleted"] == 100
    assert by_value(stock, JANUARY, "industry", "open_amount") == {"unknown": 400}
    open_of = {
        name: rep(stock, name, JANUARY)["open_amount"] for name in ("crm:anna", "crm:dirk", "unassigned")
    }
    assert open_of == {"crm:anna": 200, "crm:dirk": 100, "unassigned": 100}
    assert company(sales, JANUARY)["closed_amount"] == 300
    for breakdown in ("source", "industry", "product", "lead_owner"):
        assert by_value(sales, JANUARY, breakdown, "closed_amount") == {"unknown": 300}
    sold_by = {
        name: rep(sales, name, JANUARY)["closed_amount"] for name in ("crm:anna", "crm:dirk", "unassigned")
    }
    assert sold_by == {"crm:anna": 100, "crm:dirk": 100, "unassigned": 100}


# Pipeline and its past


def test_a_deal_that_does_not_change_is_there_every_day() -> None:
    """Earlier runs note a deal only when it differs from what the run before saw."""
    seen = Sighting(
        utc("2026-03-03T05:00"), "O", "Proposal", "crm:anna", "EUR", eur("100.00"), None, None, None
    )
    tables = published(
        "2026-03-12T22:00",
        "fct_opportunity_history",
        "kpi_open_pipeline",
        opportunities=[deal("O", "2026-03-02T09:00")],
        seen=(seen,),
    )
    for day in range(3, 13):
        noon = utc(f"2026-03-{day:02}T11:00")
        there = [r for r in tables["fct_opportunity_history"] if r["valid_from"] <= noon < r["valid_to"]]
        assert [(row["status"], row["source_amount"]) for row in there] == [("open", 100)], day
    for monday in (date(2026, 3, 2), date(2026, 3, 9)):
        week = {"period_type": "week", "period_start": monday, "level": "company", "breakdown": "total"}
        assert find(tables["kpi_open_pipeline"], **week)["open_opportunities"] == 1


def test_an_amount_that_changes_counts_once() -> None:
    changes: list[Row] = [
        {"opportunity_id": "O", "changed_at": utc(at), "stage": "Proposal", "amount": eur(amount)}
        for at, amount in (("2026-03-02T09:00", "100.00"), ("2026-03-10T10:00", "150.00"))
    ]
    tables = published(
        "2026-03-10T21:00",
        "fct_opportunity_history",
        "kpi_open_pipeline",
        opportunities=[deal("O", "2026-03-02T09:00", amount=eur("150.00"))],
        opportunity_history=changes,
    )
    row = company(tables["kpi_open_pipeline"], MARCH)
    assert (row["open_opportunities"], row["open_amount"]) == (1, 150)  # not 250
    assert (row["created_amount"], row["changed_amount"]) == (100, 50)
    evening = utc("2026-03-10T21:00")
    there = [r for r in tables["fct_opportunity_history"] if r["valid_from"] <= evening < r["valid_to"]]
    assert [row["source_amount"] for row in there] == [150]


def test_a_deal_that_was_called_is_not_stale() -> None:
    """Both were created 60 days ago; one was called yesterday, stale is after 30 days."""
    deals = [deal("O1", "2026-01-30T09:00"), deal("O2", "2026-01-30T09:00", owner_id="bram")]
    calls = [call("E", "2026-03-30T09:00", opportunity_id="O1")]
    rows = one("2026-03-31T12:00", "kpi_open_pipeline", opportunities=deals, activities=calls)
    assert rep(rows, "crm:anna", MARCH)["stale_opportunities"] == 0  # not 1
    assert rep(rows, "crm:bram", MARCH)["stale_opportunities"] == 1


# Targets


def target(amount: str, start: date = JANUARY, **of: Any) -> Row:
    return {"period_type": "month", "period_start": start, "target_amount": eur(amount), **of}


def test_a_team_has_its_own_target() -> None:
    targets = [
        target("100.00", team_id="north"),
        target("60.00", rep_id="anna"),
        target("50.00", rep_id="bram"),
    ]
    rows = one("2026-01-20T12:00", "kpi_target_attainment", targets=targets, leads=[lead("L", "2026-01-05")])
    january = {"period_type": "month", "period_start": JANUARY}
    assert find(rows, **january, level="team", team_id="crm:north")["target_amount"] == 100  # not 210
    assert find(rows, **january, level="company")["target_amount"] == 100
    assert find(rows, **january, rep_id="crm:anna")["target_amount"] == 60
    assert find(rows, **january, rep_id="crm:bram")["target_amount"] == 50


def test_targets_that_cannot_be_divided_by() -> None:
    """Anna reached hers, Bram's is 0, Cato has none; each has 100 won and 100 to close in January."""
    records = [
        record
        for name in ("anna", "bram", "cato")
        for record in (
            won(f"W-{name}", "2026-01-05T09:00", date(2026, 1, 16), owner_id=name),
            deal(f"O-{name}", "2026-01-05T09:00", owner_id=name, expected_close_on=date(2026, 1, 30)),
        )
    ]
    targets = [target("80.00", rep_id="anna"), target("0.00", rep_id="bram")]
    rows = one("2026-01-20T12:00", "kpi_target_attainment", opportunities=records, targets=targets)
    anna, bram, cato = (rep(rows, f"crm:{name}", JANUARY) for name in ("anna", "bram", "cato"))
    assert (anna["status"], anna["attainment_ratio"]) == ("reached", 1.25)
    assert (anna["gap_amount"], anna["coverage_ratio"]) == (-20, None)  # not -5
    assert (bram["status"], bram["attainment_ratio"], bram["coverage_ratio"]) == ("reached", None, None)
    assert (cato["status"], cato["target_amount"], cato["attainment_ratio"]) == (None, None, None)
    assert cato["coverage_ratio"] is None
    assert [row["pipeline_amount"] for row in (anna, bram, cato)] == [100, 100, 100]


# Response time


@pytest.mark.parametrize(
    ("created", "called", "calendar", "business"),
    [
        # Friday 16:50, Monday 09:10, open from 9 to 17: business minutes are not 3,860
        ("2026-01-09T15:50", "2026-01-12T08:10", 3860, 20),
        # Saturday 12:00, Sunday 12:00, clocks go forward in between: not 1,440
        ("2026-03-28T11:00", "2026-03-29T10:00", 1380, 0),
        # Sunday 12:00, King's Day, Tuesday 09:05: business minutes are not 485
        ("2026-04-26T10:00", "2026-04-28T07:05", 2705, 5),
    ],
)
def test_minutes_to_the_first_response(created: str, called: str, calendar: int, business: int) -> None:
    rules = replace(RULES, holidays={date(2026, 4, 27): Holiday("King's Day")})
    records = {"leads": [lead("L", created)], "activities": [call("E", called, lead_id="L")]}
    rows = one("2026-05-01T12:00", "kpi_lead_response_time", rules=rules, **records)
    row = company(rows, utc(created).date().replace(day=1))
    assert row["median_response_minutes"] == calendar
    assert row["median_business_response_minutes"] == business


def test_unanswered_leads_belong_to_the_median() -> None:
    """Survival of nine leads: 8/9 at 5, 7/9 at 10, 35/54 at 12 (six left), 35/108 at 30 (two left)."""
    start = utc("2026-01-12T09:00")
    answered = {"A": 5, "B": 10, "C": 12, "D": 30, "E": 90}
    gave_up = {"F": 11, "G": 13, "H": 13, "I": 13}
    leads = [lead(name, start.isoformat()) for name in answered]
    leads += [
        lead(name, start.isoformat(), disqualified_at=start + timedelta(minutes=wait))
        for name, wait in gave_up.items()
    ]
    calls = [
        call(name, (start + timedelta(minutes=wait)).isoformat(), lead_id=name)
        for name, wait in answered.items()
    ]
    row = company(one("2026-02-01T10:00", "kpi_lead_response_time", leads=leads, activities=calls), JANUARY)
    assert row["km_median_response_minutes"] == 30  # not 12
    assert row["median_response_minutes"] == 12
    assert (row["leads"], row["responded_leads"], row["unanswered_leads"]) == (9, 5, 4)


def test_an_automatic_reply_is_no_response() -> None:
    activities = [
        call("E1", "2026-01-12T09:01", lead_id="L", activity_type="email", is_automated=True),
        call("E2", "2026-01-12T12:00", lead_id="L"),
    ]
    rows = one("2026-02-01T10:00", "fct_leads", leads=[lead("L", "2026-01-12T09:00")], activities=activities)
    assert find(rows)["response_minutes"] == 180  # not 1
    assert find(rows)["contact_moments"] == 1


def test_a_new_owner_restarts_no_clock() -> None:
    versions = [
        lead("L", "2026-01-12T08:00", updated_at=utc("2026-01-12T08:00")),
        lead("L", "2026-01-12T08:00", updated_at=utc("2026-01-12T13:00"), owner_id="bram"),
    ]
    calls = [call("E", "2026-01-12T14:00", lead_id="L", owner_id="bram")]
    row = find(one("2026-02-01T10:00", "fct_leads", leads=versions, activities=calls))
    assert (row["rep_id"], row["response_minutes"]) == ("crm:bram", 360)  # not 60


def test_the_slowest_is_coached_not_the_fastest() -> None:
    """Ten leads each; Anna calls after 10 minutes, Cato after 30, Bram after 240: the team's median is 30."""
    days = [day for day in range(2, 14) if date(2026, 3, day).weekday() < 5]
    minutes = {"anna": 10, "cato": 30, "bram": 240}
    leads, calls = [], []
    for name, wait in minutes.items():
        for day in days:
            at = utc(f"2026-03-{day:02}T08:00")  # 09:00 in Amsterdam
            leads.append(lead(f"{name}{day}", at.isoformat(), owner_id=name))
            answered = (at + timedelta(minutes=wait)).isoformat()
            calls.append(call(f"{name}{day}", answered, lead_id=f"{name}{day}", owner_id=name))
    tables = published("2026-03-20T12:00", "kpi_signals", "kpi_scorecard", leads=leads, activities=calls)
    slow = [row for row in tables["kpi_signals"] if row["kpi"] == "lead_response_time"]
    assert [(row["signal"], row["rep_id"]) for row in slow] == [("rep_slower_than_team", "crm:bram")]
    assert (slow[0]["value"], slow[0]["reference_value"]) == (240, 30)
    march = {"kpi": "lead_response_time", "period_type": "month", "period_start": MARCH}
    status = {
        name: find(tables["kpi_scorecard"], **march, rep_id=f"crm:{name}")["status"] for name in minutes
    }
    assert status == {"anna": "good", "cato": "good", "bram": "bad"}


# Contact moments


def test_follow_ups_end_with_the_win() -> None:
    """A first response and three follow-ups, the win on the 12th, then four onboarding calls."""
    calls = [call(f"E{day}", f"2026-01-{day:02}T09:00", lead_id="L") for day in (6, 7, 8, 9, 13, 14, 15, 16)]
    tables = published(
        "2026-02-01T10:00",
        "fct_leads",
        "kpi_number_of_follow_ups",
        leads=[lead("L", "2026-01-05T09:00")],
        opportunities=[won("O", "2026-01-07T09:00", date(2026, 1, 12), lead_id="L")],
        activities=calls,
    )
    assert find(tables["fct_leads"])["follow_ups"] == 3  # not 7
    row = company(tables["kpi_number_of_follow_ups"], JANUARY)
    assert (row["first_responses"], row["follow_ups"]) == (1, 3)
    assert row["mean_contact_moments_per_won_lead"] == 4


def test_a_meeting_with_four_links_is_one_contact_moment() -> None:
    """It comes once for the deal and once for each contact; each contact came from a lead of its own."""
    contacts = ("C1", "C2", "C3")
    leads = [lead(f"L{contact}", "2026-01-05T09:00", contact_id=contact) for contact in contacts]
    meeting = call("E", "2026-01-08T09:00", activity_type="meeting", opportunity_id="O")
    tables = published(
        "2026-02-01T10:00",
        "fct_leads",
        "fct_contact_moments",
        "kpi_number_of_follow_ups",
        leads=leads,
        opportunities=[deal("O", "2026-01-06T09:00", lead_id="LC1")],
        activities=[meeting, *({**meeting, "contact_id": contact} for contact in contacts)],
    )
    assert company(tables["kpi_number_of_follow_ups"], JANUARY)["contact_moments"] == 1  # not 4
    assert find(tables["fct_contact_moments"])["lead_id"] == "crm:LC1"
    counts = {row["lead_id"]: row["contact_moments"] for row in tables["fct_leads"]}
    assert counts == {"crm:LC1": 1, "crm:LC2": 0, "crm:LC3": 0}


def test_two_products_share_by_weight() -> None:
    """A first response and ten follow-ups on a deal of 70/30: of the eleven, 3, 6, 8 and 11 go to the second.

    Their multiples of 0.618 have the fractions 0.854, 0.708, 0.944 and 0.798, all others are below 0.7.
    """
    lines: list[Row] = [
        {"opportunity_id": "O", "product_id": product, "amount": eur(amount)}
        for product, amount in (("P1", "70.00"), ("P2", "30.00"))
    ]
    tables = published(
        "2026-02-01T10:00",
        "kpi_number_of_follow_ups",
        "kpi_closed_sales",
        leads=[lead("L", "2026-01-05T09:00")],
        opportunities=[won("O", "2026-01-05T10:00", date(2026, 1, 30), lead_id="L", amount=eur("1000.00"))],
        opportunity_products=lines,
        activities=[call(f"E{day:02}", f"2026-01-{day:02}T09:00", lead_id="L") for day in range(6, 17)],
    )
    follow_ups = tables["kpi_number_of_follow_ups"]
    assert by_value(follow_ups, JANUARY, "product", "follow_ups") == {"crm:P1": 6, "crm:P2": 4}  # not 10, 10
    assert company(follow_ups, JANUARY)["follow_ups"] == 10  # not 20
    sales = tables["kpi_closed_sales"]
    assert by_value(sales, JANUARY, "product", "closed_amount") == {"crm:P1": 700, "crm:P2": 300}
    assert company(sales, JANUARY)["closed_amount"] == 1000


# Leads and conversion


def test_merged_leads_are_one_lead() -> None:
    leads = [
        lead("A", "2026-01-05T09:00", duplicate_of="B"),
        lead("B", "2026-01-06T09:00", duplicate_of="C"),
        lead("C", "2026-01-07T09:00"),
    ]
    calls = [call(name, "2026-01-08T09:00", lead_id=name) for name in ("A", "B", "C")]
    tables = published("2026-02-01T10:00", "fct_leads", "kpi_number_of_leads", leads=leads, activities=calls)
    assert company(tables["kpi_number_of_leads"], JANUARY)["leads"] == 1  # not 2 or 3
    row = find(tables["fct_leads"])
    assert (row["lead_id"], row["contact_moments"]) == ("crm:C", 3)


def test_a_young_month_is_not_compared() -> None:
    """2 of 20 leads of each older month bought after 80 days; of the 100 of April 2 have, within 10 days."""
    leads, deals = [], []
    for month, count, days in ((10, 20, 80), (11, 20, 80), (12, 20, 80), (16, 100, 10)):
        start = date(2025 + (month - 1) // 12, (month - 1) % 12 + 1, 5)
        for number in range(count):
            name = f"L{month}-{number}"
            leads.append(lead(name, f"{start}T09:00"))
            if number < 2:
                closed_on = start + timedelta(days=days)
                deals.append(won(f"O{name}", f"{start}T10:00", closed_on, lead_id=name))
    tables = published(
        "2026-05-10T12:00",
        "kpi_conversion_ratio",
        "kpi_scorecard",
        "kpi_signals",
        leads=leads,
        opportunities=deals,
    )
    old = company(tables["kpi_conversion_ratio"], date(2025, 12, 1))
    young = company(tables["kpi_conversion_ratio"], APRIL)
    assert (old["conversion_ratio_90_days"], old["is_mature"]) == (0.1, True)
    assert (young["leads"], young["customers"], young["conversion_ratio"]) == (100, 2, 0.02)
    assert (young["conversion_ratio_90_days"], young["is_mature"]) == (None, False)
    april = {"kpi": "conversion_ratio", "period_type": "month", "period_start": APRIL, "level": "company"}
    judged = find(tables["kpi_scorecard"], **april)
    assert (judged["change_ratio"], judged["status"]) == (None, None)
    assert not [
        row
        for row in tables["kpi_signals"]
        if row["kpi"] == "conversion_ratio" and row["period_start"] >= APRIL
    ]


# Machines

_SHOW = """
import hashlib, pickle, sys, time
from tests.proof.asked import published
time.tzset()
world, tables, by = pickle.loads(sys.stdin.buffer.read())
rows = sorted(map(repr, (item for item in published(world, *tables, by=by).items())))
print(time.timezone, hashlib.sha256("".join(rows).encode()).hexdigest())
"""


def test_the_time_zone_of_the_process_changes_nothing() -> None:
    """A lead, its answer and a win, each within an hour of midnight, on the two ends of the world."""
    around = world(
        "2026-03-31T22:30",
        leads=[lead("L", "2026-02-28T23:30")],
        opportunities=[won("O", "2026-03-01T00:30", utc("2026-03-31T21:30"), lead_id="L")],
        activities=[call("E", "2026-03-01T23:30", lead_id="L")],
    )
    tables = ("fct_leads", "fct_opportunities", "kpi_closed_sales", "kpi_lead_response_time")
    asked = pickle.dumps((around, tables, needed(*tables)))
    said = []
    for zone in ("Pacific/Kiritimati", "America/Los_Angeles"):
        process = subprocess.run(
            [sys.executable, "-c", _SHOW],
            input=asked,
            capture_output=True,
            check=True,
            cwd=PROJECT_ROOT,
            env=os.environ | {"TZ": zone, "PYTHONPATH": str(PROJECT_ROOT)},
        )
        said.append(process.stdout.split())
    assert said[0][0] != said[1][0], "both processes were in one time zone"
    assert said[0][1] == said[1][1]
