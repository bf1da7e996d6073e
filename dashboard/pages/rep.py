"""A rep's own page: the seven numbers beside the team's and the target. Made to be sent to the rep.

Belongs here: which rows make it. Does not belong here: SQL, words, looks.
"""

from __future__ import annotations

from dash import html

from dashboard import data
from dashboard.pages import overview as overview_page
from dashboard.pages.page import Page, Source
from dashboard.ui import parts
from dashboard.viewmodel import overview


def build(source: Source) -> Page:
    words = source.words
    found = data.signals(source.release, source.view)
    told = overview.sentences(source.view, words, found)
    made = (overview_page.sales_against_target(source), overview_page.answer_times(source))
    return Page(
        title=source.outline.reps[source.view.path[1]].name,
        panels=made,
        body=lambda draw: [
            html.H1(source.subject()),
            html.Div(overview_page.seven(source), className="groups"),
            html.Div(
                [
                    parts.attention(told, words, of=len(found), all_href=""),
                    *[draw(panel) for panel in made],
                ],
                className="panels",
            ),
        ],
    )
