"""The page of a metric that has no module of its own: its headline through time, by team and by rep.

Belongs here: what holds for every metric. Does not belong here: anything of one metric.
"""

from __future__ import annotations

from dashboard.pages.metrics import rows
from dashboard.pages.page import Source
from dashboard.viewmodel import tables
from dashboard.viewmodel.parts import Panel
from dashboard.viewmodel.tables import Drawn, Shown
from dashboard.words import kind_of


def panels(source: Source) -> tuple[Panel, ...]:
    slug = source.view.path[1]
    metric = source.catalog[slug]
    headline = str(metric["headline_column"])
    kind = kind_of(metric)
    shown = (Shown(headline, kind),)
    return (
        tables.trend(
            source.words,
            source.view,
            rows.history(source, slug),
            (Drawn.bar(headline),),
            slug=slug,
            kind=kind,
        ),
        *rows.teams(source, slug, shown),
        *rows.reps(source, slug, shown),
    )
