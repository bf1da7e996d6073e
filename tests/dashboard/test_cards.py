"""The seven cards, from hand-made rows to expectations worked out by hand.

Belongs here: which published number stands where on a card, and what its changes are judged to be. Does not
belong here: how values are written (`test_words.py`), or looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from dashboard.view import Period, View
from dashboard.viewmodel.cards import FLOWS, SPARKS, cards, delta, period_before, sparks, year_before
from dashboard.viewmodel.parts import Card, Delta
from dashboard.words import NOTHING, Words

WORDS = Words("en", "EUR", "Europe/Amsterdam")
FEBRUARY = Period("month", date(2026, 2, 1), date(2026, 2, 28), True)
MARCH = Period("month", date(2026, 3, 1), date(2026, 3, 31), False)
UNITS = {
    "number_of_leads": ("leads", "higher_is_better", "leads"),
    "lead_response_time": ("business_minutes", "lower_is_better", "median_business_response_minutes"),
    "number_of_follow_ups": ("follow_ups", "higher_is_better", "follow_ups"),
    "conversion_ratio": ("ratio", "higher_is_better", "conversion_ratio"),
    "target_attainment": ("ratio", "higher_is_better", "attainment_ratio"),
    "open_pipeline": ("currency", "higher_is_better", "open_amount"),
    "closed_sales": ("currency", "higher_is_better", "closed_amount"),
}
CATALOG: Mapping[str, Mapping[str, Any]] = {
    slug: {
        "slug": slug,
        "unit": unit,
        "direction": direction,
        "headline_column": column,
        **{
            f"{text}_{language}": f"{text} of {slug}"
            for text in ("name", "definition")
            for language in ("en", "nl")
        },
    }
    for slug, (unit, direction, column) in UNITS.items()
}


def view_of(period: Period, source: str | None = None) -> View:
    return View((), period, "company", None, None, source, "en")


def told(slug: str, start: date, value: float | None, **more: Any) -> dict[str, Any]:
    """A row of the scorecard."""
    row = {
        "previous_value": None,
        "same_period_last_year_value": None,
        "change_ratio": None,
        "target_value": None,
        "status": None,
    }
    return {"kpi": slug, "period_start": start, "value": value, **row, **more}


OWN: Mapping[str, Mapping[str, Any]] = {
    "number_of_leads": {
        "leads": 1204,
        "qualification_ratio": 0.5,
        "workload_leads_per_rep": 31.25,
        "capacity_leads_per_rep": 40.0,
    },
    "lead_response_time": {
        "median_business_response_minutes": 61.0,
        "within_sla_ratio": 0.48,
        "unanswered_leads": 12,
    },
    "number_of_follow_ups": {
        "follow_ups": 3000,
        "follow_ups_per_contacted_lead": 2.46,
        "abandoned_ratio": 0.333,
    },
    "conversion_ratio": {
        "conversion_ratio": 0.125,
        "customers": 25,
        "leads": 200,
        "target_ratio": 0.15,
        "is_mature": True,
    },
    "target_attainment": {
        "attainment_ratio": 0.8,
        "target_amount": Decimal("100000.00"),
        "closed_amount": Decimal("80000.00"),
        "gap_amount": Decimal("20000.00"),
        "projected_attainment_ratio": 0.91,
        "is_complete": True,
    },
    "open_pipeline": {
        "open_amount": Decimal("1250000.00"),
        "open_opportunities": 1,
        "weighted_amount": Decimal("400000.00"),
    },
    "closed_sales": {
        "closed_amount": Decimal("80000.00"),
        "won_opportunities": 8,
        "mean_deal_amount": Decimal("10000.00"),
    },
}


def own_rows(start: date, **changed: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {slug: [{"period_start": start, **row, **changed.get(slug, {})}] for slug, row in OWN.items()}


def card_of(
    slug: str,
    row: Mapping[str, Any] | None = None,
    *,
    period: Period = FEBRUARY,
    earlier: Mapping[date, float | None] | None = None,
    **own: Any,
) -> Card:
    """The card of one metric: `row` is its scorecard row, `own` changes its own row."""
    value = float(OWN[slug][UNITS[slug][2]])
    scorecard = [told(slug, start, then) for start, then in (earlier or {}).items()]
    scorecard.append(told(slug, period.start, **{"value": value, **(row or {})}))
    found = cards(view_of(period), WORDS, CATALOG, scorecard, own_rows(period.start, **{slug: own}))
    return next(card for card in found if card.slug == slug)


def plain(text: str) -> str:
    return text.replace("\xa0", " ")


# --- headline, status and what stands beneath -------------------------------------------------------------


def test_the_cards_come_in_the_order_of_the_catalogue() -> None:
    found = cards(view_of(FEBRUARY), WORDS, CATALOG, [], {})
    assert [card.slug for card in found] == list(UNITS)
    assert [card.name for card in found] == [f"name of {slug}" for slug in UNITS]
    assert {card.definition for card in found} == {f"definition of {slug}" for slug in UNITS}
    assert found[0].href == "/metric/number_of_leads?period=month&start=2026-02-01&lang=en"


def test_without_any_row_a_card_says_that_nothing_is_known() -> None:
    for card in cards(view_of(FEBRUARY), WORDS, CATALOG, [], {}):
        assert card.value == NOTHING
        assert card.status is None
        assert (card.target, card.detail) == ("", "")
        assert {item.text for item in card.deltas} == {NOTHING}
        assert {item.share for item in card.sparks} == {None}


@pytest.mark.parametrize(
    ("slug", "row", "value", "target", "detail"),
    [
        ("number_of_leads", {}, "1,204", "31.2 open per rep of 40", "50.0% qualified"),
        ("lead_response_time", {}, "1 h 01 min", "48.0% in time", "12 without an answer"),
        (
            "lead_response_time",
            {"target_value": 60.0},
            "1 h 01 min",
            "48.0% within 1 h",
            "12 without an answer",
        ),
        ("number_of_follow_ups", {}, "3,000", "2.5 per contacted lead", "33.3% given up too early"),
        ("conversion_ratio", {}, "12.5%", "Target 15.0%", "25 of 200 leads"),
        ("target_attainment", {}, "80.0%", "€ 80,000 of € 100,000", "Gap € 20,000"),
        ("open_pipeline", {}, "€ 1,250,000", "", "1 deal · € 400K weighted"),
        (
            "open_pipeline",
            {"target_value": 20_000.0},
            "€ 1,250,000",
            "Gap to target € 20,000",
            "1 deal · € 400K weighted",
        ),
        (
            "closed_sales",
            {"target_value": 100_000.0},
            "€ 80,000",
            "Target € 100,000",
            "8 deals · € 10,000 each",
        ),
    ],
)
def test_what_a_card_says(slug: str, row: dict[str, Any], value: str, target: str, detail: str) -> None:
    card = card_of(slug, row)
    assert plain(card.value) == value
    assert (plain(card.target), plain(card.detail)) == (target, detail)


def test_what_cannot_be_said_is_left_out() -> None:
    no_norm = card_of("number_of_leads", workload_leads_per_rep=None, capacity_leads_per_rep=None)
    assert (no_norm.target, no_norm.detail) == ("", "50.0% qualified")
    young = card_of("conversion_ratio", is_mature=False)
    assert young.detail == "25 of 200 leads · not ripe yet"
    assert card_of("target_attainment", target_amount=None).target == "No target set"
    running = card_of("target_attainment", is_complete=False)
    assert running.detail == "Heading for 91.0%"
    none_sold = card_of("closed_sales", won_opportunities=0, mean_deal_amount=None)
    assert none_sold.detail == "0 deals"


@pytest.mark.parametrize(
    ("status", "text"), [("good", "Good"), ("watch", "Watch"), ("bad", "Act"), (None, "No norm")]
)
def test_the_status_is_the_published_one(status: str | None, text: str) -> None:
    card = card_of("closed_sales", {"status": status})
    assert (card.status, card.status_text) == (status, text)


# --- changes ----------------------------------------------------------------------------------------------


def change(value: float | None, earlier: float | None, unit: str = "leads", **more: Any) -> Delta:
    given = {"against": "vs Jan", "higher_is_better": True, "is_judged": True} | more
    return delta(WORDS, value, earlier, unit=unit, **given)


@pytest.mark.parametrize(
    ("value", "earlier", "unit", "expected"),
    [
        (120, 100, "leads", ("+20%", "up", "good")),
        (75, 100, "leads", ("-25%", "down", "bad")),
        (100.4, 100, "leads", ("+0%", "flat", None)),
        (0, 100, "leads", ("-100%", "down", "bad")),
        (0.125, 0.1, "ratio", ("+2.5 pp", "up", "good")),
        (0.1, 0.125, "ratio", ("-2.5 pp", "down", "bad")),
        (0.1004, 0.1, "ratio", ("+0.0 pp", "flat", None)),
        (0.1, 0, "ratio", ("+10.0 pp", "up", "good")),
        (5, 0, "leads", (NOTHING, "flat", None)),
        (0, 0, "leads", (NOTHING, "flat", None)),
        (None, 100, "leads", (NOTHING, "flat", None)),
        (100, None, "leads", (NOTHING, "flat", None)),
        (None, 0.1, "ratio", (NOTHING, "flat", None)),
        (0.1, None, "ratio", (NOTHING, "flat", None)),
        (-50, -100, "currency", ("+50%", "up", "good")),
    ],
)
def test_a_change(value: float, earlier: float, unit: str, expected: tuple[str, str, str | None]) -> None:
    found = change(value, earlier, unit)
    assert (found.text, found.arrow, found.tone) == expected
    assert found.against == "vs Jan"


def test_less_is_better_where_the_catalogue_says_so() -> None:
    faster, slower = (change(value, 60, higher_is_better=False) for value in (30, 90))
    assert (faster.arrow, faster.tone) == ("down", "good")
    assert (slower.arrow, slower.tone) == ("up", "bad")
    card = card_of("lead_response_time", {"previous_value": 122.0, "same_period_last_year_value": 48.8})
    assert [(item.text, item.arrow, item.tone) for item in card.deltas] == [
        ("-50%", "down", "good"),
        ("+25%", "up", "bad"),
    ]


def test_what_is_not_judged_has_no_tone() -> None:
    found = change(75, 100, is_judged=False)
    assert (found.text, found.arrow, found.tone) == ("-25%", "down", None)


@pytest.mark.parametrize("slug", UNITS)
def test_a_running_flow_is_behind_without_being_judged(slug: str) -> None:
    value = float(OWN[slug][UNITS[slug][2]])
    row = {"previous_value": 2 * value, "same_period_last_year_value": 4 * value, "change_ratio": -0.5}
    running, whole = card_of(slug, row, period=MARCH), card_of(slug, row)
    assert {item.arrow for item in (*running.deltas, *whole.deltas)} == {"down"}
    tone = "good" if slug == "lead_response_time" else "bad"
    assert [item.tone for item in whole.deltas] == [tone, tone]
    assert [item.tone for item in running.deltas] == ([None, None] if slug in FLOWS else [tone, tone])


def test_a_cohort_that_the_release_does_not_compare_is_not_judged() -> None:
    row = {"previous_value": 0.25, "same_period_last_year_value": 0.25, "change_ratio": None}
    assert [item.tone for item in card_of("conversion_ratio", row).deltas] == [None, None]


def test_a_change_says_against_what() -> None:
    assert [item.against for item in card_of("closed_sales").deltas] == ["vs Jan ’26", "vs Feb ’25"]
    year = Period("year", date(2026, 1, 1), date(2026, 12, 31), False)
    assert [item.against for item in card_of("closed_sales", period=year).deltas] == ["vs 2025"]


def test_a_published_gap_is_not_filled_from_an_older_row() -> None:
    """Where the scorecard compares with nothing, a row of the month before changes nothing."""
    card = card_of("number_of_leads", earlier={date(2026, 1, 1): 1000.0})
    assert [item.text for item in card.deltas] == [NOTHING, NOTHING]


# --- sparklines -------------------------------------------------------------------------------------------


def test_a_period_without_a_value_keeps_its_place() -> None:
    found = sparks(WORDS, MARCH, {MARCH.start: 50.0, FEBRUARY.start: None, date(2026, 1, 1): 100.0}, "count")
    assert len(found) == SPARKS == 13
    assert [item.share for item in found[-4:]] == [None, 1.0, None, 0.5]
    assert [item.title for item in found[-3:]] == ["Jan ’26: 100", "Feb: –", "Mar: 50"]
    assert found[0].title == "Mar: –"
    assert [item.is_running for item in found] == [False] * 12 + [True]


def test_zeros_and_negatives_have_no_height() -> None:
    assert [item.share for item in sparks(WORDS, FEBRUARY, {FEBRUARY.start: 0.0}, "count")][-1] == 0.0
    found = sparks(WORDS, FEBRUARY, {FEBRUARY.start: -5.0, date(2026, 1, 1): 10.0}, "money")
    assert [item.share for item in found[-2:]] == [1.0, 0.0]
    assert not any(item.is_running for item in found)


def test_periods_later_than_the_views_are_not_drawn() -> None:
    found = sparks(WORDS, FEBRUARY, {MARCH.start: 900.0, FEBRUARY.start: 9.0}, "count")
    assert found[-1].share == 1.0


# --- one source -------------------------------------------------------------------------------------------


def test_with_a_source_the_metric_s_own_table_speaks() -> None:
    scorecard = [told(slug, FEBRUARY.start, 999.0, status="good", previous_value=1.0) for slug in UNITS]
    own = own_rows(FEBRUARY.start)
    own["number_of_leads"] = [
        {"period_start": date(2025, 2, 1), **OWN["number_of_leads"], "leads": 60},
        {"period_start": date(2026, 1, 1), **OWN["number_of_leads"], "leads": 40},
        {"period_start": FEBRUARY.start, **OWN["number_of_leads"], "leads": 30},
    ]
    found = {card.slug: card for card in cards(view_of(FEBRUARY, "partner"), WORDS, CATALOG, scorecard, own)}
    leads = found["number_of_leads"]
    assert leads.value == "30"
    assert leads.status is None
    assert [item.text for item in leads.deltas] == ["-25%", "-50%"]
    assert [item.share for item in leads.sparks][-2:] == [40 / 60, 0.5]
    assert "source=partner" in leads.href
    assert plain(found["closed_sales"].value) == "€ 80,000"
    attainment = found["target_attainment"]
    assert (attainment.value, attainment.status) == ("99,900.0%", "good")
    assert attainment.detail == "Targets are not set by source: all sources"


def test_a_source_without_a_row_in_the_period_has_no_value() -> None:
    own = {"number_of_leads": [{"period_start": date(2026, 1, 1), **OWN["number_of_leads"]}]}
    scorecard = [told("number_of_leads", FEBRUARY.start, 999.0)]
    found = cards(view_of(FEBRUARY, "partner"), WORDS, CATALOG, scorecard, own)
    assert found[0].value == NOTHING
    assert [item.share for item in found[0].sparks][-2:] == [1.0, None]


# --- calendar ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "start", "before", "year"),
    [
        ("week", date(2026, 1, 5), date(2025, 12, 29), date(2025, 1, 6)),
        ("week", date(2026, 12, 28), date(2026, 12, 21), date(2025, 12, 29)),
        ("month", date(2026, 1, 1), date(2025, 12, 1), date(2025, 1, 1)),
        ("month", date(2024, 2, 1), date(2024, 1, 1), date(2023, 2, 1)),
        ("quarter", date(2026, 1, 1), date(2025, 10, 1), date(2025, 1, 1)),
        ("quarter", date(2026, 2, 1), date(2025, 11, 1), date(2025, 2, 1)),
        ("year", date(2026, 4, 1), date(2025, 4, 1), date(2025, 4, 1)),
    ],
)
def test_earlier_periods(kind: str, start: date, before: date, year: date) -> None:
    period = Period(kind, start, start, True)
    assert (period_before(period), year_before(period)) == (before, year)
