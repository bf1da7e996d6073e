"""The overview: the seven cards, what needs attention, and six questions answered, on one screen.

Belongs here: which rows make which panel, and the order of the page. Does not belong here: SQL, words, looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from dash import html

from dashboard import data
from dashboard.pages.page import Page, Source
from dashboard.ui import cards as drawn
from dashboard.view import Period
from dashboard.viewmodel import cards, overview
from dashboard.viewmodel.parts import Card, Panel

GROUPS: Mapping[str, tuple[str, ...]] = {
    "group_inflow": ("number_of_leads", "lead_response_time"),
    "group_effect": ("number_of_follow_ups", "conversion_ratio"),
    "group_result": ("target_attainment", "open_pipeline", "closed_sales"),
}
LAST_GROUP = "group_result"
"""Where a metric of the catalog comes that stands in no group."""
SIGNALS_SHOWN = 3
REPS_SHOWN = 8
TALL, LOW = 188, 152
"""Pixels of the charts of the upper and the lower row: with these the page fills 1440 x 900 unscrolled."""


def made_cards(source: Source) -> tuple[Card, ...]:
    """The seven cards of the view."""
    release, view, words = source.release, source.view, source.words
    own = {
        slug: data.history(release, slug, view)
        if view.source is None or slug in cards.WITHOUT_SOURCE
        else data.history(release, slug, view, "source", view.source)
        for slug in source.catalog
    }
    made = cards.cards(view, words, source.catalog, data.scorecard(release, view), own)
    return made if source.may_roam else tuple(replace(card, href="") for card in made)


def seven(source: Source) -> tuple[Any, ...]:
    """The seven cards of the view, grouped, in their order."""
    words, made = source.words, made_cards(source)
    group_of = {slug: group for group, slugs in GROUPS.items() for slug in slugs}
    grouped = {
        group: [card for card in made if group_of.get(card.slug, LAST_GROUP) == group] for group in GROUPS
    }
    return tuple(
        html.Section(
            [
                html.H2(words.say(group), className="group-name"),
                html.Div([drawn.card(card, words) for card in grouped[group]], className="cards"),
            ],
            className="group",
            style={"flexGrow": len(grouped[group])},
        )
        for group in GROUPS
    )


def panels(source: Source) -> tuple[Panel, ...]:
    release, view, words = source.release, source.view, source.words
    attainment = data.total(release, "target_attainment", view)
    return (
        sales_against_target(source),
        overview.pipeline_by_stage(words, data.by_value(release, "open_pipeline", view, "stage"), attainment),
        sources(source),
        overview.coaching(
            view,
            words,
            source.outline,
            {
                slug: data.members(release, slug, view, "rep", columns=tuple(names.values()))
                for slug, names in overview.BOARD.items()
            },
            REPS_SHOWN,
        ),
        overview.season_or_trend(
            view,
            words,
            data.history(
                release,
                "number_of_leads",
                view,
                "source" if view.source else "total",
                view.source or "total",
            ),
        ),
        answer_times(source),
    )


def sales_against_target(source: Source) -> Panel:
    """Of all sources, whatever the view's: a target is not set by source, nor may what is held against it."""
    release, view = source.release, replace(source.view, source=None)
    attainment = data.total(release, "target_attainment", view)
    before = cards.year_before(view.period)
    length = view.period.end - view.period.start
    return overview.will_we_make_it(
        view,
        source.words,
        attainment,
        data.closed_by_day(release, view, view.period.start, view.period.end),
        data.closed_by_day(release, view, before, before + length + timedelta(days=1)),
        data.working_days(release, view.period.start, view.period.end),
        release.today,
    )


def sources(source: Source) -> Panel:
    release, view = source.release, source.view
    ripened = overview.newest_ripened(data.history(release, "conversion_ratio", view), view.period.start)
    cohort = (
        Period(view.period.type, ripened["period_start"], ripened["period_end"], True) if ripened else None
    )
    return overview.sources(
        source.words,
        data.by_value(release, "number_of_leads", view, "source"),
        data.by_value(release, "conversion_ratio", view, "source", cohort.start) if cohort else (),
        cohort,
    )


def answer_times(source: Source) -> Panel:
    release, view = source.release, source.view
    sla = next(
        (
            row["target_value"]
            for row in reversed(data.scorecard(release, view))
            if row["kpi"] == "lead_response_time"
        ),
        None,
    )
    return overview.answer_times(
        source.words,
        data.response_buckets(release, view, overview.RESPONSE_EDGES, view.period.start, view.period.end),
        sla,
    )


def build(source: Source) -> Page:
    view, words = source.view, source.words
    found = data.signals(source.release, view)
    told = overview.sentences(view, words, overview.most_telling(found, SIGNALS_SHOWN))
    made = panels(source)
    return Page(
        title=words.say("overview"),
        panels=made,
        body=lambda draw: [
            html.H1(source.subject(), className="unseen"),
            html.Div(seven(source), className="groups"),
            html.Div(
                [
                    drawn.attention(told, words, of=len(found), all_href=view.href("findings")),
                    *[draw(panel, TALL if panel is made[0] else LOW) for panel in made],
                ],
                className="panels",
            ),
        ],
    )
