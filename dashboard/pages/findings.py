"""Every finding about the view's member, the most urgent first.

Belongs here: the page that the overview's findings lead to. Does not belong here: the findings, which are
published (`kpi_signals`).
"""

from __future__ import annotations

from dash import html

from dashboard import data
from dashboard.pages.page import Page, Source
from dashboard.ui.cards import finding
from dashboard.viewmodel import overview


def build(source: Source) -> Page:
    words = source.words
    found = overview.sentences(source.view, words, data.signals(source.release, source.view))
    return Page(
        title=words.say("attention"),
        panels=(),
        body=lambda _: [
            html.H1(f"{words.say('attention')} · {source.subject()}"),
            html.Ul([finding(item) for item in found], className="findings panel")
            if found
            else html.P(words.say("attention_none"), className="empty"),
        ],
    )
