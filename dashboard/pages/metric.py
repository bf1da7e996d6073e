"""One metric's page: its number, and the panels that answer its question.

Belongs here: which panels each metric has. Does not belong here: SQL, words, looks.
"""

from __future__ import annotations

from dash import html

from dashboard.pages import overview as overview_page
from dashboard.pages.page import Page, Source
from dashboard.viewmodel.parts import Panel


def build(source: Source) -> Page:
    words, slug = source.words, source.view.path[1]
    metric = source.catalog[slug]
    made: tuple[Panel, ...] = tuple(panel for panel in overview_page.panels(source) if panel.slug == slug)
    return Page(
        title=words.of_catalog(metric, "name"),
        panels=made,
        body=lambda draw: [
            html.H1(f"{words.of_catalog(metric, 'name')} · {source.subject()}"),
            html.P(words.of_catalog(metric, "question"), className="question"),
            html.Div([draw(panel, 320) for panel in made], className="panels two"),
        ],
    )
