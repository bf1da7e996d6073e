"""A metric's page: its question, its card, and the panels that answer it.

Belongs here: the frame of the seven, and which module makes which. Does not belong here: panels
(`pages/metrics/`), SQL, words, looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from dash import html

from dashboard.pages import overview as overview_page
from dashboard.pages.metrics import (
    any_metric,
    closed_sales,
    conversion_ratio,
    lead_response_time,
    number_of_follow_ups,
    number_of_leads,
    open_pipeline,
    target_attainment,
)
from dashboard.pages.page import Page, Source
from dashboard.ui import cards as drawn
from dashboard.viewmodel.parts import Panel

PANELS: Mapping[str, Callable[[Source], tuple[Panel, ...]]] = {
    module.SLUG: module.panels
    for module in (
        number_of_leads,
        lead_response_time,
        number_of_follow_ups,
        conversion_ratio,
        target_attainment,
        open_pipeline,
        closed_sales,
    )
}
CHART_HEIGHT = 230


def _without_holes(panels: Sequence[Panel]) -> tuple[Panel, ...]:
    """The last panel that would stand beside nothing gets the whole row."""
    narrow = [panel.id for panel in panels if not panel.wide]
    if len(narrow) % 2 == 0:
        return tuple(panels)
    return tuple(replace(panel, wide=True) if panel.id == narrow[-1] else panel for panel in panels)


def build(source: Source) -> Page:
    words, slug = source.words, source.view.path[1]
    metric = source.catalog[slug]
    name = words.of_catalog(metric, "name")
    made = _without_holes(PANELS.get(slug, any_metric.panels)(source))
    card = next(card for card in overview_page.made_cards(source) if card.slug == slug)
    return Page(
        title=name,
        panels=made,
        body=lambda draw: [
            html.Div(
                [
                    drawn.card(card, words),
                    html.Div(
                        [
                            html.H1(f"{name} · {source.subject()}"),
                            html.P(words.of_catalog(metric, "question"), className="question"),
                            html.P(words.of_catalog(metric, "definition"), className="subtitle"),
                        ]
                    ),
                ],
                className="headline",
            ),
            html.Div([draw(panel, CHART_HEIGHT) for panel in made], className="panels two"),
        ],
    )
