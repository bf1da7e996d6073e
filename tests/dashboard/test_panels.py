"""The panels of the metric pages and of a rep's page, from hand-made rows to expectations worked out by hand.

Belongs here: which rows a panel has, in which order, and what it says. Does not belong here: the overview's
own panels (`test_overview.py`), which panels a page has (`test_pages.py`), or looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from dashboard.view import Outline, Period, Rep, View
from dashboard.viewmodel import cohorts, compare, pipeline, sales, speed, tables
from dashboard.viewmodel.overview import RESPONSE_EDGES
from dashboard.viewmodel.parts import Bars, Board, Panel, Plot, Waterfall
from dashboard.viewmodel.tables import PERIODS_SHOWN, ROWS_BY_BARS, Drawn, Shown
from dashboard.words import Words

WORDS = Words("en", "EUR", "Europe/Amsterdam")
DUTCH = Words("nl", "EUR", "Europe/Amsterdam")
MARCH = Period("month", date(2026, 3, 1), date(2026, 3, 31), False)
OUTLINE = Outline(
    {},
    {"T1": "West", "T2": "East"},
    {
        "R1": Rep("R1", "Ann", "T1"),
        "R2": Rep("R2", "Ben", "T2"),
        "R3": Rep("R3", "Cleo", "T2"),
        "left": Rep("left", "Dirk", "T1", is_active=False),
    },
    (),
)


def view_of(period: Period = MARCH, rep_id: str | None = None) -> View:
    return View((), period, "rep" if rep_id else "company", None, rep_id, None, "en")


def column(panel: Panel, key: str) -> list[Any]:
    return [row[key] for row in panel.rows]


def keys(panel: Panel) -> list[str]:
    return [item.key for item in panel.columns]


def month(number: int, **more: Any) -> dict[str, Any]:
    """`number` counts months from January 2024."""
    return {"period_start": date(2024 + number // 12, number % 12 + 1, 1), **more}


# --- through time -----------------------------------------------------------------------------------------


def trend(history: list[dict[str, Any]], period: Period = MARCH, **more: Any) -> Panel:
    drawn = (Drawn.bar("won", "good"), Drawn.line("target", "target", dashed=True))
    return tables.trend(
        WORDS,
        view_of(period),
        history,
        drawn,
        slug="closed_sales",
        kind="money",
        also=[Shown("deals")],
        **more,
    )


def test_a_trend_is_its_columns_in_their_order() -> None:
    panel = trend([month(0, won=Decimal(5), target=9, deals=1, secret=7), month(1, won=None, target=9)])
    assert panel.rows == (
        {"period_start": date(2024, 1, 1), "period": "Jan ’24", "won": Decimal(5), "target": 9, "deals": 1},
        {"period_start": date(2024, 2, 1), "period": "Feb", "won": None, "target": 9, "deals": None},
    )
    assert [(item.key, item.kind) for item in panel.columns] == [
        ("period", "text"),
        ("won", "money"),
        ("target", "money"),
        ("deals", "count"),
    ]
    assert isinstance(panel.picture, Plot)
    assert [(one.key, one.look, one.tone, one.dashed) for one in panel.picture.series] == [
        ("won", "bar", "good", False),
        ("target", "line", "target", True),
    ]
    assert (panel.id, panel.title, panel.by_source) == ("trend", "How does it develop?", True)
    assert trend([], id="winning").title == "Do we win what we compete for?"


@pytest.mark.parametrize("kind", PERIODS_SHOWN)
def test_a_trend_shows_the_newest_periods(kind: str) -> None:
    history = [{"period_start": date(1990 + n, 1, 1), "won": n, "target": 1} for n in range(30)]
    panel = trend(history, Period(kind, date(2019, 1, 1), date(2019, 1, 7), True))
    assert column(panel, "won") == list(range(30))[-PERIODS_SHOWN[kind] :]


# --- by a dimension ---------------------------------------------------------------------------------------


def of_value(name: str, won: float | None, deals: int | None = 1, **more: Any) -> dict[str, Any]:
    return {"breakdown_value": name, "won": won, "deals": deals, **more}


SHOWN = (Shown("won", "money"), Shown("deals"))


def by_product(rows: list[dict[str, Any]], **more: Any) -> Panel:
    return tables.by_dimension(WORDS, rows, "product", SHOWN, slug="closed_sales", **more)


def test_the_most_stands_first_and_the_unknown_last() -> None:
    panel = by_product(
        [of_value("unknown", 999), of_value("b", 5), of_value("a", None), of_value("c", 7.5)],
        names={"b": "Bolt"},
    )
    assert column(panel, "name") == ["c", "Bolt", "a", "unknown"]
    assert column(panel, "won") == [7.5, 5, None, 999]
    assert keys(panel) == ["name", "won", "deals"]
    assert panel.columns[0].label == "Product"
    assert (panel.id, panel.by_source) == ("by_product", False)
    dutch = tables.by_dimension(DUTCH, [of_value("unknown", 1)], "source", SHOWN, slug="closed_sales")
    assert column(dutch, "name") == ["onbekend"]
    assert dutch.by_source


def test_a_value_of_which_there_is_nothing_is_left_out() -> None:
    panel = by_product([of_value("none", 0, 0), of_value("empty", None, None), of_value("lost", 0, 3)])
    assert column(panel, "name") == ["lost"]
    assert by_product([of_value("none", 0, 0)]).rows == ()
    assert by_product([]).empty == "Nothing in this period."


def test_equal_ones_keep_their_order() -> None:
    panel = by_product([of_value("b", 5), of_value("a", 5), of_value("c", 5)])
    assert column(panel, "name") == ["b", "a", "c"]


def test_what_is_only_drawn_is_in_the_rows_and_not_in_the_table() -> None:
    rows = [of_value("a", 0.5, low=0.1, high=0.9, norm=0.3), of_value("b", 0.4, low=0.3, high=0.5, norm=0.3)]
    panel = by_product(rows, interval=("low", "high"), mark="norm", sort_by="low")
    assert column(panel, "name") == ["b", "a"]
    assert keys(panel) == ["name", "won", "deals", "low", "high", "norm"]
    assert isinstance(panel.picture, Bars)
    assert (panel.picture.low, panel.picture.high, panel.picture.mark) == ("low", "high", "norm")
    assert panel.picture.hidden == ("low", "high", "norm")
    inner = by_product([of_value("a", 5)], inner="deals")
    assert keys(inner) == ["name", "won", "deals"]
    assert isinstance(inner.picture, Bars)
    assert (inner.picture.inner, inner.picture.hidden) == ("deals", ())


# --- teams and reps side by side --------------------------------------------------------------------------


def of_rep(rep_id: str, won: float | None, **more: Any) -> dict[str, Any]:
    return {"rep_id": rep_id, "team_id": "T1", "won": won, "deals": None, **more}


def by_rep(rows: list[dict[str, Any]], outline: Outline = OUTLINE, **more: Any) -> Panel:
    return tables.by_rep(WORDS, view_of(), outline, rows, SHOWN, slug="closed_sales", **more)


def test_reps_stand_by_what_they_did_and_who_did_nothing_last() -> None:
    panel = by_rep([of_rep("R3", None), of_rep("R1", 5), of_rep("R2", 8)])
    assert column(panel, "name") == ["Ben", "Ann", "Cleo"]
    assert column(panel, "href")[0] == "/rep/R2?period=month&start=2026-03-01&lang=en"
    fastest = by_rep([of_rep("R3", None), of_rep("R1", 8), of_rep("R2", 5)], lowest_first=True)
    assert column(fastest, "name") == ["Ben", "Ann", "Cleo"]
    assert column(by_rep([of_rep("R2", 0), of_rep("R1", 0)]), "name") == ["Ann", "Ben"]


def test_who_left_stands_there_for_what_was_done_only() -> None:
    assert column(by_rep([of_rep("left", 0), of_rep("R1", 0)]), "name") == ["Ann"]
    assert column(by_rep([of_rep("left", None, deals=2), of_rep("R1", 1)]), "name") == ["Ann", "Dirk"]
    assert by_rep([of_rep("stranger", 99)]).rows == ()


def test_a_mark_and_a_tone() -> None:
    rows = [of_rep("R1", 5, status="behind", norm=7), of_rep("R2", 4, status="odd"), of_rep("R3", 3)]
    panel = by_rep(rows, mark="norm", tone={"behind": "bad"}, hint="│ is the norm")
    assert column(panel, "tone") == ["bad", "main", "main"]
    assert column(panel, "norm") == [7, None, None]
    assert keys(panel) == ["name", "won", "deals", "norm"]
    assert isinstance(panel.picture, Bars)
    assert (panel.picture.mark, panel.picture.hidden) == ("norm", ("norm",))
    assert panel.subtitle == "│ is the norm"
    shown = by_rep([of_rep("R1", 5)], mark="deals")
    assert keys(shown) == ["name", "won", "deals"]
    assert isinstance(shown.picture, Bars)
    assert shown.picture.hidden == ()


@pytest.mark.parametrize(("many", "is_board"), [(ROWS_BY_BARS, False), (ROWS_BY_BARS + 1, True), (500, True)])
def test_many_reps_are_a_board_with_their_teams(many: int, is_board: bool) -> None:
    reps = {f"M{n}": Rep(f"M{n}", f"Rep {n:03d}", "T2") for n in range(many)}
    outline = Outline({}, OUTLINE.teams, reps, ())
    panel = by_rep(
        [of_rep(rep_id, n) for n, rep_id in enumerate(reps)], outline, tone={"x": "bad"}, hint="hint"
    )
    assert isinstance(panel.picture, Board) == is_board
    assert ("team" in keys(panel)) == is_board
    assert (panel.subtitle == "") == is_board
    assert column(panel, "won") == list(range(many))[::-1]
    assert set(column(panel, "team")) == {"East"}


def test_teams_stand_by_what_they_did() -> None:
    rows: list[dict[str, Any]] = [
        {"team_id": "T1", "won": 5, "deals": 1, "status": "behind"},
        {"team_id": "T2", "won": 9, "deals": 1, "status": None},
        {"team_id": "T3", "won": None, "deals": 1},
        {"team_id": "T4", "won": 0, "deals": 0},
    ]
    panel = tables.by_team(
        WORDS, view_of(), OUTLINE, rows, SHOWN, slug="closed_sales", mark="norm", tone={"behind": "bad"}
    )
    assert column(panel, "name") == ["East", "West", "T3"]
    assert column(panel, "tone") == ["main", "bad", "main"]
    assert column(panel, "href")[1] == "/?period=month&start=2026-03-01&team=T1&lang=en"
    assert keys(panel) == ["name", "won", "deals", "norm"]
    assert tables.by_team(WORDS, view_of(), OUTLINE, [], SHOWN, slug="closed_sales").rows == ()


# --- does speed pay ---------------------------------------------------------------------------------------


def bucket(number: int | None, leads: int, customers: int, *, answered: bool = True) -> dict[str, Any]:
    return {"bucket": number, "leads": leads, "customers": customers, "is_answered": answered}


def pay(*rows: dict[str, Any]) -> Panel:
    return speed.does_speed_pay(WORDS, rows, date(2025, 3, 1), date(2026, 2, 28))


def test_share_of_customers_by_waiting_time() -> None:
    panel = pay(
        bucket(None, 10, 0, answered=False),
        bucket(None, 4, 1),
        bucket(0, 8, 4),
        bucket(len(RESPONSE_EDGES), 5, 1),
        bucket(2, 1, 0, answered=False),
        bucket(2, 3, 1),
    )
    assert column(panel, "bucket") == ["≤5m", "≤1h", ">8h", "day known only", "none"]
    assert column(panel, "share") == [0.5, 0.25, 0.2, 0.25, 0.0]
    assert column(panel, "customers") == [4, 1, 1, 1, 0]
    assert column(panel, "leads") == [8, 4, 5, 4, 10]
    assert panel.subtitle == "Leads of 1 Mar 2025 to 28 Feb 2026, which had time to decide"
    assert pay().rows == ()


# --- cohorts ----------------------------------------------------------------------------------------------


def cohort(number: int, ratio: float | None, *, ripe: bool) -> dict[str, Any]:
    return month(
        number,
        conversion_ratio=ratio,
        is_mature=ripe,
        conversion_ratio_90_days=0.1,
        target_ratio=0.15,
        leads=40,
        customers=8,
    )


def test_a_cohort_is_ripe_or_young_and_never_both() -> None:
    panel = cohorts.over_time(
        WORDS,
        view_of(),
        [cohort(0, 0.2, ripe=True), cohort(1, None, ripe=True), cohort(2, 0.05, ripe=False)],
    )
    assert column(panel, "ripe") == [0.2, None, None]
    assert column(panel, "young") == [None, None, 0.05]
    assert column(panel, "period") == ["Jan ’24", "Feb", "Mar"]
    assert column(panel, "customers") == [8, 8, 8]
    assert len(cohorts.over_time(WORDS, view_of(), [cohort(n, 0, ripe=True) for n in range(40)]).rows) == 25
    assert cohorts.over_time(WORDS, view_of(), []).rows == ()


def test_the_way_from_lead_to_customer() -> None:
    row = {
        "leads": 200,
        "opportunity_leads": 50,
        "customers": 20,
        "lead_to_opportunity_ratio": 0.25,
        "opportunity_to_customer_ratio": 0.4,
    }
    panel = cohorts.funnel(WORDS, row, "Leads of October")
    assert column(panel, "step") == ["Leads", "Opportunities", "Customers"]
    assert column(panel, "leads") == [200, 50, 20]
    assert column(panel, "ratio") == [None, 0.25, 0.4]
    assert panel.subtitle == "Leads of October"
    assert cohorts.funnel(WORDS, None, "").rows == ()


# --- the pipeline from its sides --------------------------------------------------------------------------

MOVED: Mapping[str, Decimal] = {
    "opening_amount": Decimal(1000),
    "created_amount": Decimal(500),
    "reopened_amount": Decimal(0),
    "changed_amount": Decimal(-50),
    "won_amount": Decimal(300),
    "lost_amount": Decimal(100),
    "removed_amount": Decimal(25),
    "open_amount": Decimal(1025),
}


def test_the_steps_lead_from_one_stock_to_the_next() -> None:
    panel = pipeline.movement(WORDS, MOVED)
    assert column(panel, "step") == ["Opening", "New", "Changed", "Won", "Lost", "Removed", "Open pipeline"]
    assert column(panel, "amount") == [1000, 500, -50, -300, -100, -25, 1025]
    assert sum(column(panel, "amount")[:-1]) == column(panel, "amount")[-1]
    assert column(panel, "is_total") == [True, False, False, False, False, False, True]
    assert panel.picture == Waterfall("step", "amount", "is_total")


def test_an_empty_stock_is_a_stock() -> None:
    panel = pipeline.movement(WORDS, dict.fromkeys(MOVED, Decimal(0)))
    assert column(panel, "amount") == [0, 0]


@pytest.mark.parametrize("row", [None, {**MOVED, "opening_amount": None}])
def test_without_a_history_nothing_moved(row: Mapping[str, Any] | None) -> None:
    assert pipeline.movement(WORDS, row).rows == ()


def closing(value: str, amount: int) -> dict[str, Any]:
    return {
        "breakdown_value": value,
        "open_amount": Decimal(amount),
        "weighted_amount": Decimal(amount) / 2,
        "open_opportunities": 1,
    }


def test_months_of_closing_stand_in_their_order_and_without_a_date_last() -> None:
    found = [closing("unknown", 5), closing("2026-04", 2), closing("2025-12", 1), closing("2026-01", 3)]
    panel = pipeline.by_close_month(WORDS, found, MARCH)
    assert column(panel, "month") == ["Dec", "Jan ’26", "Apr", "no date"]
    assert column(panel, "open_amount") == [1, 3, 2, 5]
    assert column(panel, "weighted_amount") == [Decimal("0.5"), Decimal("1.5"), 1, Decimal("2.5")]
    assert pipeline.by_close_month(WORDS, [], MARCH).empty == "No open deals."


def test_ages_without_a_deal_keep_their_place() -> None:
    panel = pipeline.ages(
        WORDS,
        [{"bucket": 5, "amount": Decimal(9), "deals": 2}, {"bucket": 1, "amount": Decimal(4), "deals": 1}],
    )
    assert column(panel, "age") == ["≤30d", "≤60d", "≤90d", "≤180d", "≤365d", ">365d"]
    assert column(panel, "amount") == [0, 4, 0, 0, 0, 9]
    assert column(panel, "deals") == [0, 1, 0, 0, 0, 2]
    assert (pipeline.ages(WORDS, []).rows, pipeline.ages(WORDS, []).empty) == ((), "No open deals.")


def test_the_health_of_a_stage_is_its_published_counts() -> None:
    counts = {
        "mean_age_days": 41.5,
        "open_opportunities": 4,
        "stale_opportunities": 2,
        "overdue_opportunities": 1,
        "opportunities_without_amount": 0,
    }
    rows = [{"breakdown_value": "Proposal", **counts}, {"breakdown_value": "unknown", **counts}]
    panel = pipeline.health(WORDS, rows)
    assert panel.rows[0] == {"stage": "Proposal", **counts}
    assert column(panel, "stage") == ["Proposal", "unknown"]
    assert pipeline.health(WORDS, []).rows == ()


def deal(rep_id: str | None, **more: Any) -> dict[str, Any]:
    return {"opportunity_id": "O1", "rep_id": rep_id, "amount": Decimal(5), **more}


@pytest.mark.parametrize("make", ["overdue", "largest"])
def test_a_deal_says_whose_it_is(make: str) -> None:
    deals = [deal("R1"), deal("gone"), deal(None)]
    panel = (
        pipeline.overdue(WORDS, OUTLINE, view_of(), deals)
        if make == "overdue"
        else sales.largest(WORDS, OUTLINE, deals)
    )
    assert column(panel, "rep") == ["Ann", "gone", None]
    assert column(panel, "opportunity_id") == ["O1"] * 3
    assert column(panel, "amount") == [5, 5, 5]


def test_whose_deal_it_is_needs_no_saying_on_a_rep_s_own_page() -> None:
    for rep_id, hidden in ((None, ("stage",)), ("R1", ("rep",))):
        panel = pipeline.overdue(WORDS, OUTLINE, view_of(rep_id=rep_id), [deal("R1")])
        assert isinstance(panel.picture, Bars)
        assert panel.picture.hidden == hidden
    assert pipeline.overdue(WORDS, OUTLINE, view_of(), []).empty == "No open deal is past its expected day."
    assert sales.largest(WORDS, OUTLINE, []).empty == "Nothing in this period."


# --- a rep beside the team --------------------------------------------------------------------------------


def metric(name: str, unit: str) -> dict[str, Any]:
    return {"name_en": name, "name_nl": f"{name} (nl)", "unit": unit}


def told(slug: str, start: date, value: float | None, target: float | None = None) -> dict[str, Any]:
    return {"kpi": slug, "period_start": start, "value": value, "target_value": target}


def test_every_metric_is_one_line_of_the_period() -> None:
    start, before = date(2026, 3, 1), date(2026, 2, 1)
    catalog = {"a": metric("Leads", "leads"), "b": metric("Ratio", "ratio"), "c": metric("Hugs", "hugs")}
    own = [told("a", before, 99), told("a", start, 5, 10), told("b", start, 0.5)]
    team = [told("a", start, 50, 100), told("b", before, 0.9)]
    panel = compare.beside_the_team(WORDS, catalog, start, own, team, [told("b", start, None)])
    assert column(panel, "metric") == ["Leads", "Ratio", "Hugs"]
    assert column(panel, "kind") == ["count", "ratio", "number"]
    assert column(panel, "own") == [5, 0.5, None]
    assert column(panel, "target") == [10, None, None]
    assert column(panel, "team") == [50, None, None]
    assert column(panel, "company") == [None, None, None]
    dutch = compare.beside_the_team(DUTCH, catalog, start, [], [], [])
    assert column(dutch, "metric") == ["Leads (nl)", "Ratio (nl)", "Hugs (nl)"]
