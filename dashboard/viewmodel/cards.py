"""The seven cards: headline, status, changes, target and the last periods of each metric.

Belongs here: choosing among published numbers and putting them into words. Does not belong here: queries, or
any number that the release does not have. With a source chosen the scorecard has no row, so the metric's own
table gives the headline and the periods to compare with; there is no status then, norms are for totals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from dashboard.view import Period, View
from dashboard.viewmodel.parts import Card, Delta, Spark
from dashboard.words import NOTHING, Words, kind_of

Row = Mapping[str, Any]
SPARKS = 13
"""A year and the period it started from."""
FLOWS = ("number_of_leads", "number_of_follow_ups", "target_attainment", "closed_sales")
"""They grow through a period: a running one is always behind a whole one, which is nobody's failure."""
WITHOUT_SOURCE = ("target_attainment",)
"""Targets are set for people, not for sources."""


def cards(
    view: View,
    words: Words,
    catalog: Mapping[str, Row],
    scorecard: Sequence[Row],
    own: Mapping[str, Sequence[Row]],
) -> tuple[Card, ...]:
    """The metrics of the catalog, in their order.

    `scorecard` has the member's headlines of every period up to the view's, oldest first; `own` each metric's
    rows of the same periods, with a source chosen of that source.
    """
    return tuple(
        _card(slug, view, words, catalog[slug], _told(slug, view, catalog[slug], scorecard, own), own)
        for slug in catalog
    )


def _told(
    slug: str, view: View, metric: Row, scorecard: Sequence[Row], own: Mapping[str, Sequence[Row]]
) -> dict[date, Row]:
    """By period: `value`, and what the scorecard says beside it."""
    if view.source is None or slug in WITHOUT_SOURCE:
        return {row["period_start"]: row for row in scorecard if row["kpi"] == slug}
    return {
        row["period_start"]: {"value": _plain(row[metric["headline_column"]])} for row in own.get(slug, ())
    }


def _card(
    slug: str,
    view: View,
    words: Words,
    metric: Row,
    told: Mapping[date, Row],
    own: Mapping[str, Sequence[Row]],
) -> Card:
    kind = kind_of(metric)
    now = told.get(view.period.start, {})
    details = next((row for row in own.get(slug, ()) if row["period_start"] == view.period.start), {})
    status = now.get("status")
    running = not view.period.is_complete
    say = _SAID.get(slug)
    target, detail = say(words, details, now) if say and details else ("", "")
    if view.source is not None and slug in WITHOUT_SOURCE:
        detail = words.say("no_targets_by_source")
    return Card(
        slug=slug,
        name=words.of_catalog(metric, "name"),
        definition=words.of_catalog(metric, "definition"),
        value=words.value(_plain(now.get("value")), kind),
        href=view.href("metric", slug),
        status=status,
        status_text=words.say(f"status_{status}") if status else words.say("status_none"),
        target=target,
        detail=detail,
        deltas=_deltas(slug, view, words, metric, now, told, running),
        sparks=sparks(words, view.period, {start: _plain(row["value"]) for start, row in told.items()}, kind),
    )


def _deltas(
    slug: str, view: View, words: Words, metric: Row, now: Row, told: Mapping[date, Row], running: bool
) -> tuple[Delta, ...]:
    value = _plain(now.get("value"))
    before = period_before(view.period)
    ago = year_before(view.period)
    pairs = (
        ("previous_value", before, words.say("against", period=words.short_period(view.period.type, before))),
        (
            "same_period_last_year_value",
            ago,
            words.say("against", period=words.dated_period(view.period.type, ago)),
        ),
    )
    found = []
    for column, start, against in pairs:
        earlier = _plain(now[column]) if column in now else _plain(told.get(start, {}).get("value"))
        if view.period.type == "year" and column == "same_period_last_year_value":
            continue
        too_early = slug == "conversion_ratio" and now.get("change_ratio") is None
        found.append(
            delta(
                words,
                value,
                earlier,
                against=against,
                unit=metric["unit"],
                higher_is_better=metric["direction"] == "higher_is_better",
                is_judged=not (running and slug in FLOWS) and not too_early,
            )
        )
    return tuple(found)


def delta(
    words: Words,
    value: float | None,
    earlier: float | None,
    *,
    against: str,
    unit: str,
    higher_is_better: bool,
    is_judged: bool,
) -> Delta:
    """The change between two published values: points between ratios, else relative."""
    if value is None or earlier is None or (earlier == 0 and unit != "ratio"):
        return Delta(NOTHING, against, "flat", None)
    difference = value - earlier
    if unit == "ratio":
        text = words.points(difference)
        is_flat = abs(difference) < 0.0005
    else:
        text = words.change(difference / abs(earlier))
        is_flat = abs(difference) < 0.005 * abs(earlier)
    if is_flat:
        return Delta(text, against, "flat", None)
    up = difference > 0
    tone = ("good" if up == higher_is_better else "bad") if is_judged else None
    return Delta(text, against, "up" if up else "down", tone)  # type: ignore[arg-type]


def sparks(words: Words, period: Period, values: Mapping[date, float | None], kind: str) -> tuple[Spark, ...]:
    """The last periods, each a share of the tallest; a period without a value keeps its place."""
    starts = [period.start]
    while len(starts) < SPARKS:
        starts.append(period_before(Period(period.type, starts[-1], starts[-1], True)))
    shown = {start: values.get(start) for start in reversed(starts)}
    tallest = max((value for value in shown.values() if value is not None), default=0)
    return tuple(
        Spark(
            share=None if value is None else (max(value, 0) / tallest if tallest > 0 else 0.0),
            title=f"{words.short_period(period.type, start)}: {words.value(value, kind)}",
            is_running=start == period.start and not period.is_complete,
        )
        for start, value in shown.items()
    )


def period_before(period: Period) -> date:
    """The first day of the period before."""
    if period.type == "week":
        return date.fromordinal(period.start.toordinal() - 7)
    months = {"month": 1, "quarter": 3, "year": 12}[period.type]
    return _months_before(period.start, months)


def year_before(period: Period) -> date:
    """The first day of the same period a year before; of a week, 52 weeks before."""
    if period.type == "week":
        return date.fromordinal(period.start.toordinal() - 364)
    return _months_before(period.start, 12)


def _months_before(day: date, months: int) -> date:
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def _plain(value: Any) -> float | None:
    return None if value is None else float(value)


def _leads(words: Words, row: Row, _: Row) -> tuple[str, str]:
    per_rep, capacity = row["workload_leads_per_rep"], row["capacity_leads_per_rep"]
    if per_rep is None:
        return "", words.say("qualified_share", share=words.ratio(row["qualification_ratio"]))
    return (
        words.say("open_per_rep", open=words.number(per_rep), capacity=words.count(round(capacity or 0))),
        words.say("qualified_share", share=words.ratio(row["qualification_ratio"])),
    )


def _response(words: Words, row: Row, now: Row) -> tuple[str, str]:
    sla, within = now.get("target_value"), words.ratio(row["within_sla_ratio"])
    return (
        words.say("within_sla", share=within, sla=words.minutes(sla))
        if sla
        else words.say("within", share=within),
        words.say("unanswered", number=words.count(row["unanswered_leads"])),
    )


def _follow_ups(words: Words, row: Row, _: Row) -> tuple[str, str]:
    return (
        words.say("per_contacted_lead", number=words.number(row["follow_ups_per_contacted_lead"])),
        words.say("abandoned", share=words.ratio(row["abandoned_ratio"])),
    )


def _conversion(words: Words, row: Row, _: Row) -> tuple[str, str]:
    return (
        words.say("target", value=words.ratio(row["target_ratio"])),
        words.say("customers_of", customers=words.count(row["customers"]), leads=words.count(row["leads"]))
        + ("" if row["is_mature"] else f" · {words.say('still_ripening')}"),
    )


def _attainment(words: Words, row: Row, _: Row) -> tuple[str, str]:
    if row["target_amount"] is None:
        return words.say("no_target"), ""
    return (
        words.say(
            "of_target", closed=words.money(row["closed_amount"]), target=words.money(row["target_amount"])
        ),
        words.say("projected", ratio=words.ratio(row["projected_attainment_ratio"]))
        if not row["is_complete"]
        else words.say(
            "gap" if row["gap_amount"] > 0 else "above_target", amount=words.money(abs(row["gap_amount"]))
        ),
    )


def _pipeline(words: Words, row: Row, now: Row) -> tuple[str, str]:
    gap = now.get("target_value")
    return (
        words.say("gap_to_target", amount=words.money(gap)) if gap is not None else "",
        words.say(
            "deals_weighted",
            deals=words.plural("deals", row["open_opportunities"]),
            weighted=words.short_money(row["weighted_amount"]),
        ),
    )


def _sales(words: Words, row: Row, now: Row) -> tuple[str, str]:
    target = now.get("target_value")
    return (
        words.say("target", value=words.money(target)) if target is not None else "",
        words.say(
            "deals_average",
            deals=words.plural("deals", row["won_opportunities"]),
            average=words.money(row["mean_deal_amount"]),
        )
        if row["mean_deal_amount"] is not None
        else words.plural("deals", row["won_opportunities"]),
    )


_SAID: Mapping[str, Callable[[Words, Row, Row], tuple[str, str]]] = {
    "number_of_leads": _leads,
    "lead_response_time": _response,
    "number_of_follow_ups": _follow_ups,
    "conversion_ratio": _conversion,
    "target_attainment": _attainment,
    "open_pipeline": _pipeline,
    "closed_sales": _sales,
}
"""What stands under each headline: (against what, and how it came about)."""
