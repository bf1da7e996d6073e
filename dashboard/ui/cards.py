"""Cards and findings as Dash components: the first things that a page shows.

Belongs here: how a `Card` and a `Sentence` look. Does not belong here: what they say, or panels
(`panels.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.viewmodel.parts import Card, Delta, Sentence, Spark
from dashboard.words import Words

SIGNS = {"good": "✓", "watch": "!", "bad": "✕"}
ARROWS = {"up": "▲", "down": "▼", "flat": "■"}


def card(item: Card, words: Words) -> Any:
    return html.Article(
        [
            html.Div(
                [
                    html.H3(
                        dcc.Link(item.name, href=item.href, className="card-link") if item.href else item.name
                    ),
                    definition(item.definition, words),
                ],
                className="card-head",
            ),
            html.Div(item.value, className="card-value"),
            html.Div(
                [
                    html.Div([_delta(delta) for delta in item.deltas]),
                    _badge(item.status, item.status_text),
                ],
                className="card-deltas",
            ),
            _sparks(item.sparks),
            html.Div([html.Div(item.target), html.Div(item.detail)], className="card-small"),
        ],
        className=f"card status-{item.status or 'none'}",
        id=f"card-{item.slug}",
    )


def _sparks(sparks: Sequence[Spark]) -> Any:
    """The last periods as one picture: a mask in the page's own colour, so that it follows the scheme.

    The running period is hatched, the earlier ones are paler than the last.
    """
    width = 100 / max(len(sparks), 1)
    drawn = []
    for place, spark in enumerate(sparks):
        if spark.share is None:
            continue
        height = max(100 * spark.share, 3)
        fill = "url(#h)" if spark.is_running else "#000"
        opacity = "" if place == len(sparks) - 1 else " fill-opacity='.5'"
        drawn.append(
            f"<rect x='{place * width:.2f}' y='{100 - height:.1f}' width='{width * 0.84:.2f}' "
            f"height='{height:.1f}' fill='{fill}'{opacity}/>"
        )
    picture = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 100 100' preserveAspectRatio='none'>"
        "<pattern id='h' width='2' height='9' patternUnits='userSpaceOnUse'>"
        "<path d='M0 0h2v5H0z' fill='#000'/><path d='M0 5h2v4H0z' fill='#000' fill-opacity='.35'/></pattern>"
        f"{''.join(drawn)}</svg>"
    )
    told = "; ".join(spark.title for spark in sparks)
    mask = f'url("data:image/svg+xml,{quote(picture)}")'
    return html.Div(
        className="sparks",
        role="img",
        title=told,
        style={"maskImage": mask, "WebkitMaskImage": mask},
        **{"aria-label": told},
    )


def _badge(status: str | None, text: str) -> Any:
    if status is None:
        return html.Span(text, className="badge none")
    return html.Span(
        [html.Span(SIGNS[status], className="sign", **{"aria-hidden": "true"}), text],
        className=f"badge {status}",
    )


def _delta(delta: Delta) -> Any:
    return html.Div(
        [
            html.Span(
                [html.Span(ARROWS[delta.arrow], className="arrow", **{"aria-hidden": "true"}), delta.text],
                className=f"change {delta.tone or 'plain'}",
            ),
            html.Span(delta.against, className="against"),
        ],
        className="delta",
    )


def definition(text: str, words: Words) -> Any:
    """A question mark that tells what a number means: on hover, on focus, and to a screen reader."""
    return dmc.Tooltip(
        html.Button(
            "i", type="button", className="info", **{"aria-label": words.say("definition", text=text)}
        ),
        label=text,
        multiline=True,
        w=280,
        events={"hover": True, "focus": True, "touch": True},
        withArrow=True,
        boxWrapperProps={"component": "span", "className": "info-place"},
    )


def attention(items: Sequence[Sentence], words: Words, *, of: int, all_href: str) -> Any:
    """Findings, most urgent first; `of` is how many there are, which `all_href` shows."""
    title = html.H2(words.say("attention"))
    if not items:
        return html.Section(
            [title, html.P(words.say("attention_none"), className="empty")], className="panel attention"
        )
    more = dcc.Link(words.say("attention_all", number=words.count(of)), href=all_href, className="more")
    return html.Section(
        [
            html.Div([title, more if of > len(items) else None], className="panel-head"),
            html.Ul([finding(item) for item in items], className="findings"),
        ],
        className="panel attention",
        id="attention",
    )


def finding(item: Sentence) -> Any:
    return html.Li(
        [
            html.Span(item.severity_text, className=f"severity {item.severity}"),
            dcc.Link(item.text, href=item.href) if item.href else html.Span(item.text),
        ]
    )
