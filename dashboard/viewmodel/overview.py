"""The panels of the overview: each answers one question of the manager.

Belongs here: turning published rows into panels. Does not belong here: queries, looks, formulas of metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from dashboard.view import Outline, Period, View
from dashboard.viewmodel.cards import year_before
from dashboard.viewmodel.parts import Bars, Board, Column, Panel, Plot, Sentence, Series
from dashboard.words import Words

Row = Mapping[str, Any]
RESPONSE_EDGES = (5, 15, 60, 240, 480)
"""Business minutes that part the bars of the response time."""
DAYS_OF_A_CURVE = 100
"""A period with more days is drawn by the week."""


def sentences(view: View, words: Words, signals: Sequence[Row]) -> tuple[Sentence, ...]:
    """What the numbers say of their own accord, as the release put it into words."""
    return tuple(
        Sentence(
            severity=row["severity"],
            severity_text=words.say(f"severity_{row['severity']}"),
            text=str(row[f"text_{words.language}"]),
            href=_signal_address(view, row),
        )
        for row in signals
    )


def most_telling(signals: Sequence[Row], limit: int) -> tuple[Row, ...]:
    """The first of each kind, up to a limit: what is said of the company is not said of its teams again."""
    first: dict[str, Row] = {}
    for row in signals:
        first.setdefault(row["signal"], row)
    return tuple(first.values())[:limit]


def _signal_address(view: View, row: Row) -> str:
    if row["rep_id"] is not None:
        return view.href("rep", row["rep_id"])
    if row["team_id"] is not None:
        return view.href("metric", row["kpi"], level="team", team_id=row["team_id"], rep_id=None)
    return view.href("metric", row["kpi"])


def will_we_make_it(
    view: View,
    words: Words,
    attainment: Row | None,
    closed: Sequence[Row],
    closed_year_before: Sequence[Row],
    days: Sequence[Row],
    today: date,
) -> Panel:
    """Closed sales through the period against the pace that reaches the target, and against last year."""
    rows = _curve(view.period, attainment, closed, closed_year_before, days, today)
    has_target = attainment is not None and attainment["target_amount"] is not None
    return Panel(
        id="sales_against_target",
        slug="target_attainment",
        title=words.say("make_it_question"),
        subtitle=_pace_sentence(words, attainment),
        columns=(
            Column("day", words.say("day"), "date"),
            Column("closed", words.say("closed_sales"), "money"),
            *((Column("expected", words.say("needed_by_then"), "money"),) if has_target else ()),
            Column("last_year", words.say("last_year"), "money"),
        ),
        rows=rows,
        picture=Plot(
            x="day",
            kind="money",
            series=(
                Series("closed", "area", "main"),
                *((Series("expected", "line", "target"),) if has_target else ()),
                Series("last_year", "line", "muted", dashed=True),
            ),
        ),
        empty=words.say("nothing_here"),
    )


def _curve(
    period: Period,
    attainment: Row | None,
    closed: Sequence[Row],
    closed_year_before: Sequence[Row],
    days: Sequence[Row],
    today: date,
) -> tuple[Row, ...]:
    """Sums from the first day on. The pace line follows the working days, as `expected_amount` does."""
    target = attainment["target_amount"] if attainment else None
    won = {row["closed_on"]: float(row["amount"]) for row in closed}
    length = (period.end - period.start).days + 1
    start_before = year_before(period)
    won_before = {(row["closed_on"] - start_before).days: float(row["amount"]) for row in closed_year_before}
    working = [row["is_working_day"] for row in days]
    total_working = sum(working)
    step = 1 if length <= DAYS_OF_A_CURVE else 7
    rows, so_far, before, elapsed = [], 0.0, 0.0, 0
    for number in range(length):
        day = period.start + timedelta(days=number)
        so_far += won.get(day, 0.0)
        before += won_before.get(number, 0.0)
        elapsed += bool(number < len(working) and working[number])
        if (number + 1) % step and day not in (period.end, today):
            continue
        rows.append(
            {
                "day": day,
                "closed": round(so_far, 2) if day <= today else None,
                "expected": None
                if target is None or not total_working
                else round(float(target) * elapsed / total_working, 2),
                "last_year": round(before, 2),
            }
        )
    return tuple(rows)


def _pace_sentence(words: Words, row: Row | None) -> str:
    if row is None or row["target_amount"] is None:
        return words.say("no_target")
    if row["is_complete"] or row["gap_amount"] <= 0:
        return words.say(
            "made_it", closed=words.money(row["closed_amount"]), target=words.money(row["target_amount"])
        )
    return words.say(
        "pace",
        projected=words.money(row["projected_amount"]),
        target=words.money(row["target_amount"]),
        per_day=words.money(row["required_per_working_day"]),
    )


def pipeline_by_stage(words: Words, stages: Sequence[Row], attainment: Row | None) -> Panel:
    """Open pipeline by stage, and beneath it what is still to be closed and what can close in time.

    Stages come in the order of a deal's way: the likelier their deals are to be won, the later they stand.
    """
    by_stage = sorted(stages, key=lambda row: (_likelihood(row), row["breakdown_value"]))
    rows: list[Row] = [
        {
            "stage": _named(words, row["breakdown_value"]),
            "deals": row["open_opportunities"],
            "amount": row["open_amount"],
            "weighted": row["weighted_amount"],
            "tone": "main",
        }
        for row in by_stage
    ]
    subtitle = words.say("weighted_inside")
    if attainment is not None and not attainment["is_complete"] and attainment["gap_amount"] is not None:
        if attainment["gap_amount"] > 0:
            rows.append(_line(words.say("gap_left"), attainment["gap_amount"], "target"))
            rows.append(
                _line(
                    words.say("closes_in_period"),
                    attainment["pipeline_amount"],
                    "second",
                    attainment["weighted_pipeline_amount"],
                )
            )
            subtitle = words.say("coverage", number=words.number(attainment["coverage_ratio"]))
        else:
            subtitle = words.say("no_gap")
    return Panel(
        id="pipeline_by_stage",
        slug="open_pipeline",
        title=words.say("revenue_question"),
        subtitle=subtitle,
        columns=(
            Column("stage", words.say("stage")),
            Column("amount", words.say("amount"), "money"),
            Column("deals", words.say("deals"), "count"),
            Column("weighted", words.say("weighted"), "money"),
        ),
        rows=tuple(rows) if stages else (),
        picture=Bars(bar="amount", inner="weighted", tone="tone", hidden=("weighted",)),
        empty=words.say("no_open_deals"),
    )


def _likelihood(row: Row) -> float:
    return float(row["weighted_amount"] or 0) / float(row["open_amount"]) if row["open_amount"] else 0.0


def _line(label: str, amount: Any, tone: str, weighted: Any = None) -> Row:
    return {"stage": label, "deals": None, "amount": amount, "weighted": weighted, "tone": tone}


def season_or_trend(view: View, words: Words, history: Sequence[Row], periods: int = 13) -> Panel:
    """Leads of the last periods beside those of a year before, and without the season where that is known."""
    shown = [row for row in history if row["period_start"] <= view.period.start][-periods:]
    has_trend = any(row["seasonally_adjusted_leads"] is not None for row in shown)
    return Panel(
        id="leads_over_time",
        by_source=True,
        slug="number_of_leads",
        title=words.say("season_question"),
        subtitle=words.say(
            "season_hint", running="" if view.period.is_complete else words.say("season_running")
        ),
        columns=(
            Column("period", words.say("period")),
            Column("leads", words.say("leads"), "count"),
            Column("year_before", words.say("year_before"), "count"),
            *((Column("adjusted", words.say("adjusted"), "number"),) if has_trend else ()),
        ),
        rows=tuple(
            {
                "period_start": row["period_start"],
                "period": words.short_period(view.period.type, row["period_start"]),
                "leads": row["leads"],
                "year_before": row["same_period_last_year_leads"],
                "adjusted": row["seasonally_adjusted_leads"],
            }
            for row in shown
        ),
        picture=Plot(
            x="period",
            kind="count",
            series=(
                Series("leads", "bar", "main"),
                Series("year_before", "line", "muted", dashed=True),
                *((Series("adjusted", "line", "target"),) if has_trend else ()),
            ),
        ),
        empty=words.say("nothing_here"),
    )


def sources(words: Words, leads: Sequence[Row], ripened: Sequence[Row], cohort: Period | None) -> Panel:
    """Leads of the period by source, and what became of the newest cohort that had time to decide."""
    converted = {row["breakdown_value"]: row for row in ripened}
    names = {row["breakdown_value"]: row for row in leads}
    rows = []
    for source in {**names, **converted}:
        then, now = converted.get(source, {}), names.get(source, {})
        ratio, target = then.get("conversion_ratio"), then.get("target_ratio")
        rows.append(
            {
                "key": source,
                "source": _named(words, source),
                "leads": now.get("leads", 0),
                "ratio": ratio,
                "low": then.get("conversion_ratio_low"),
                "high": then.get("conversion_ratio_high"),
                "target": target,
                "cohort_leads": then.get("leads"),
                "tone": _tone(ratio, then.get("conversion_ratio_high"), target),
            }
        )
    # by what is sure: one customer of two leads is not the best source
    rows.sort(
        key=lambda row: (
            row["key"] == "unknown",
            -(row["low"] if row["low"] is not None else -1),
            -row["leads"],
            row["source"],
        )
    )
    return Panel(
        id="sources",
        slug="conversion_ratio",
        title=words.say("sources_question"),
        subtitle=words.say("ripened_cohort", period=words.period(cohort))
        if cohort
        else words.say("no_ripened"),
        columns=(
            Column("source", words.say("source")),
            Column("ratio", words.say("conversion"), "ratio"),
            Column("leads", words.say("leads"), "count"),
            Column("cohort_leads", words.say("cohort_leads"), "count"),
            Column("low", words.say("interval_low"), "ratio"),
            Column("high", words.say("interval_high"), "ratio"),
            Column("target", words.say("target_word"), "ratio"),
        ),
        rows=tuple(rows),
        picture=Bars(
            bar="ratio",
            low="low",
            high="high",
            mark="target",
            tone="tone",
            hidden=("low", "high", "target", "cohort_leads"),
        ),
        empty=words.say("nothing_here"),
    )


def _tone(ratio: float | None, high: float | None, target: float | None) -> str:
    if ratio is None or target is None:
        return "muted"
    if ratio >= target:
        return "good"
    return "bad" if high is not None and high < target else "watch"


def answer_times(words: Words, buckets: Sequence[Row], sla: float | None) -> Panel:
    """Leads of the period by how long they waited for the first answer."""
    counted: dict[int | None, int] = {}
    unanswered = 0
    for row in buckets:
        if row["bucket"] is None and not row["is_answered"]:
            unanswered += row["leads"]
        elif row["bucket"] is not None:
            counted[row["bucket"]] = counted.get(row["bucket"], 0) + row["leads"]
        else:
            counted[None] = counted.get(None, 0) + row["leads"]
    edges = [words.say("up_to", time=words.short_minutes(edge)) for edge in RESPONSE_EDGES]
    edges.append(words.say("longer_than", time=words.short_minutes(RESPONSE_EDGES[-1])))
    rows = [
        {
            "bucket": label,
            "in_time": counted.get(number, 0) if _is_within(number, sla) else 0,
            "late": 0 if _is_within(number, sla) else counted.get(number, 0),
        }
        for number, label in enumerate(edges)
    ]
    if None in counted:
        rows.append({"bucket": words.say("day_only"), "in_time": 0, "late": counted[None]})
    rows.append({"bucket": words.say("no_answer"), "in_time": 0, "late": unanswered})
    total = unanswered + sum(counted.values())
    return Panel(
        id="answer_times",
        by_source=True,
        slug="lead_response_time",
        title=words.say("answer_question"),
        subtitle=words.say("business_time"),
        columns=(
            Column("bucket", words.say("waiting_time")),
            Column("in_time", words.say("within_sla_series"), "count"),
            Column("late", words.say("later_series"), "count"),
        ),
        rows=tuple(rows) if total else (),
        picture=Plot(
            x="bucket",
            kind="count",
            stacked=True,
            series=(Series("in_time", "bar", "good"), Series("late", "bar", "muted")),
        ),
        empty=words.say("nothing_here"),
    )


def _is_within(bucket: int, sla: float | None) -> bool:
    return bucket < len(RESPONSE_EDGES) and sla is not None and sla >= RESPONSE_EDGES[bucket]


def coaching(
    view: View, words: Words, outline: Outline, by_metric: Mapping[str, Sequence[Row]], limit: int | None
) -> Panel:
    """Every rep's numbers of the period side by side; the best and the last when there is room for a few."""
    nothing = {name: None for names in BOARD.values() for name in names}  # a week, say, has no target
    found: dict[str, dict[str, Any]] = {}
    for slug, names in BOARD.items():
        for row in by_metric.get(slug, ()):
            entry = found.setdefault(row["rep_id"], {"rep_id": row["rep_id"], **nothing})
            entry.update({name: row[column] for name, column in names.items()})
    rows = []
    for rep_id, entry in found.items():
        rep = outline.reps.get(rep_id)
        if rep is None or rep_id == "unassigned" or not _did_something(entry, rep.is_active):
            continue
        rows.append(
            {
                **entry,
                "rep": rep.name,
                "team": outline.teams.get(rep.team_id, rep.team_id),
                "tone": _TONE_OF_STATUS.get(str(entry.get("status")), "muted"),
            }
        )
    rows.sort(key=lambda row: (row.get("attainment") is None, -(row.get("attainment") or 0), row["rep"]))
    shown = rows
    if limit is not None and len(rows) > limit:
        measured = [row for row in rows if row.get("attainment") is not None]
        ranked = measured if len(measured) >= limit else rows
        shown = [*ranked[: limit // 2], *ranked[-(limit - limit // 2) :]]
    shown = [{**row, "href": view.href("rep", row["rep_id"])} for row in shown]
    columns = (
        Column("rep", words.say("rep")),
        *((Column("team", words.say("team")),) if limit is None else ()),
        Column("attainment", words.say("attainment"), "ratio"),
        Column("closed", words.say("closed_sales"), "money"),
        Column("response", words.say("response"), "minutes"),
        Column("follow_ups", words.say("follow_ups_per_lead"), "number"),
        Column("workload", words.say("open_leads"), "count"),
    )
    picture = (
        Board(href="href", bar="attainment", tones={"attainment": "tone"})
        if limit is None
        else Bars(bar="attainment", href="href", tone="tone", mark="expected")
    )
    return Panel(
        id="coaching",
        slug="target_attainment",
        title=words.say("coaching_question"),
        subtitle=words.say("best_and_last", shown=len(shown), all=len(rows))
        if len(shown) < len(rows)
        else words.say("all_reps"),
        columns=columns,
        rows=tuple(shown),
        picture=picture,
        empty=words.say("nothing_here"),
        wide=True,
    )


def _did_something(entry: Mapping[str, Any], is_active: bool) -> bool:
    """A rep who left and has no number in the period is no one to coach."""
    return is_active or any(entry.get(name) for name in ("closed", "workload", "attainment"))


BOARD = {
    "target_attainment": {"attainment": "attainment_ratio", "status": "status", "expected": "elapsed_ratio"},
    "closed_sales": {"closed": "closed_amount"},
    "lead_response_time": {"response": "median_business_response_minutes"},
    "number_of_follow_ups": {"follow_ups": "follow_ups_per_contacted_lead"},
    "number_of_leads": {"workload": "workload_leads"},
}
"""Columns of the board: metric -> name on the board -> published column."""
_TONE_OF_STATUS = {"reached": "good", "on_track": "good", "at_risk": "watch", "behind": "bad"}


def _named(words: Words, value: str) -> str:
    """A breakdown value as people read it: `unknown` in their language."""
    return words.say("unknown") if value == "unknown" else value


def newest_ripened(history: Sequence[Row], until: date) -> Row | None:
    """The newest cohort, up to a day, whose leads had time to decide."""
    ripened = [row for row in history if row["is_mature"] and row["period_start"] <= until]
    return ripened[-1] if ripened else None
