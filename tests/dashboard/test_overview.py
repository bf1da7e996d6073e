"""The panels of the overview, from hand-made rows to expectations worked out by hand.

Belongs here: which rows a panel has, in which order, and what it says about them. Does not belong here: the
rows themselves (`tests/integration`), or looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dashboard.view import Outline, Period, Rep, View
from dashboard.viewmodel import overview
from dashboard.viewmodel.overview import RESPONSE_EDGES
from dashboard.viewmodel.parts import Bars, Board, Panel, Plot
from dashboard.words import Words

WORDS = Words("en", "EUR", "Europe/Amsterdam")
DUTCH = Words("nl", "EUR", "Europe/Amsterdam")
WEEK = Period("week", date(2026, 3, 2), date(2026, 3, 8), False)
FEBRUARY = Period("month", date(2026, 2, 1), date(2026, 2, 28), True)
MARCH = Period("month", date(2026, 3, 1), date(2026, 3, 31), False)
TODAY = date(2026, 3, 5)
REPS = {f"R{n}": Rep(f"R{n}", f"Rep {n}", "T1" if n % 2 else "T2") for n in range(1, 13)}
OUTLINE = Outline(
    {},
    {"T1": "West", "T2": "East"},
    {
        **REPS,
        "left": Rep("left", "Left", "T1", is_active=False),
        "unassigned": Rep("unassigned", "Unassigned", "unassigned"),
    },
    (),
)


def view_of(period: Period = MARCH) -> View:
    return View((), period, "company", None, None, None, "en")


def column(panel: Panel, key: str) -> list[Any]:
    return [row[key] for row in panel.rows]


def plain(text: str) -> str:
    return text.replace("\xa0", " ")


# --- what the numbers say of their own accord -------------------------------------------------------------


def signal(name: str, **more: Any) -> dict[str, Any]:
    row = {"signal": name, "kpi": "closed_sales", "severity": "warn", "team_id": None, "rep_id": None}
    return {**row, "text_en": f"{name} in English", "text_nl": f"{name} in het Nederlands", **more}


def test_a_finding_leads_to_whom_it_is_about() -> None:
    found = overview.sentences(
        view_of(),
        WORDS,
        [
            signal("a", severity="alert"),
            signal("b", kpi="open_pipeline", team_id="T1"),
            signal("c", severity="info", team_id="T1", rep_id="R1"),
        ],
    )
    assert [item.severity for item in found] == ["alert", "warn", "info"]
    assert [item.severity_text for item in found] == ["Act now", "Look into it", "Good to know"]
    assert [item.text for item in found] == ["a in English", "b in English", "c in English"]
    assert [item.href.partition("?")[0] for item in found] == [
        "/metric/closed_sales",
        "/metric/open_pipeline",
        "/rep/R1",
    ]
    assert "team=T1" in found[1].href
    assert overview.sentences(view_of(), DUTCH, [signal("a")])[0].text == "a in het Nederlands"


def test_a_kind_of_finding_is_told_once() -> None:
    rows = [signal("a"), signal("a", team_id="T1"), signal("b", team_id="T1"), signal("a", rep_id="R1")]
    rows += [signal("c"), signal("d")]
    told = overview.most_telling(rows, 3)
    assert [(row["signal"], row["team_id"]) for row in told] == [("a", None), ("b", "T1"), ("c", None)]
    assert overview.most_telling([], 3) == ()


# --- closed sales against the target ----------------------------------------------------------------------


def attainment(**more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "target_amount": Decimal("1000.00"),
        "closed_amount": Decimal("300.00"),
        "gap_amount": Decimal("700.00"),
        "projected_amount": Decimal("900.00"),
        "required_per_working_day": Decimal("350.00"),
        "pipeline_amount": Decimal("1400.00"),
        "weighted_pipeline_amount": Decimal("560.00"),
        "coverage_ratio": 2.0,
        "is_complete": False,
    }
    return row | more


def sold(day: date, amount: int) -> dict[str, Any]:
    return {"closed_on": day, "amount": Decimal(amount), "deals": 1}


def days_of(period: Period) -> list[dict[str, Any]]:
    days = [period.start + timedelta(days=n) for n in range((period.end - period.start).days + 1)]
    return [{"date_day": day, "is_working_day": day.weekday() < 5} for day in days]


def curve(
    period: Period = WEEK,
    row: Mapping[str, Any] | None = None,
    closed: Sequence[Mapping[str, Any]] = (),
    before: Sequence[Mapping[str, Any]] = (),
    today: date = TODAY,
) -> Panel:
    return overview.will_we_make_it(view_of(period), WORDS, row, closed, before, days_of(period), today)


def test_sums_grow_from_day_to_day_and_stop_today() -> None:
    panel = curve(
        row=attainment(),
        closed=[sold(date(2026, 3, 2), 100), sold(date(2026, 3, 5), 200)],
        before=[sold(date(2025, 3, 4), 50), sold(date(2025, 3, 9), 70), sold(date(2025, 3, 10), 999)],
    )
    assert column(panel, "day") == [date(2026, 3, day) for day in range(2, 9)]
    assert column(panel, "closed") == [100, 100, 100, 300, None, None, None]
    # 5 working days for 1000
    assert column(panel, "expected") == [200, 400, 600, 800, 1000, 1000, 1000]
    # 52 weeks before: Monday 3 March 2025 is the first day
    assert column(panel, "last_year") == [0, 50, 50, 50, 50, 50, 120]
    assert plain(panel.subtitle) == "At this pace € 900 of € 1,000; € 350 per working day is needed"


def test_a_whole_period_is_drawn_to_its_end() -> None:
    panel = curve(FEBRUARY, attainment(is_complete=True), [sold(date(2026, 2, 28), 300)])
    assert len(panel.rows) == 28
    assert column(panel, "closed") == [0] * 27 + [300]
    assert column(panel, "expected")[-1] == 1000
    assert plain(panel.subtitle) == "€ 300 closed of € 1,000"


def test_a_day_that_last_year_did_not_have() -> None:
    february = Period("month", date(2024, 2, 1), date(2024, 2, 29), True)
    panel = curve(february, None, [], [sold(date(2023, 2, 28), 10), sold(date(2023, 3, 2), 99)])
    assert len(panel.rows) == 29
    assert column(panel, "last_year")[-3:] == [0, 10, 10]


@pytest.mark.parametrize("row", [None, attainment(target_amount=None, gap_amount=None)])
def test_without_a_target_there_is_no_pace(row: dict[str, Any] | None) -> None:
    panel = curve(row=row, closed=[sold(date(2026, 3, 2), 100)])
    assert [item.key for item in panel.columns] == ["day", "closed", "last_year"]
    assert isinstance(panel.picture, Plot)
    assert [series.key for series in panel.picture.series] == ["closed", "last_year"]
    assert panel.subtitle == "No target set"


def test_a_target_that_is_reached_early() -> None:
    panel = curve(row=attainment(closed_amount=Decimal(1100), gap_amount=Decimal(-100)))
    assert plain(panel.subtitle) == "€ 1,100 closed of € 1,000"


def test_a_long_period_is_drawn_by_the_week_and_loses_nothing() -> None:
    year = Period("year", date(2026, 1, 1), date(2026, 12, 31), False)
    closed = [sold(date(2026, 1, 1), 1), sold(date(2026, 3, 4), 10), sold(date(2026, 3, 5), 100)]
    panel = curve(year, attainment(), closed)
    shown = dict(zip(column(panel, "day"), column(panel, "closed"), strict=True))
    assert list(shown)[:2] == [date(2026, 1, 7), date(2026, 1, 14)]
    assert shown[TODAY] == 111
    assert list(shown)[-1] == date(2026, 12, 31)
    assert column(panel, "expected")[-1] == 1000
    assert len(shown) == 365 // 7 + 2  # every seventh day, today and the last one


# --- open pipeline ----------------------------------------------------------------------------------------


def stage(name: str, deals: int, amount: int, weighted: int) -> dict[str, Any]:
    return {
        "breakdown_value": name,
        "open_opportunities": deals,
        "open_amount": Decimal(amount),
        "weighted_amount": Decimal(weighted),
    }


STAGES = [stage("unknown", 1, 0, 0), stage("Proposal", 2, 400, 200), stage("Intake", 5, 1000, 100)]


def test_stages_stand_on_a_deals_way() -> None:
    panel = overview.pipeline_by_stage(WORDS, STAGES, None)
    assert column(panel, "stage") == ["unknown", "Intake", "Proposal"]
    assert column(panel, "amount") == [0, 1000, 400]
    assert column(panel, "deals") == [1, 5, 2]
    assert column(overview.pipeline_by_stage(DUTCH, STAGES, None), "stage")[0] == "onbekend"


def test_beneath_the_stages_stands_what_is_missing_and_what_can_close() -> None:
    panel = overview.pipeline_by_stage(WORDS, STAGES, attainment())
    assert column(panel, "stage")[-2:] == ["Gap to target", "Can close in time"]
    assert column(panel, "amount")[-2:] == [700, 1400]
    assert column(panel, "weighted")[-2:] == [None, 560]
    assert column(panel, "tone") == ["main", "main", "main", "target", "second"]
    assert panel.subtitle == "What can close in time is 2.0× the gap to target"


@pytest.mark.parametrize(
    ("row", "subtitle"),
    [
        (attainment(gap_amount=Decimal(0)), "The target is reached: there is no gap left to close"),
        (attainment(gap_amount=None), "Weighted by probability inside"),
        (attainment(is_complete=True), "Weighted by probability inside"),
    ],
)
def test_without_a_gap_there_are_only_stages(row: dict[str, Any], subtitle: str) -> None:
    panel = overview.pipeline_by_stage(WORDS, STAGES, row)
    assert len(panel.rows) == len(STAGES)
    assert panel.subtitle == subtitle


def test_no_open_deals_is_a_sentence_even_with_a_gap() -> None:
    panel = overview.pipeline_by_stage(WORDS, [], attainment())
    assert (panel.rows, panel.empty) == ((), "No open deals.")


# --- sources ----------------------------------------------------------------------------------------------


def cohort(
    name: str, leads: int, ratio: float | None, low: float | None, high: float | None
) -> dict[str, Any]:
    return {
        "breakdown_value": name,
        "leads": leads,
        "conversion_ratio": ratio,
        "conversion_ratio_low": low,
        "conversion_ratio_high": high,
        "target_ratio": 0.2,
    }


def test_sources_stand_by_what_is_sure_and_the_unknown_last() -> None:
    panel = overview.sources(
        WORDS,
        [
            {"breakdown_value": name, "leads": leads}
            for name, leads in (("new", 9), ("partner", 3), ("newer", 9))
        ],
        [
            cohort("unknown", 500, 0.9, 0.85, 0.95),
            cohort("lucky", 2, 0.5, 0.03, 0.97),
            cohort("partner", 200, 0.3, 0.24, 0.36),
            cohort("fair", 400, 0.1, 0.07, 0.13),
            cohort("near", 100, 0.15, 0.09, 0.23),
        ],
        FEBRUARY,
    )
    assert column(panel, "source") == ["partner", "near", "fair", "lucky", "new", "newer", "unknown"]
    assert column(panel, "leads") == [3, 0, 0, 0, 9, 9, 0]
    assert column(panel, "cohort_leads") == [200, 100, 400, 2, None, None, 500]
    assert column(panel, "tone") == ["good", "watch", "bad", "good", "muted", "muted", "good"]
    assert panel.subtitle.startswith("Leads of February 2026")


def test_without_a_ripe_cohort_the_leads_are_still_told() -> None:
    leads = [{"breakdown_value": "a", "leads": 1}, {"breakdown_value": "b", "leads": 2}]
    panel = overview.sources(WORDS, leads, [], None)
    assert column(panel, "source") == ["b", "a"]
    assert column(panel, "ratio") == [None, None]
    assert panel.subtitle == "No cohort had time to decide yet"
    assert overview.sources(WORDS, [], [], None).rows == ()


def test_the_newest_ripe_cohort_is_not_after_the_view() -> None:
    history = [
        {"period_start": date(2026, month, 1), "is_mature": ripe}
        for month, ripe in ((1, True), (2, True), (3, True), (4, False))
    ]
    found = overview.newest_ripened(history, date(2026, 2, 1))
    assert found is not None
    assert found["period_start"] == date(2026, 2, 1)
    assert overview.newest_ripened(history[3:], date(2026, 12, 1)) is None


# --- response time ----------------------------------------------------------------------------------------


def bucket(number: int | None, leads: int, *, answered: bool = True) -> dict[str, Any]:
    return {"bucket": number, "is_answered": answered, "leads": leads, "customers": 0}


BUCKETS = [bucket(0, 10), bucket(2, 5), bucket(4, 3), bucket(5, 2), bucket(None, 7, answered=False)]


def test_every_lead_waits_in_one_bar() -> None:
    panel = overview.answer_times(WORDS, BUCKETS, 60.0)
    assert column(panel, "bucket") == ["≤5m", "≤15m", "≤1h", "≤4h", "≤8h", ">8h", "none"]
    assert column(panel, "in_time") == [10, 0, 5, 0, 0, 0, 0]
    assert column(panel, "late") == [0, 0, 0, 0, 3, 2, 7]
    assert sum(column(panel, "in_time") + column(panel, "late")) == 27


def test_leads_known_by_the_day_only_have_a_bar_of_their_own() -> None:
    panel = overview.answer_times(WORDS, [*BUCKETS, bucket(None, 4)], 60.0)
    assert column(panel, "bucket")[-2:] == ["day known only", "none"]
    assert column(panel, "late")[-2:] == [4, 7]


@pytest.mark.parametrize(
    ("sla", "in_time"), [(None, 0), (4, 0), (5, 10), (59, 10), (60, 15), (480, 18), (9999, 18)]
)
def test_only_bars_that_lie_within_the_norm_are_in_time(sla: float | None, in_time: int) -> None:
    panel = overview.answer_times(WORDS, BUCKETS, sla)
    assert sum(column(panel, "in_time")) == in_time
    assert len(panel.rows) == len(RESPONSE_EDGES) + 2


def test_a_period_without_leads_has_no_bars() -> None:
    assert overview.answer_times(WORDS, [], 60.0).rows == ()
    assert len(overview.answer_times(WORDS, [bucket(None, 1, answered=False)], 60.0).rows) == 7


# --- leads over time --------------------------------------------------------------------------------------


def month_of_leads(number: int, leads: int, adjusted: float | None = None) -> dict[str, Any]:
    """`number` counts months from January 2025."""
    return {
        "period_start": date(2025 + number // 12, number % 12 + 1, 1),
        "leads": leads,
        "same_period_last_year_leads": None if number < 12 else leads - 100,
        "seasonally_adjusted_leads": adjusted,
    }


def test_the_last_thirteen_periods_beside_those_of_a_year_before() -> None:
    history = [month_of_leads(number, number) for number in range(20)]
    panel = overview.season_or_trend(view_of(), WORDS, history)
    assert column(panel, "leads") == list(range(2, 15))
    assert column(panel, "period")[0] == column(panel, "period")[-1] == "Mar"
    assert column(panel, "year_before")[-3:] == [-88, -87, -86]
    assert [item.key for item in panel.columns] == ["period", "leads", "year_before"]
    assert panel.subtitle.endswith("; the last bar still runs")
    assert not overview.season_or_trend(view_of(FEBRUARY), WORDS, history).subtitle.endswith("runs")


def test_the_season_is_taken_out_where_the_release_does() -> None:
    history = [month_of_leads(0, 10), month_of_leads(1, 12, 11.5)]
    panel = overview.season_or_trend(view_of(), WORDS, history)
    assert [item.key for item in panel.columns] == ["period", "leads", "year_before", "adjusted"]
    assert column(panel, "adjusted") == [None, 11.5]


# --- reps -------------------------------------------------------------------------------------------------


def board(attained: Mapping[str, float | None], **more: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {
        "target_attainment": [
            {"rep_id": rep_id, "attainment_ratio": ratio, "status": more.get(rep_id), "elapsed_ratio": 0.5}
            for rep_id, ratio in attained.items()
        ]
    }


def test_the_best_and_the_last_stand_where_few_have_room() -> None:
    attained = {rep_id: number / 10 for number, rep_id in enumerate(REPS)}
    panel = overview.coaching(view_of(), WORDS, OUTLINE, board(attained), 5)
    assert column(panel, "rep") == ["Rep 12", "Rep 11", "Rep 3", "Rep 2", "Rep 1"]
    assert panel.subtitle == "The best and the last 5 of 12 reps"
    assert isinstance(panel.picture, Bars)
    assert column(panel, "href")[0] == "/rep/R12?period=month&start=2026-03-01&lang=en"


def test_reps_without_a_target_are_not_the_last() -> None:
    attained: dict[str, float | None] = {rep_id: number / 10 for number, rep_id in enumerate(REPS)}
    attained |= {"R12": None, "R11": None}
    panel = overview.coaching(view_of(), WORDS, OUTLINE, board(attained), 4)
    assert column(panel, "rep") == ["Rep 10", "Rep 9", "Rep 2", "Rep 1"]
    whole = overview.coaching(view_of(), WORDS, OUTLINE, board(attained), None)
    assert column(whole, "rep")[-2:] == ["Rep 11", "Rep 12"]
    assert len(whole.rows) == 12
    assert isinstance(whole.picture, Board)
    assert column(whole, "team")[0] == "East"


def test_everybody_is_shown_where_there_is_room() -> None:
    panel = overview.coaching(view_of(), WORDS, OUTLINE, board({"R1": 0.2, "R2": 0.4}), 8)
    assert column(panel, "rep") == ["Rep 2", "Rep 1"]
    assert panel.subtitle == "All reps of the period"


def test_who_left_and_who_is_nobody_are_not_coached() -> None:
    rows = board({"left": None, "unassigned": 0.1, "stranger": 0.2, "R1": 0.3})
    assert column(overview.coaching(view_of(), WORDS, OUTLINE, rows, 8), "rep") == ["Rep 1"]
    rows["closed_sales"] = [{"rep_id": "left", "closed_amount": Decimal(5)}]
    panel = overview.coaching(view_of(), WORDS, OUTLINE, rows, 8)
    assert column(panel, "rep") == ["Rep 1", "Left"]
    assert panel.rows[1]["closed"] == 5


def test_a_rep_is_one_row_of_all_metrics() -> None:
    rows = board({"R1": 0.9}, R1="at_risk") | {
        "closed_sales": [{"rep_id": "R1", "closed_amount": Decimal(700)}],
        "lead_response_time": [{"rep_id": "R1", "median_business_response_minutes": 42.0}],
        "number_of_follow_ups": [{"rep_id": "R1", "follow_ups_per_contacted_lead": 2.5}],
        "number_of_leads": [{"rep_id": "R1", "workload_leads": 17}],
    }
    [row] = overview.coaching(view_of(), WORDS, OUTLINE, rows, 8).rows
    found = [row[key] for key in ("attainment", "closed", "response", "follow_ups", "workload", "tone")]
    assert found == [0.9, 700, 42.0, 2.5, 17, "watch"]


@pytest.mark.parametrize("limit", [8, None])
def test_a_release_without_reps_says_so(limit: int | None) -> None:
    panel = overview.coaching(view_of(), WORDS, replace(OUTLINE, reps={}), {}, limit)
    assert panel.rows == ()
    assert panel.empty == "Nothing in this period."
