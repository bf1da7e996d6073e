"""1. Too few leads for the team, or too many for its capacity? Season or trend? Qualified well?

Belongs here: which published columns answer that. Does not belong here: SQL, formulas, looks.
"""

from __future__ import annotations

from dashboard.pages.metrics import rows
from dashboard.pages.page import Source
from dashboard.viewmodel import overview, tables
from dashboard.viewmodel.parts import Panel
from dashboard.viewmodel.tables import Drawn, Shown

SLUG = "number_of_leads"
SHOWN = (Shown("leads"), Shown("qualification_ratio", "ratio"), Shown("open_leads"))


def panels(source: Source) -> tuple[Panel, ...]:
    words, view = source.words, source.view
    history = rows.history(source, SLUG)
    return (
        overview.season_or_trend(view, words, history, periods=tables.PERIODS_SHOWN[view.period.type]),
        tables.trend(
            words,
            view,
            history,
            (
                Drawn.line("workload_leads_per_rep"),
                Drawn.line("capacity_leads_per_rep", "target", dashed=True),
            ),
            id="capacity",
            slug=SLUG,
            kind="number",
            hint=words.say("capacity_hint"),
            also=(Shown("workload_leads"), Shown("active_reps"), Shown("workload_ratio", "ratio")),
        ),
        *rows.teams(source, SLUG, SHOWN),
        *rows.dimensions(source, SLUG, ("source",), SHOWN),
        *rows.reps(
            source,
            SLUG,
            (Shown("workload_leads"), Shown("leads"), Shown("qualification_ratio", "ratio")),
            mark="capacity_leads_per_rep",
            hint=words.say("workload_hint"),
        ),
        *rows.dimensions(source, SLUG, ("industry", "campaign"), SHOWN),
        tables.trend(
            words,
            view,
            history,
            (Drawn.line("qualification_ratio"),),
            id="qualification",
            slug=SLUG,
            kind="ratio",
            also=(Shown("qualified_leads"), Shown("disqualified_leads")),
        ),
    )
