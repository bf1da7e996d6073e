"""The rows of a panel as a table: with bars in its cells, plain, or as a grid that sorts and filters.

Belongs here: what `Bars`, a `Table` and a `Board` become, and the table beneath a chart. Does not belong
here: charts (`charts.py`).

What HTML can draw is drawn by HTML: bars are cells of a real table, so that a screen reader reads the same
numbers, a print shows them, and nothing has to be computed in the browser.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from html import escape
from typing import Any

import dash_ag_grid as dag
from dash import dcc, html

from dashboard.ui.looks import COLOURS, RIGHT, style_of, text_of
from dashboard.viewmodel.parts import Bars, Board, Column, Panel
from dashboard.words import Words

ROWS_OF_A_TABLE = 60
"""Longer tables are sorted and searched in a grid that draws what is in sight."""


def bars(item: Panel, picture: Bars, words: Words) -> Any:
    drawn = (picture.bar, picture.inner, picture.mark)
    tallest = max(
        (float(row[key]) for row in item.rows for key in drawn if key and row.get(key) is not None),
        default=0.0,
    )
    shown = [column for column in item.columns if column.key not in picture.hidden]
    head = html.Tr(
        [
            html.Th(column.label, scope="col", className="right" if column.kind in RIGHT else None)
            for column in shown
        ]
    )
    body = []
    for row in item.rows:
        cells: list[Any] = []
        for number, column in enumerate(shown):
            text = text_of(row, column, words)
            if number == 0:
                link = row.get(picture.href) if picture.href else None
                cells.append(html.Th(dcc.Link(text, href=link) if link else text, scope="row"))
            elif column.key == picture.bar:
                cells.append(html.Td(_bar(row, picture, tallest, text, words, item), className="bar-cell"))
            else:
                cells.append(html.Td(text, className="right" if column.kind in RIGHT else None))
        body.append(html.Tr(cells))
    return html.Div(
        html.Table([html.Thead(head), html.Tbody(body)], className="bars"), className="scroll", tabIndex=0
    )


def _bar(row: Mapping[str, Any], picture: Bars, tallest: float, text: str, words: Words, item: Panel) -> Any:
    def share(key: str | None) -> float | None:
        value = row.get(key) if key else None
        if value is None or tallest <= 0:
            return None
        return min(max(100 * float(value) / tallest, 0.0), 100.0)

    def told(key: str | None) -> str:
        if not key or row.get(key) is None or key not in {column.key for column in item.columns}:
            return ""
        column = item.column(key)
        return f"{column.label}: {text_of(row, column, words)}"

    tone = COLOURS[str(row.get(picture.tone) or "main") if picture.tone else "main"]
    layers: list[tuple[str, float, str, str]] = []
    """(colour, left in percent, width, height) from the top down."""
    if (left := share(picture.mark)) is not None:
        layers.append(("var(--z-text)", left, "2px", "100%"))
    low, high = share(picture.low), share(picture.high)
    if low is not None and high is not None:  # a wide one ends at the edge: its figures are in the hint
        wide = max(high - low, 0.5)
        layers.append(("var(--z-line-strong)", 100 * low / max(100 - wide, 0.01), f"{wide:.2f}%", "2px"))
    if width := share(picture.inner):
        layers.append(("var(--z-second)", 0, f"{width:.2f}%", "5px"))
    if width := share(picture.bar):
        layers.append((tone, 0, f"{width:.2f}%", "100%"))
    track = {
        "backgroundImage": ",".join(f"linear-gradient({colour},{colour})" for colour, *_ in layers),
        "backgroundPosition": ",".join(f"{left:.2f}% 50%" for _, left, *_ in layers),
        "backgroundSize": ",".join(f"{width} {height}" for *_, width, height in layers),
    }
    hint = " · ".join(filter(None, map(told, (picture.inner, picture.low, picture.high, picture.mark))))
    return html.Div(
        [
            html.Span(
                className="track",
                title=hint or None,
                style=track if layers else None,
                **{"aria-hidden": "true"},
            ),
            html.Span(text, className="bar-value"),
        ],
        className="bar",
    )


def plain(item: Panel, words: Words) -> Any:
    shown = item.rows[:ROWS_OF_A_TABLE] if len(item.rows) > 2 * ROWS_OF_A_TABLE else item.rows
    return html.Div(
        html.Table(
            [
                html.Thead(
                    html.Tr(
                        [
                            html.Th(
                                column.label, scope="col", className="right" if column.kind in RIGHT else None
                            )
                            for column in item.columns
                        ]
                    )
                ),
                html.Tbody(
                    [
                        html.Tr(
                            [
                                html.Td(
                                    text_of(row, column, words),
                                    className="right" if column.kind in RIGHT else None,
                                )
                                for column in item.columns
                            ]
                        )
                        for row in shown
                    ]
                ),
            ],
            className="plain",
        ),
        className="scroll",
        tabIndex=0,
    )


def board(item: Panel, picture: Board, words: Words) -> Any:
    """A grid that sorts, filters and draws only what is in sight: 500 reps are no more work than 20."""
    columns: list[dict[str, Any]] = []
    for number, column in enumerate(item.columns):
        if column.key in picture.hidden:
            continue
        definition: dict[str, Any] = {
            "field": column.key,
            "headerName": column.label,
            "sortable": True,
            "filter": column.kind == "text",
            "minWidth": 150 if number == 0 else 110,
            "flex": 2 if number == 0 else 1,
        }
        if column.kind in RIGHT:
            definition |= {
                "type": "rightAligned",
                "valueFormatter": {
                    "function": f"zevenCell(params, {json.dumps(style_of(column.kind, words))})"
                },
            }
        if number == 0 and picture.href:
            definition["cellRenderer"] = "ZevenLink"
            definition["cellRendererParams"] = {"address": picture.href}
        if column.key in picture.tones:
            tone = picture.tones[column.key]
            definition["cellClassRules"] = {
                f"tone-{name}": f"params.data['{tone}'] === '{name}'" for name in ("good", "watch", "bad")
            }
        columns.append(definition)
    keys = {column.key for column in item.columns} | set(picture.tones.values()) | ({picture.href} - {None})
    rows = [{key: _cell(row.get(str(key))) for key in keys} for row in item.rows]
    return dag.AgGrid(
        id={"kind": "board", "panel": item.id},
        columnDefs=columns,
        rowData=rows,
        columnSize=None,
        className="zeven-grid",
        style={"height": f"{min(32 * len(rows) + 48, 620)}px"},
        dashGridOptions={
            "animateRows": False,
            "rowHeight": 32,
            "headerHeight": 36,
            "ensureDomOrder": True,
        },
    )


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    return value.isoformat() if isinstance(value, date) else float(value)


def rows_as_table(item: Panel, words: Words) -> str:
    """The rows of a panel as a table for the page, for `_fill` of the browser's part."""

    def cell(tag: str, text: str, column: Column) -> str:
        side = ' class="right"' if column.kind in RIGHT else ""
        scope = ' scope="col"' if tag == "th" else ""
        return f"<{tag}{scope}{side}>{escape(text)}</{tag}>"

    head = "".join(cell("th", column.label, column) for column in item.columns)
    body = "".join(
        f"<tr>{''.join(cell('td', text_of(row, column, words), column) for column in item.columns)}</tr>"
        for row in item.rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table class="plain"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
