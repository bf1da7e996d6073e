"""A panel: a question, its picture, its rows as a table and as CSV.

Belongs here: what stands around a picture, and which picture it is. Does not belong here: drawing it
(`charts.py`, `tables.py`), or what it says.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from dash import html

from dashboard.ui.cards import definition
from dashboard.ui.charts import legend, plot, waterfall
from dashboard.ui.looks import text_of
from dashboard.ui.tables import bars, board, plain
from dashboard.viewmodel.parts import Bars, Board, Panel, Plot, Table
from dashboard.words import Words


def panel(
    item: Panel, words: Words, *, about: str | None, csv: str, rows: str, height: int, note: str = ""
) -> Any:
    """A question, its picture, its rows as a table and as CSV.

    `about` is the metric's definition; `csv` and `rows` are where the rows are as a file and as a table.
    """
    head = html.Div(
        [
            html.Div(
                [
                    html.Div(
                        [html.H2(item.title), definition(about, words) if about else None],
                        className="panel-name",
                    ),
                    html.P(item.subtitle, className="subtitle"),
                ]
            ),
            html.A(
                words.say("download"),
                href=csv,
                download="",
                className="csv",
                **{"aria-label": words.say("download_label", title=item.title)},
            ),
        ],
        className="panel-head",
    )
    if not item.rows:
        body: list[Any] = [html.P(item.empty, className="empty")]
    elif isinstance(item.picture, Table):
        body = [plain(item, words)]
    elif isinstance(item.picture, Bars):
        body = [bars(item, item.picture, words)]
    elif isinstance(item.picture, Board):
        body = [board(item, item.picture, words)]
    else:
        picture = item.picture
        drawn = (
            plot(item, picture, words, height)
            if isinstance(picture, Plot)
            else waterfall(item, picture, words, height)
        )
        body = [
            html.Figure(
                [legend(item, picture), drawn, html.Figcaption(_summary(item, words), className="unseen")]
            ),
            # filled by the browser when it is opened: few readers do, and its cells were a third of a page
            html.Details(
                [html.Summary(words.say("show_table")), html.Div()], className="twin", **{"data-rows": rows}
            ),
        ]
    if note:
        body.append(html.P(note, className="note"))
    return html.Section(
        [head, *body], className="panel wide" if item.wide else "panel", id=f"panel-{item.id}"
    )


def _summary(item: Panel, words: Words) -> str:
    """What a chart shows, in a line: its newest row."""
    last = item.rows[-1]
    shown = [f"{column.label}: {text_of(last, column, words)}" for column in item.columns]
    return f"{item.title} {'; '.join(shown)}"


def rows_address(kind: str, path: str, query: str, panel_id: str, release_id: str) -> str:
    """Where the rows of a panel can be had as `csv` or as `table`: of the release that the page shows.

    A server decodes a path once before the view reads it: what stands for a `/` or `%` of an id is kept.
    """
    kept = path.rstrip("/").replace("%25", "%2525").replace("%2F", "%252F")
    return f"/{kind}{kept}?{query}&panel={quote(panel_id)}&release={quote(release_id)}"
