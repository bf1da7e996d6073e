"""The second opinion on tiny companies, against numbers that were worked out by hand.

Belongs here: one case for each known way to be wrong, and the edges of the definitions. Does not belong here:
the models; they are compared with the second opinion elsewhere.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from reference_cases import (
    FEBRUARY,
    JANUARY,
    MARCH,
    REPS,
    STAGES,
    call,
    cell,
    deal,
    eur,
    lead,
    only,
    run,
    utc,
    won,
)

from tests.reference.arithmetic import kaplan_meier_median, percentile, seasonal_indices, wilson
from tests.reference.clock import Clock
from tests.reference.rates import NoRateError
from tests.reference.world import Holiday, Rules

# Response


@pytest.mark.parametrize(
    ("created", "called", "minutes", "business"),
    [
        ("2026-01-09T15:50", "2026-01-12T08:10", 3860, 20),  # Friday 16:50, Monday 09:10
        ("2026-03-28T11:00", "2026-03-29T10:00", 1380, 0),  # the night of the clock change
        ("2026-04-26T10:00", "2026-04-28T07:05", 2705, 5),  # Sunday, King's Day, Tuesday 09:05
        ("2026-01-12T05:00", "2026-01-13T20:00", 2340, 960),  # two whole days
    ],
)
def test_minutes_are_counted_by_the_clock(created: str, called: str, minutes: float, business: float) -> None:
    rules = Rules(holidays={date(2026, 4, 27): Holiday("King's Day")})
    tables = run(
        "2026-05-01T10:00",
        rules=rules,
        leads=[lead("A", created)],
        activities=[call("1", called, lead_id="A")],
    )
    row = only(tables["fct_leads"])
    assert (row["response_minutes"], row["business_response_minutes"]) == (minutes, business)


def test_a_holiday_with_hours_is_open_for_those_hours() -> None:
    eve = date(2025, 12, 24)
    clock = Clock(Rules(holidays={eve: Holiday("Christmas Eve", (540, 720))}), utc("2026-01-01T00:00"))
    assert clock.business_minutes(utc("2025-12-24T08:30"), utc("2025-12-24T16:00")) == 150
    assert clock.is_working_day(eve)


def test_kaplan_meier_counts_those_who_wait() -> None:
    """Survival of nine leads: 8/9 at 5, 7/9 at 10, 35/54 at 12 (six left), 35/108 at 30 (two left)."""
    answered = {"A": 5, "B": 10, "C": 12, "D": 30, "E": 90}
    given_up = {"F": 11, "G": 13, "H": 13, "I": 13}
    start = utc("2026-01-12T09:00")
    leads = [lead(name, "2026-01-12T09:00") for name in answered]
    leads += [
        lead(name, "2026-01-12T09:00", disqualified_at=start + timedelta(minutes=wait))
        for name, wait in given_up.items()
    ]
    calls = [
        call(name, (start + timedelta(minutes=wait)).isoformat(), lead_id=name)
        for name, wait in answered.items()
    ]
    tables = run("2026-02-01T10:00", leads=leads, activities=calls)
    row = cell(tables["kpi_lead_response_time"], "month", JANUARY)
    assert row["km_median_response_minutes"] == 30
    assert row["median_response_minutes"] == 12
    assert (row["responded_leads"], row["unanswered_leads"]) == (5, 4)
    assert row["p90_response_minutes"] == pytest.approx(66)
    assert (row["within_sla_leads"], row["sla_eligible_leads"], row["within_sla_ratio"]) == (4, 5, 0.8)


def test_kaplan_meier_is_none_where_survival_stays_above_a_half() -> None:
    assert kaplan_meier_median([10], [20, 30]) is None
    assert kaplan_meier_median([10], [10]) == 10
    assert kaplan_meier_median([], [5]) is None


def test_an_automatic_reply_is_no_response_and_a_new_owner_restarts_no_clock() -> None:
    activities = [
        call("1", "2026-01-12T09:01", lead_id="A", activity_type="email", is_automated=True),
        call("2", "2026-01-12T12:00", lead_id="A", owner_id="bram"),
        call("3", "2026-01-12T12:30", lead_id="A", direction="inbound"),
    ]
    tables = run("2026-02-01T10:00", leads=[lead("A", "2026-01-12T09:00")], activities=activities)
    row = only(tables["fct_leads"])
    assert (row["response_minutes"], row["contact_moments"], row["rep_id"]) == (180, 1, "crm:anna")
    made = tables["kpi_number_of_follow_ups"]
    assert cell(made, "month", JANUARY, "bram")["first_responses"] == 1
    assert cell(made, "month", JANUARY, "anna")["contact_moments"] == 0


def test_a_lead_of_a_minute_ago_is_no_failure() -> None:
    leads = [lead("A", "2026-01-12T09:00"), lead("B", "2026-01-12T11:59")]
    tables = run("2026-01-12T12:00", leads=leads)
    row = cell(tables["kpi_lead_response_time"], "month", JANUARY)
    assert (row["leads"], row["within_sla_leads"], row["sla_eligible_leads"]) == (2, 0, 1)


def test_a_plain_day_is_compared_by_day_and_has_no_minutes() -> None:
    activity = call("1", "2026-01-12T12:00", lead_id="A") | {"occurred_at": date(2026, 1, 12)}
    tables = run("2026-02-01T10:00", leads=[lead("A", "2026-01-12T15:00")], activities=[activity])
    row = only(tables["fct_leads"])
    assert (row["contact_moments"], row["response_minutes"]) == (1, None)
    month = cell(tables["kpi_lead_response_time"], "month", JANUARY)
    assert (month["responded_leads"], month["sla_eligible_leads"]) == (1, 0)


# Leads and follow-ups


def test_merges_are_followed_to_the_end_and_bring_their_activities() -> None:
    leads = [
        lead("A", "2026-01-05T09:00", duplicate_of="B"),
        lead("B", "2026-01-06T09:00", duplicate_of="C"),
        lead("C", "2026-01-05T08:00"),
        lead("Y", "2026-01-05T08:00", duplicate_of="Z"),
        lead("Z", "2026-01-05T08:00", duplicate_of="Y"),
        lead("M", "2026-01-05T08:00", duplicate_of="gone"),
    ]
    activities = [
        call("1", "2026-01-07T09:00", lead_id="A"),
        call("2", "2026-01-08T09:00", lead_id="B"),
        call("3", "2026-01-09T09:00", lead_id="C"),
    ]
    tables = run("2026-02-01T10:00", leads=leads, activities=activities)
    moments = {row["lead_id"]: row["contact_moments"] for row in tables["fct_leads"]}
    assert moments == {"crm:C": 3, "crm:Y": 0, "crm:M": 0}


def test_follow_ups_stop_at_the_win() -> None:
    leads = [lead("A", "2026-01-05T09:00")]
    deals = [won("1", "2026-01-06T09:00", date(2026, 1, 9), lead_id="A")]
    before = [call(f"b{day}", f"2026-01-0{day}T10:00", lead_id="A") for day in (5, 6, 7, 9)]
    after = [call(f"c{day}", f"2026-01-{day}T10:00", lead_id="A") for day in (12, 13, 14, 15)]
    tables = run("2026-02-01T10:00", leads=leads, opportunities=deals, activities=before + after)
    row = cell(tables["kpi_number_of_follow_ups"], "month", JANUARY)
    assert (row["contact_moments"], row["first_responses"], row["follow_ups"]) == (8, 1, 3)
    assert (row["won_leads"], row["mean_contact_moments_per_won_lead"]) == (1, 4)


def test_a_meeting_with_many_links_is_one_contact_moment() -> None:
    leads = [lead("A", "2026-01-05T09:00", contact_id="K")]
    deals = [deal("1", "2026-01-06T09:00", lead_id="A")]
    links = {"lead_id": "A", "opportunity_id": "1", "contact_id": "K", "direction": "inbound"}
    meeting = call("1", "2026-01-07T09:00", activity_type="meeting", **links)
    tables = run("2026-02-01T10:00", leads=leads, opportunities=deals, activities=[meeting, dict(meeting)])
    assert cell(tables["kpi_number_of_follow_ups"], "month", JANUARY)["contact_moments"] == 1


def test_a_shared_contact_stands_for_the_lead_of_its_day() -> None:
    leads = [
        lead("A", "2026-01-05T09:00", contact_id="K"),
        lead("B", "2026-01-20T09:00", contact_id="K"),
    ]
    activities = [
        call("1", "2026-01-19T09:00", contact_id="K"),
        call("2", "2026-01-20T10:00", contact_id="K"),
    ]
    tables = run("2026-02-01T10:00", leads=leads, activities=activities)
    assert [row["contact_moments"] for row in tables["fct_leads"]] == [1, 1]


def test_two_products_share_ten_contact_moments_and_the_amount_by_weight() -> None:
    deals = [won("1", "2026-01-05T09:00", date(2026, 1, 30), amount=eur("1000.01"))]
    lines = [
        {"opportunity_id": "1", "product_id": "a", "amount": eur("70")},
        {"opportunity_id": "1", "product_id": "b", "amount": eur("30")},
    ]
    activities = [call(f"{day}", f"2026-01-{day}T10:00", opportunity_id="1") for day in range(10, 20)]
    tables = run("2026-02-01T10:00", opportunities=deals, opportunity_products=lines, activities=activities)
    for product, moments, amount in (("crm:a", 7, "700.01"), ("crm:b", 3, "300.00")):
        made = cell(tables["kpi_number_of_follow_ups"], "month", JANUARY, product=product)
        sold = cell(tables["kpi_closed_sales"], "month", JANUARY, product=product)
        assert (made["contact_moments"], sold["closed_amount"]) == (moments, eur(amount))


def test_what_later_happened_has_not_happened_yet() -> None:
    leads = [
        lead("A", "2026-01-05T09:00", status="disqualified", disqualified_at=utc("2026-02-10T09:00")),
        lead("B", "2026-01-05T09:00", status="disqualified"),
        lead("C", "2026-02-05T09:00"),
    ]
    tables = run("2026-02-01T10:00", leads=leads)
    row = cell(tables["kpi_number_of_leads"], "month", JANUARY)
    assert (row["leads"], row["disqualified_leads"], row["open_leads"], row["workload_leads"]) == (2, 1, 1, 1)


def test_work_capacity_and_comparison() -> None:
    leads = [
        lead("A", "2026-01-05T09:00", source="web", converted_at=utc("2026-02-03T09:00"), status="converted"),
        lead("B", "2026-02-05T09:00", source="web"),
    ]
    reps = [{**REPS[0], "lead_capacity": 10}, {**REPS[1], "hired_on": date(2026, 2, 28)}]
    tables = run("2026-03-10T10:00", reps=reps, leads=leads)
    rows = tables["kpi_number_of_leads"]
    assert [cell(rows, "month", month)["workload_leads"] for month in (JANUARY, FEBRUARY, MARCH)] == [1, 1, 1]
    february = cell(rows, "month", FEBRUARY)
    assert (february["active_reps"], february["capacity_leads_per_rep"]) == (2, 25)
    assert (february["workload_ratio"], february["previous_leads"]) == (0.02, 1)
    assert cell(rows, "month", JANUARY)["active_reps"] == 1
    assert cell(rows, "month", JANUARY)["previous_leads"] is None
    assert cell(rows, "month", MARCH, source="web")["leads"] == 0
    assert cell(rows, "month", MARCH, "bram")["leads"] == 0


def test_season_needs_all_twelve_months() -> None:
    months = [1 + position % 12 for position in range(24)]
    values = [20 if month == 1 else 10 for month in months]
    trend: list[float | None] = [None] * 6 + [10] * 12 + [None] * 6
    indices = seasonal_indices(months, values, trend)
    assert indices[1] == pytest.approx(2 / (13 / 12))
    assert sum(indices.values()) == pytest.approx(12)
    assert seasonal_indices(months, values, [None] * 24) == {}


# Conversion


def test_a_rep_with_one_of_two_is_not_fifty_percent() -> None:
    low, high = wilson(1, 2)
    assert (low, high) == (pytest.approx(0.0945312), pytest.approx(0.9054688))
    assert wilson(0, 0) == (None, None)


def test_a_young_month_is_not_compared() -> None:
    leads = [
        lead("A", "2025-09-10T09:00", became_customer_at=utc("2025-12-09T09:00"), source="Web_Site"),
        lead("B", "2026-01-10T09:00"),
    ]
    rules = Rules(conversion_targets={"default": 0.1, "web site": 0.2})
    rows = run("2026-02-10T10:00", rules=rules, leads=leads)["kpi_conversion_ratio"]
    old, young = cell(rows, "month", date(2025, 9, 1)), cell(rows, "month", JANUARY)
    assert (old["customers_within_90_days"], old["conversion_ratio_90_days"], old["is_mature"]) == (
        1,
        1,
        True,
    )
    assert (young["conversion_ratio_90_days"], young["is_mature"]) == (None, False)
    assert (old["median_days_to_customer"], old["target_ratio"]) == (90, 0.1)
    assert cell(rows, "month", date(2025, 9, 1), source="Web_Site")["target_ratio"] == 0.2
    assert cell(rows, "month", date(2025, 12, 1))["converted_in_period"] == 1


# Closed sales


def test_two_won_and_none_lost_is_a_win_ratio_of_one() -> None:
    deals = [won(name, "2026-01-01T09:00", date(2026, 3, 31)) for name in ("1", "2")]
    row = cell(run("2026-04-10T10:00", opportunities=deals)["kpi_closed_sales"], "month", MARCH)
    assert (row["win_ratio"], row["median_sales_cycle_days"], row["lost_opportunities"]) == (1.0, 89, 0)


def test_a_close_belongs_to_the_local_day() -> None:
    rules = Rules(stage_map=STAGES, time_zone="America/Bogota")
    deals = [deal("1", "2023-03-01T09:00", stage="Won", closed_on=utc("2023-04-01T01:09"))]
    row = only(run("2023-05-01T10:00", rules=rules, opportunities=deals)["fct_opportunities"])
    assert row["closed_on"] == date(2023, 3, 31)


@pytest.mark.parametrize(("second", "is_closed"), [(58, False), (59, True)])
def test_a_day_is_over_with_its_last_second(second: int, is_closed: bool) -> None:
    deals = [won("1", "2026-01-05T09:00", date(2026, 1, 20))]
    tables = run(f"2026-01-20T22:59:{second}", opportunities=deals)
    assert only(tables["fct_opportunities"])["is_closed"] is is_closed
    row = cell(tables["kpi_open_pipeline"], "month", JANUARY)
    assert row["open_opportunities"] == (0 if is_closed else 1)
    assert row["won_amount"] == (eur("100") if is_closed else 0)


def test_the_rate_of_the_day_of_the_close_holds_for_good() -> None:
    rates = [
        {"currency": "USD", "valid_from": date(2025, 12, 1), "rate": eur("0.5")},
        {"currency": "USD", "valid_from": date(2026, 1, 10), "rate": eur("0.9")},
    ]
    deals = [
        won(name, "2026-01-05T09:00", date(2026, 1, day), currency="USD")
        for name, day in (("1", 9), ("2", 10))
    ]
    tables = run("2026-02-10T10:00", opportunities=deals, exchange_rates=rates)
    assert [row["amount"] for row in tables["fct_opportunities"]] == [eur("50.00"), eur("90.00")]
    moved = cell(tables["kpi_open_pipeline"], "month", JANUARY)
    assert (moved["created_amount"], moved["changed_amount"], moved["won_amount"]) == (100, 40, 140)
    with pytest.raises(NoRateError, match="USD"):
        run("2026-02-10T10:00", opportunities=deals)


def test_the_owner_at_the_close_keeps_the_sale_and_the_lead_owner_is_another_view() -> None:
    leads = [lead("A", "2026-01-05T09:00")]
    deals = [
        won("1", "2026-01-05T09:00", date(2026, 1, 20), owner_id="anna", lead_id="A", amount=eur("10000")),
        won("2", "2026-01-05T09:00", date(2026, 1, 20), owner_id="left"),
    ]
    history = [
        {"opportunity_id": "1", "changed_at": utc("2026-01-05T09:00"), "owner_id": "bram"},
        {"opportunity_id": "1", "changed_at": utc("2026-01-25T09:00"), "owner_id": "anna"},
    ]
    tables = run("2026-02-10T10:00", leads=leads, opportunities=deals, opportunity_history=history)
    rows = tables["kpi_closed_sales"]
    assert cell(rows, "month", JANUARY, "bram")["closed_amount"] == 10000
    assert cell(rows, "month", JANUARY, "anna")["closed_amount"] == 0
    assert cell(rows, "month", JANUARY, lead_owner="crm:anna")["closed_amount"] == 10000
    assert cell(rows, "month", JANUARY, lead_owner="unknown")["closed_amount"] == 100
    assert {row["rep_id"] for row in tables["fct_opportunities"]} == {"crm:bram", "unassigned"}


def test_a_deal_without_amount_counts_with_nothing() -> None:
    deals = [won("1", "2026-01-05T09:00", date(2026, 1, 20), amount=None), deal("2", "2026-01-05T09:00")]
    deals += [won("3", "2026-01-05T09:00", date(2026, 1, 20)), deal("4", "2026-01-05T09:00", amount=None)]
    tables = run("2026-02-10T10:00", opportunities=deals)
    sold = cell(tables["kpi_closed_sales"], "month", JANUARY)
    assert (sold["won_opportunities"], sold["won_without_amount"], sold["mean_deal_amount"]) == (2, 1, 50)
    stock = cell(tables["kpi_open_pipeline"], "month", JANUARY)
    assert (stock["open_opportunities"], stock["opportunities_without_amount"]) == (2, 1)


def test_percentiles_lie_between_neighbours() -> None:
    assert percentile([10, 20, 40, 80], 0.5) == 30
    assert percentile([10, 20], 0.9) == pytest.approx(19)
    assert percentile([], 0.5) is None
