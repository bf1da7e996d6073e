"""4. Which share of leads becomes a customer, how does it move, and which sources pay?

Belongs here: which published columns answer that. Does not belong here: SQL, formulas, looks.

The bars are cohorts: leads by the period they came in. A young one is not finished, so what compares sources,
channels and reps is the newest that had time to decide.
"""

from __future__ import annotations

from dataclasses import replace

from dashboard import data
from dashboard.pages import overview as overview_page
from dashboard.pages.metrics import rows
from dashboard.pages.page import Source
from dashboard.view import Period
from dashboard.viewmodel import cohorts, overview
from dashboard.viewmodel.parts import Panel
from dashboard.viewmodel.tables import Shown

SLUG = "conversion_ratio"
SHOWN = (Shown("conversion_ratio", "ratio"), Shown("customers"), Shown("leads"))
INTERVAL = ("conversion_ratio_low", "conversion_ratio_high")


def panels(source: Source) -> tuple[Panel, ...]:
    words, view = source.words, source.view
    history = rows.history(source, SLUG)
    ripened = overview.newest_ripened(data.history(source.release, SLUG, view), view.period.start)
    over_time = cohorts.over_time(words, view, history)
    if ripened is None:
        return (over_time,)
    cohort = Period(view.period.type, ripened["period_start"], ripened["period_end"], True)
    then = replace(source, view=replace(view, period=cohort))
    hint = words.say("of_cohort", period=words.period(cohort))
    compare = {"hint": hint, "interval": INTERVAL, "sort_by": INTERVAL[0], "mark": "target_ratio"}
    return (
        over_time,
        cohorts.funnel(words, data.total(source.release, SLUG, then.view), hint),
        overview_page.sources(source),
        *rows.dimensions(then, SLUG, ("channel", "industry", "campaign"), SHOWN, **compare),
        *(
            replace(panel, columns=panel.columns)
            for panel in rows.reps(
                then, SLUG, (*SHOWN, Shown("median_days_to_customer", "days")), hint=hint, mark="target_ratio"
            )
        ),
        *rows.teams(then, SLUG, SHOWN, mark="target_ratio"),
    )
