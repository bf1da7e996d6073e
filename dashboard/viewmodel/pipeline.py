"""The open pipeline from its sides: how it moved, when it should close, how old and how healthy it is.

Belongs here: panels of the pipeline. Does not belong here: its amounts, which are published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.view import Outline, Period, View
from dashboard.viewmodel.parts import Bars, Column, Panel, Plot, Series, Waterfall
from dashboard.words import Words

Row = Mapping[str, Any]
AGE_EDGES = (30, 60, 90, 180, 365)
"""Days that part the bars of the age."""
MOVES = (
    ("opening_amount", 1, True),
    ("created_amount", 1, False),
    ("reopened_amount", 1, False),
    ("changed_amount", 1, False),
    ("won_amount", -1, False),
    ("lost_amount", -1, False),
    ("removed_amount", -1, False),
    ("open_amount", 1, True),
)
"""Published column, its sign in the balance, and whether it is a stock."""


def movement(words: Words, row: Row | None) -> Panel:
    """From what the period opened with to what it holds: the steps add up to the cent."""
    rows: tuple[Row, ...] = ()
    if row is not None and row["opening_amount"] is not None:
        rows = tuple(
            {
                "step": words.heading(column),
                "amount": sign * row[column],
                "is_total": is_total,
            }
            for column, sign, is_total in MOVES
            if is_total or row[column]
        )
    return Panel(
        id="movement",
        by_source=True,
        slug="open_pipeline",
        title=words.say("movement_question"),
        subtitle=words.say("movement_hint"),
        columns=(
            Column("step", words.say("step")),
            Column("amount", words.say("amount"), "money"),
        ),
        rows=rows,
        picture=Waterfall("step", "amount", "is_total"),
        empty=words.say("nothing_here"),
    )


def by_close_month(words: Words, found: Sequence[Row], period: Period) -> Panel:
    """When the open deals should close; what should have closed already comes first."""
    rows = []
    for row in sorted(found, key=lambda row: str(row["breakdown_value"])):
        value = str(row["breakdown_value"])
        rows.append(
            {
                "month": words.say("no_date") if value == "unknown" else words.month_of(value),
                "open_amount": row["open_amount"],
                "weighted_amount": row["weighted_amount"],
                "open_opportunities": row["open_opportunities"],
            }
        )
    return Panel(
        id="by_expected_close_month",
        slug="open_pipeline",
        title=words.say("close_month_question"),
        subtitle=words.say("close_month_hint"),
        columns=(
            Column("month", words.say("type_month")),
            Column("open_amount", words.heading("open_amount"), "money"),
            Column("weighted_amount", words.heading("weighted_amount"), "money"),
            Column("open_opportunities", words.heading("open_opportunities"), "count"),
        ),
        rows=tuple(rows),
        picture=Plot(
            "month",
            (Series("open_amount", "bar", "main"), Series("weighted_amount", "bar", "second")),
            "money",
        ),
        empty=words.say("no_open_deals"),
    )


def ages(words: Words, found: Sequence[Row]) -> Panel:
    """How long the open deals have been open, now."""
    by_bucket = {row["bucket"]: row for row in found}
    labels = [words.say("up_to", time=words.say("days_short", number=edge)) for edge in AGE_EDGES]
    labels.append(words.say("longer_than", time=words.say("days_short", number=AGE_EDGES[-1])))
    rows = tuple(
        {
            "age": label,
            "amount": by_bucket.get(number, {}).get("amount", 0),
            "deals": by_bucket.get(number, {}).get("deals", 0),
        }
        for number, label in enumerate(labels)
    )
    return Panel(
        id="ages",
        by_source=True,
        slug="open_pipeline",
        title=words.say("ages_question"),
        subtitle=words.say("as_it_is_now"),
        columns=(
            Column("age", words.say("age")),
            Column("amount", words.say("amount"), "money"),
            Column("deals", words.say("deals"), "count"),
        ),
        rows=rows if found else (),
        picture=Plot("age", (Series("amount", "bar", "main"),), "money"),
        empty=words.say("no_open_deals"),
    )


def health(words: Words, stages: Sequence[Row]) -> Panel:
    """Per stage: deals nobody spoke to for long, and deals that should have closed already."""
    columns = (
        Column("stage", words.say("stage")),
        Column("mean_age_days", words.heading("mean_age_days"), "days"),
        Column("open_opportunities", words.heading("open_opportunities"), "count"),
        Column("stale_opportunities", words.heading("stale_opportunities"), "count"),
        Column("overdue_opportunities", words.heading("overdue_opportunities"), "count"),
        Column("opportunities_without_amount", words.heading("opportunities_without_amount"), "count"),
    )
    return Panel(
        id="health",
        slug="open_pipeline",
        title=words.say("health_question"),
        columns=columns,
        rows=tuple(
            {
                "stage": words.say("unknown")
                if row["breakdown_value"] == "unknown"
                else row["breakdown_value"],
                **{column.key: row[column.key] for column in columns[1:]},
            }
            for row in stages
        ),
        picture=Bars(bar="mean_age_days"),
        empty=words.say("no_open_deals"),
    )


def overdue(words: Words, outline: Outline, view: View, deals: Sequence[Row]) -> Panel:
    """The largest open deals whose expected day of closing has passed."""
    return Panel(
        id="overdue",
        by_source=True,
        slug="open_pipeline",
        title=words.say("overdue_question"),
        subtitle=words.say("as_it_is_now"),
        columns=(
            Column("opportunity_id", words.say("deal")),
            Column("amount", words.say("amount"), "money"),
            Column("rep", words.say("rep")),
            Column("stage", words.say("stage")),
            Column("expected_close_on", words.say("expected"), "date"),
            Column("days_overdue", words.say("overdue"), "days"),
        ),
        rows=tuple(
            {
                **row,
                "rep": outline.reps[row["rep_id"]].name if row["rep_id"] in outline.reps else row["rep_id"],
            }
            for row in deals
        ),
        picture=Bars(bar="amount", hidden=("stage",) if view.rep_id is None else ("rep",)),
        empty=words.say("nothing_overdue"),
    )
