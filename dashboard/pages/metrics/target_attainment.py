"""5. Where does every rep stand against target, today, like a clock; will it be reached at this pace?

Belongs here: which published columns answer that. Does not belong here: SQL, formulas, looks.
"""

from __future__ import annotations

from dashboard import data
from dashboard.pages import overview as overview_page
from dashboard.pages.metrics import rows
from dashboard.pages.page import Source
from dashboard.viewmodel import tables
from dashboard.viewmodel.parts import Panel
from dashboard.viewmodel.tables import Drawn, Shown

SLUG = "target_attainment"
SHOWN = (
    Shown("attainment_ratio", "ratio"),
    Shown("closed_amount", "money"),
    Shown("target_amount", "money"),
    Shown("projected_attainment_ratio", "ratio"),
    Shown("required_per_working_day", "money"),
    Shown("coverage_ratio", "number"),
)
TONES = {"reached": "good", "on_track": "good", "at_risk": "watch", "behind": "bad"}


def panels(source: Source) -> tuple[Panel, ...]:
    words, view = source.words, source.view
    return (
        overview_page.sales_against_target(source),
        tables.trend(
            words,
            view,
            data.history(source.release, SLUG, view),
            (Drawn.bar("closed_amount"), Drawn.line("target_amount", "target")),
            slug=SLUG,
            kind="money",
            also=(Shown("attainment_ratio", "ratio"), Shown("gap_amount", "money")),
        ),
        *_members(source),
    )


def _members(source: Source) -> tuple[Panel, ...]:
    """The board: every team and every rep, the clock's hand (share of the working days gone) as the mark."""
    from dataclasses import replace

    plain = replace(source, view=replace(source.view, source=None))
    hint = source.words.say("clock_hint")
    return (
        *rows.teams(plain, SLUG, SHOWN[:5], mark="elapsed_ratio", tone=TONES),
        *rows.reps(plain, SLUG, SHOWN, mark="elapsed_ratio", tone=TONES, hint=hint),
    )
