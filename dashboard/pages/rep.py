"""A rep's own page: the seven numbers beside the team's and the target. Made to be sent to the rep.

Belongs here: which rows make it. Does not belong here: SQL, words, looks.
"""

from __future__ import annotations

from dataclasses import replace

from dash import html

from dashboard import data
from dashboard.pages import overview as overview_page
from dashboard.pages.page import Page, Source
from dashboard.ui.cards import attention
from dashboard.viewmodel import compare, overview, pipeline
from dashboard.viewmodel.parts import Panel

DEALS_SHOWN = 8
CHART_HEIGHT = 190


def panels(source: Source) -> tuple[Panel, ...]:
    release, view, words = source.release, source.view, source.words
    team = replace(view, level="team", rep_id=None)
    company = replace(view, level="company", rep_id=None, team_id=None)
    attainment = data.total(release, "target_attainment", view)
    return (
        overview_page.sales_against_target(source),
        compare.beside_the_team(
            words,
            source.catalog,
            view.period.start,
            data.scorecard(release, view),
            data.scorecard(release, team),
            data.scorecard(release, company),
        ),
        overview.pipeline_by_stage(words, data.by_value(release, "open_pipeline", view, "stage"), attainment),
        pipeline.overdue(words, source.outline, view, data.overdue_deals(release, view, DEALS_SHOWN)),
        overview_page.answer_times(source),
    )


def build(source: Source) -> Page:
    view, words = source.view, source.words
    found = data.signals(source.release, view)
    told = overview.sentences(view, words, found)
    if not source.may_roam:
        told = tuple(replace(sentence, href="") for sentence in told)
    made = panels(source)
    return Page(
        title=source.outline.reps[view.path[1]].name,
        panels=made,
        body=lambda draw: [
            html.H1(source.subject()),
            html.Div(overview_page.seven(source), className="groups"),
            html.Div(
                [
                    attention(told, words, of=len(found), all_href=""),
                    *[draw(panel, CHART_HEIGHT) for panel in made],
                ],
                className="panels three",
            ),
        ],
    )
