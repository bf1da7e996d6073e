"""6. Where will revenue come from, and is it enough to close the gap to 100 %?

Belongs here: which published columns answer that. Does not belong here: SQL, formulas, looks.
"""

from __future__ import annotations

from dashboard import data
from dashboard.pages.metrics import rows
from dashboard.pages.page import Source
from dashboard.viewmodel import overview, pipeline, tables
from dashboard.viewmodel.parts import Panel
from dashboard.viewmodel.tables import Drawn, Shown

SLUG = "open_pipeline"
SHOWN = (Shown("open_amount", "money"), Shown("open_opportunities"), Shown("weighted_amount", "money"))
HEALTH = (
    Shown("open_amount", "money"),
    Shown("open_opportunities"),
    Shown("mean_age_days", "days"),
    Shown("stale_opportunities"),
    Shown("overdue_opportunities"),
)
DEALS_SHOWN = 12


def panels(source: Source) -> tuple[Panel, ...]:
    words, view, release = source.words, source.view, source.release
    attainment = data.total(release, "target_attainment", view)
    history = rows.history(source, SLUG)
    now = next((row for row in history if row["period_start"] == view.period.start), None)
    return (
        overview.pipeline_by_stage(words, data.by_value(release, SLUG, view, "stage"), attainment),
        pipeline.movement(words, now),
        pipeline.by_close_month(
            words, data.by_value(release, SLUG, view, "expected_close_month"), view.period
        ),
        pipeline.ages(words, data.age_of_open_deals(release, view, pipeline.AGE_EDGES)),
        pipeline.health(words, data.by_value(release, SLUG, view, "stage")),
        pipeline.overdue(words, source.outline, view, data.overdue_deals(release, view, DEALS_SHOWN)),
        tables.trend(
            words,
            view,
            history,
            (Drawn.bar("open_amount"), Drawn.line("weighted_amount", "second")),
            slug=SLUG,
            kind="money",
            also=(Shown("open_opportunities"), Shown("stale_opportunities"), Shown("overdue_opportunities")),
        ),
        *rows.teams(source, SLUG, HEALTH),
        *rows.reps(source, SLUG, HEALTH),
        *rows.dimensions(source, SLUG, ("source", "industry", "product"), SHOWN, inner="weighted_amount"),
    )
