"""Conversion by cohort: ripe ones and young ones told apart, and the way from lead to customer.

Belongs here: panels of cohorts. Does not belong here: the ratios, which are published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.view import View
from dashboard.viewmodel.parts import Bars, Column, Panel, Plot, Series
from dashboard.viewmodel.tables import PERIODS_SHOWN
from dashboard.words import Words

Row = Mapping[str, Any]


def over_time(words: Words, view: View, history: Sequence[Row]) -> Panel:
    """Each cohort's ratio, the young ones grey, beside the ratio at equal age and the target."""
    shown = history[-PERIODS_SHOWN[view.period.type] :]
    return Panel(
        id="cohorts",
        by_source=True,
        slug="conversion_ratio",
        title=words.say("cohorts_question"),
        subtitle=words.say("cohorts_hint"),
        columns=(
            Column("period", words.say("period")),
            Column("ripe", words.say("ripe"), "ratio"),
            Column("young", words.say("young"), "ratio"),
            Column("conversion_ratio_90_days", words.heading("conversion_ratio_90_days"), "ratio"),
            Column("target_ratio", words.heading("target_ratio"), "ratio"),
            Column("leads", words.heading("leads"), "count"),
            Column("customers", words.heading("customers"), "count"),
        ),
        rows=tuple(
            {
                "period_start": row["period_start"],
                "period": words.short_period(view.period.type, row["period_start"]),
                "ripe": row["conversion_ratio"] if row["is_mature"] else None,
                "young": None if row["is_mature"] else row["conversion_ratio"],
                **{
                    column: row[column]
                    for column in ("conversion_ratio_90_days", "target_ratio", "leads", "customers")
                },
            }
            for row in shown
        ),
        picture=Plot(
            "period",
            (
                Series("ripe", "bar", "main"),
                Series("young", "bar", "muted"),
                Series("conversion_ratio_90_days", "line", "second"),
                Series("target_ratio", "line", "target", dashed=True),
            ),
            "ratio",
            stacked=True,
        ),
        empty=words.say("nothing_here"),
    )


def funnel(words: Words, row: Row | None, hint: str) -> Panel:
    """How many leads of a cohort became an opportunity, and how many a customer."""
    steps: tuple[Row, ...] = ()
    if row is not None:
        steps = (
            {"step": words.heading("leads"), "leads": row["leads"], "ratio": None},
            {
                "step": words.heading("opportunity_leads"),
                "leads": row["opportunity_leads"],
                "ratio": row["lead_to_opportunity_ratio"],
            },
            {
                "step": words.heading("customers"),
                "leads": row["customers"],
                "ratio": row["opportunity_to_customer_ratio"],
            },
        )
    return Panel(
        id="funnel",
        slug="conversion_ratio",
        title=words.say("funnel_question"),
        subtitle=hint,
        columns=(
            Column("step", words.say("step")),
            Column("leads", words.heading("leads"), "count"),
            Column("ratio", words.say("of_step_before"), "ratio"),
        ),
        rows=steps,
        picture=Bars(bar="leads"),
        empty=words.say("nothing_here"),
    )
