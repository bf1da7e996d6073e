"""The second opinion on pipelines and targets of tiny companies, against numbers worked out by hand.

Belongs here: stock, movement, what is known of the past, attainment. Does not belong here: leads and closed
sales (`test_reference.py`).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from reference_cases import (
    APRIL,
    FEBRUARY,
    JANUARY,
    MARCH,
    Row,
    call,
    cell,
    deal,
    eur,
    lead,
    run,
    utc,
    won,
)

from tests.reference.world import Rules, Sighting, Stage

MOVES = ("opening", "created", "reopened", "changed", "won", "lost", "removed")


def moves(row: Row) -> list[Decimal]:
    """Opening, created, reopened, changed, won, lost, removed, and what is open; they balance."""
    amounts = [row[f"{move}_amount"] for move in MOVES]
    opening, created, reopened, changed, is_won, lost, removed = amounts
    assert opening + created + reopened + changed - is_won - lost - removed == row["open_amount"]
    return [*amounts, row["open_amount"]]


def pipeline(as_of: str, start: date, member: str = "company", **tables: Any) -> Row:
    return cell(run(as_of, **tables)["kpi_open_pipeline"], "month", start, member)


def change(opportunity_id: str, changed_at: str, **values: Any) -> Row:
    return {"opportunity_id": opportunity_id, "changed_at": utc(changed_at), **values}


def test_a_probability_of_one_weighs_the_whole_amount() -> None:
    deals = [deal("1", "2026-01-05T09:00", amount=eur("6000"), probability=1.0)]
    deals += [deal("2", "2026-01-05T09:00", amount=eur("0.33")), deal("3", "2026-01-05T09:00", stage="new")]
    row = pipeline("2026-02-01T10:00", JANUARY, opportunities=deals)
    assert (row["open_opportunities"], row["open_amount"]) == (2, eur("6000.33"))
    assert row["weighted_amount"] == eur("6000.17")


def test_a_deal_that_does_not_change_is_there_every_week() -> None:
    rows = run("2026-02-10T10:00", opportunities=[deal("1", "2026-01-05T09:00")])["kpi_open_pipeline"]
    weeks = [row for row in rows if row["period_type"] == "week" and row["level"] == "company"]
    total = [row for row in weeks if row["breakdown"] == "total"]
    assert [row["open_amount"] for row in total] == [100] * 6
    assert [row["mean_age_days"] for row in total] == [6, 13, 20, 27, 34, 36]


def test_an_amount_changed_on_a_day_counts_once_on_that_day() -> None:
    history = [
        change("1", "2026-01-05T09:00", amount=eur("100")),
        change("1", "2026-01-31T22:59", amount=eur("150")),
    ]
    deals = [deal("1", "2026-01-05T09:00", amount=eur("150"))]
    row = pipeline("2026-02-10T10:00", JANUARY, opportunities=deals, opportunity_history=history)
    assert moves(row) == [0, 100, 0, 50, 0, 0, 0, 150]
    assert row["is_reconstructed"] is False


def test_a_loss_that_was_taken_back_and_the_win_after_it() -> None:
    history = [
        change("1", "2026-01-05T09:00", stage="proposal", amount=eur("100")),
        change("1", "2026-01-20T09:00", stage="lost", amount=eur("100")),
        change("1", "2026-02-10T09:00", stage="proposal", amount=eur("120")),
        change("1", "2026-03-10T09:00", stage="won", amount=eur("130")),
    ]
    deals = [won("1", "2026-01-05T09:00", date(2026, 3, 10), amount=eur("130"))]
    tables = run("2026-04-10T10:00", opportunities=deals, opportunity_history=history)
    rows = tables["kpi_open_pipeline"]
    assert moves(cell(rows, "month", JANUARY)) == [0, 100, 0, 0, 0, 100, 0, 0]
    assert moves(cell(rows, "month", FEBRUARY)) == [0, 0, 120, 0, 0, 0, 0, 120]
    assert moves(cell(rows, "month", MARCH)) == [120, 0, 0, 10, 130, 0, 0, 0]
    assert moves(cell(rows, "quarter", JANUARY)) == [0, 100, 120, 10, 130, 100, 0, 0]
    statuses = [row["status"] for row in tables["fct_opportunity_history"]]
    assert statuses == ["open", "lost", "open", "open", "won", "won"]  # the record spells it Won


def test_the_qualified_stages_are_the_door() -> None:
    history = [
        change("1", "2026-01-05T09:00", stage="New"),
        change("1", "2026-02-05T09:00", stage="Proposal"),
        change("1", "2026-03-05T09:00", stage="New"),
    ]
    deals = [deal("1", "2026-01-05T09:00", stage="New")]
    rows = run("2026-04-10T10:00", opportunities=deals, opportunity_history=history)["kpi_open_pipeline"]
    assert moves(cell(rows, "month", JANUARY)) == [0] * 8
    assert moves(cell(rows, "month", FEBRUARY)) == [0, 100, 0, 0, 0, 0, 0, 100]
    assert moves(cell(rows, "month", MARCH)) == [100, 0, 0, 0, 0, 0, 100, 0]


def test_every_win_passes_through_a_loss_from_outside_does_not() -> None:
    history = [change(name, "2026-01-05T09:00", stage="New") for name in ("1", "2")]
    deals = [won("1", "2026-01-05T09:00", date(2026, 2, 5))]
    deals += [deal("2", "2026-01-05T09:00", stage="Lost", closed_on=date(2026, 2, 5))]
    deals += [won("3", "2026-02-20T09:00", date(2026, 1, 20), amount=eur("7"))]
    rows = run("2026-03-10T10:00", opportunities=deals, opportunity_history=history)["kpi_open_pipeline"]
    assert moves(cell(rows, "month", FEBRUARY)) == [0, 100, 0, 0, 100, 0, 0, 0]
    assert moves(cell(rows, "month", JANUARY)) == [0, 7, 0, 0, 7, 0, 0, 0]


def test_a_deleted_deal_was_there_until_then() -> None:
    deals = [
        deal("1", "2026-01-05T09:00", is_deleted=True, updated_at=utc("2026-02-05T09:00")),
        deal("2", "2026-01-05T09:00", is_deleted=True),
    ]
    tables = run("2026-03-10T10:00", opportunities=deals)
    assert tables["fct_opportunities"] == []
    rows = tables["kpi_open_pipeline"]
    assert moves(cell(rows, "month", JANUARY)) == [0, 100, 0, 0, 0, 0, 0, 100]
    assert moves(cell(rows, "month", FEBRUARY)) == [100, 0, 0, 0, 0, 0, 100, 0]
    assert len(run("2026-02-01T10:00", opportunities=deals)["fct_opportunities"]) == 1


def test_what_runs_saw_is_true_since_the_record_was_updated_or_since_the_run() -> None:
    def saw(observed_at: str, amount: str, updated_at: str | None) -> Sighting:
        updated = None if updated_at is None else utc(updated_at)
        return Sighting(utc(observed_at), "1", "Proposal", "anna", "EUR", eur(amount), None, None, updated)

    seen = (
        saw("2026-02-05T05:00", "100", None),
        saw("2026-03-05T05:00", "110", "2026-02-20T09:00"),
        saw("2026-04-05T05:00", "120", "2026-02-20T09:00"),
    )
    deals = [deal("1", "2026-01-05T09:00", amount=eur("130"), updated_at=utc("2026-04-20T09:00"))]
    rows = run("2026-05-10T10:00", opportunities=deals, sightings=seen)["kpi_open_pipeline"]
    months = [cell(rows, "month", month) for month in (JANUARY, FEBRUARY, MARCH, APRIL)]
    assert [month["open_amount"] for month in months] == [100, 110, 110, 130]
    assert [month["is_reconstructed"] for month in months] == [True, False, False, False]
    assert moves(months[1]) == [100, 0, 0, 10, 0, 0, 0, 110]


def test_a_contact_moment_with_the_lead_keeps_its_deal_fresh() -> None:
    deals = [deal("1", "2026-01-05T09:00", lead_id="A"), deal("2", "2026-01-05T09:00")]
    deals += [deal("3", "2026-03-06T09:00", expected_close_on=date(2026, 3, 9))]
    tables = run(
        "2026-03-10T10:00",
        leads=[lead("A", "2026-01-05T09:00")],
        opportunities=deals,
        activities=[call("1", "2026-03-09T09:00", lead_id="A")],
    )
    row = cell(tables["kpi_open_pipeline"], "month", MARCH)
    assert (row["open_opportunities"], row["stale_opportunities"], row["overdue_opportunities"]) == (3, 1, 1)


def test_nothing_is_lost_for_want_of_a_stage_an_owner_or_an_account() -> None:
    deals = [deal("1", "2026-01-05T09:00", stage="Abolished", owner_id="left", account_id="gone")]
    rows = run("2026-02-01T10:00", opportunities=deals)["kpi_open_pipeline"]
    assert cell(rows, "month", JANUARY, stage="Abolished")["open_amount"] == 100
    assert cell(rows, "month", JANUARY, industry="unknown")["open_amount"] == 100
    assert cell(rows, "month", JANUARY, expected_close_month="unknown")["created_amount"] is None
    [unassigned] = [
        row
        for row in rows
        if row["rep_id"] == "unassigned" and row["breakdown"] == "total" and row["period_type"] == "year"
    ]
    assert (unassigned["team_id"], unassigned["open_amount"]) == ("unassigned", 100)


# Targets


def target(amount: str, period_type: str = "month", start: date = JANUARY, **of: str) -> Row:
    return {"period_type": period_type, "period_start": start, "target_amount": eur(amount), **of}


def attainment(as_of: str, targets: list[Row], closed: str, member: str = "company") -> Row:
    """January 2026 has 22 working days; the tenth is Wednesday the 14th."""
    deals = [won("1", "2026-01-01T09:00", date(2026, 1, 13), amount=eur(closed))]
    return cell(
        run(as_of, opportunities=deals, targets=targets)["kpi_target_attainment"],
        "month",
        JANUARY,
        member,
    )


def test_the_clock_of_a_running_month() -> None:
    row = attainment("2026-01-14T10:00", [target("1100")], "450")
    assert row["elapsed_ratio"] == pytest.approx(10 / 22)
    assert (row["expected_amount"], row["gap_amount"]) == (500, 650)
    assert (row["pace_ratio"], row["status"]) == (0.9, "at_risk")
    assert (row["projected_amount"], row["projected_attainment_ratio"]) == (990, 0.9)
    assert row["required_per_working_day"] == eur("54.17")
    assert row["attainment_ratio"] == pytest.approx(450 / 1100)


@pytest.mark.parametrize(
    ("targets", "closed", "status", "attained", "coverage"),
    [
        ([], "450", None, None, None),
        ([target("450")], "450", "reached", 1.0, None),
        ([target("0")], "450", "reached", None, None),
        ([target("990")], "450", "on_track", 450 / 990, 0),
        ([target("1200")], "450", "behind", 0.375, 0),
    ],
)
def test_status(
    targets: list[Row], closed: str, status: str | None, attained: float | None, coverage: float | None
) -> None:
    row = attainment("2026-01-14T10:00", targets, closed)
    assert (row["status"], row["coverage_ratio"]) == (status, coverage)
    assert row["attainment_ratio"] == (None if attained is None else pytest.approx(attained))
    if status == "reached":
        assert row["required_per_working_day"] == 0


def test_no_working_day_left_requires_nothing_that_could_be_told() -> None:
    assert attainment("2026-01-31T10:00", [target("1100")], "450")["required_per_working_day"] is None


def test_a_team_has_its_own_target_or_that_of_its_reps() -> None:
    reps = [target("60", rep_id="anna"), target("50", rep_id="bram")]
    own = [target("100", team_id="north")]
    assert attainment("2026-01-14T10:00", reps + own, "1", "north")["target_amount"] == 100
    assert attainment("2026-01-14T10:00", reps + own, "1")["target_amount"] == 100
    assert attainment("2026-01-14T10:00", reps, "1")["target_amount"] == 110


def test_own_finer_periods_come_before_the_members_below() -> None:
    targets = [
        target("10"),
        target("20", start=FEBRUARY),
        target("500", "quarter", rep_id="anna"),
        target("7", "quarter", APRIL),
    ]
    deals = [won("1", "2026-01-05T09:00", date(2026, 1, 13))]
    rows = run("2026-05-01T10:00", opportunities=deals, targets=targets)["kpi_target_attainment"]
    assert cell(rows, "quarter", JANUARY)["target_amount"] == 30
    assert cell(rows, "year", JANUARY)["target_amount"] == 37
    assert cell(rows, "year", JANUARY, "anna")["target_amount"] == 500
    assert cell(rows, "month", JANUARY, "anna")["target_amount"] is None


def test_the_pipeline_of_a_target_closes_in_its_period() -> None:
    deals = [
        deal("1", "2026-01-05T09:00", expected_close_on=date(2026, 1, 31)),
        deal("2", "2026-01-05T09:00", expected_close_on=FEBRUARY),
        deal("3", "2026-01-05T09:00", stage="New", expected_close_on=date(2026, 1, 31)),
    ]
    rows = run("2026-01-14T10:00", opportunities=deals, targets=[target("400")])["kpi_target_attainment"]
    month, quarter = cell(rows, "month", JANUARY), cell(rows, "quarter", JANUARY)
    assert (month["pipeline_amount"], month["weighted_pipeline_amount"], month["coverage_ratio"]) == (
        100,
        50,
        0.25,
    )
    assert quarter["pipeline_amount"] == 200


def test_fiscal_quarters_follow_the_fiscal_year() -> None:
    rules = Rules(stage_map={"proposal": Stage(True, None, None)}, fiscal_year_start_month=2)
    rows = run("2026-03-01T10:00", rules=rules, opportunities=[deal("1", "2026-01-05T09:00")])
    quarters = {
        (row["period_start"], row["period_end"])
        for row in rows["kpi_open_pipeline"]
        if row["period_type"] == "quarter"
    }
    assert quarters == {(date(2025, 11, 1), date(2026, 1, 31)), (FEBRUARY, date(2026, 4, 30))}
