"""Cards, panels and their pictures as Dash components.

Belongs here: how a `Card`, a `Panel` and a `Sentence` look. Does not belong here: what they say. With
`ui/shell.py` the only place that imports the component libraries.

What HTML can draw is drawn by HTML: bars are cells of a real table, so that a screen reader reads the same
numbers, a print shows them, and nothing has to be computed in the browser. Charts over time are Mantine's;
each has its rows as a table beneath it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from typing import Any
from urllib.parse import quote

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.viewmodel.parts import (
    Bars,
    Board,
    Card,
    Column,
    Delta,
    Panel,
    Plot,
    Sentence,
    Spark,
    Table,
    Waterfall,
)
from dashboard.words import Words

ROWS_OF_A_TABLE = 60
"""Longer tables are sorted and searched in a grid that draws what is in sight."""
COLOURS = {
    "main": "var(--z-main)",
    "second": "var(--z-second)",
    "muted": "var(--z-muted)",
    "target": "var(--z-target)",
    "good": "var(--z-good-fill)",
    "watch": "var(--z-watch-fill)",
    "bad": "var(--z-bad-fill)",
}
SIGNS = {"good": "✓", "watch": "!", "bad": "✕"}
ARROWS = {"up": "▲", "down": "▼", "flat": "■"}
RIGHT = ("count", "number", "money", "ratio", "minutes", "days", "row")


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
        body = [_table(item, words)]
    elif isinstance(item.picture, Bars):
        body = [_bars(item, item.picture, words)]
    elif isinstance(item.picture, Board):
        body = [_board(item, item.picture, words)]
    else:
        picture = item.picture
        drawn = (
            _plot(item, picture, words, height)
            if isinstance(picture, Plot)
            else _waterfall(item, picture, words, height)
        )
        body = [
            html.Figure(
                [_legend(item, picture), drawn, html.Figcaption(_summary(item, words), className="unseen")]
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
    shown = [f"{column.label}: {_text(last, column, words)}" for column in item.columns]
    return f"{item.title} {'; '.join(shown)}"


def _legend(item: Panel, picture: Plot | Waterfall) -> Any:
    """Which colour is what: in HTML, where it keeps the page's type and never covers the chart."""
    if isinstance(picture, Waterfall) or len(picture.series) < 2:
        return None
    return html.Div(
        [
            html.Span(
                [
                    html.Span(
                        className=f"key {series.look}{' dashed' if series.dashed else ''}",
                        style={"color": COLOURS[series.tone]},
                    ),
                    item.column(series.key).label,
                ]
            )
            for series in picture.series
        ],
        className="legend",
        **{"aria-hidden": "true"},
    )


def _plot(item: Panel, picture: Plot, words: Words, height: int) -> Any:
    x = item.column(picture.x)
    labels = _axis_labels(item.rows, x, words)
    data = [
        {picture.x: label, **{item.column(s.key).label: _number(row.get(s.key)) for s in picture.series}}
        for label, row in zip(labels, item.rows, strict=True)
    ]
    style = _style(picture.kind, words)
    ticks = _ticks(item.rows, picture)
    common: dict[str, Any] = {
        "h": height,
        "data": data,
        "dataKey": picture.x,
        "withLegend": False,
        "valueFormatter": {"function": "zevenValue", "options": style},
        "yAxisProps": {
            "width": 72,
            "domain": [min(0, ticks[0]), ticks[-1]],
            "ticks": ticks,
            "tickFormatter": {"function": "zevenTick", "options": style},
            "allowDecimals": picture.kind in ("ratio", "number"),
        },
        "xAxisProps": {"interval": "preserveStartEnd", "minTickGap": 0 if len(data) <= 8 else 16},
        "gridAxis": "x",
        "tickLine": "none",
        "referenceLines": [
            {"y": value, "label": label, "color": COLOURS["target"]} for value, label in picture.lines
        ],
        "tooltipAnimationDuration": 0,
    }
    if all(series.look == "bar" for series in picture.series):
        return dmc.BarChart(
            series=[{"name": item.column(s.key).label, "color": COLOURS[s.tone]} for s in picture.series],
            type="stacked" if picture.stacked else "default",
            barProps={"isAnimationActive": False},
            **common,
        )
    return dmc.CompositeChart(
        series=[
            {
                "name": item.column(s.key).label,
                "color": COLOURS[s.tone],
                "type": s.look,
                **({"strokeDasharray": "4 4"} if s.dashed else {}),
            }
            for s in picture.series
        ],
        curveType="linear",
        withDots=False,
        strokeWidth=2,
        connectNulls=False,
        lineProps={"isAnimationActive": False},
        areaProps={"isAnimationActive": False},
        barProps={"isAnimationActive": False},
        maxBarWidth=28,
        # bars of which a period has one only stand in the same place
        composedChartProps={"barGap": "-100%"} if picture.stacked else {},
        **common,
    )


def _axis_labels(rows: Sequence[Mapping[str, Any]], column: Column, words: Words) -> list[str]:
    """Texts for the axis, each its own: a chart takes two equal ones for one place."""
    labels = []
    for row in rows:
        value = row[column.key]
        labels.append(words.short_day(value) if isinstance(value, date) else words.value(value, column.kind))
    seen: dict[str, int] = {}
    for number, label in enumerate(labels):
        seen[label] = seen.get(label, 0) + 1
        labels[number] = label + "\u200b" * (seen[label] - 1)
    return labels


def _ticks(rows: Sequence[Mapping[str, Any]], picture: Plot) -> list[float]:
    """Round values for the axis, from zero: at most six, the last one above all that is drawn."""
    heights = [0.0, *(value for value, _ in picture.lines)]
    for row in rows:
        drawn = {
            series: float(row[series.key]) for series in picture.series if row.get(series.key) is not None
        }
        heights += drawn.values()
        if picture.stacked:
            heights.append(sum(value for series, value in drawn.items() if series.look == "bar"))
    top = max(heights)
    if top <= 0:
        return [0, 1]
    rough = top / 4
    unit = 60 if picture.kind == "minutes" and rough > 30 else 1  # hours are counted in hours
    size = unit * 10 ** math.floor(math.log10(rough / unit))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough)
    if picture.kind == "count":
        step = max(math.ceil(step), 1)
    return [number * step for number in range(math.ceil(top / step) + 1)]


def _style(kind: str, words: Words) -> dict[str, Any]:
    return {
        "kind": kind,
        "locale": words.browser_locale,
        "currency": words.currency,
        "hour": words.say("hour_unit"),
    }


def _waterfall(item: Panel, picture: Waterfall, words: Words, height: int) -> Any:
    style = _style(item.column(picture.value).kind, words)
    label = item.column(picture.value).label
    data = []
    for place, row in enumerate(item.rows):
        value = _number(row[picture.value]) or 0
        tone = "main" if row[picture.is_total] else ("good" if value >= 0 else "bad")
        data.append(
            {
                "step": row[picture.label],
                label: value,
                "color": COLOURS[tone],
                # the chart adds up what stands before; the first total is where that starts
                **({"standalone": True} if row[picture.is_total] and place else {}),
            }
        )
    return dmc.BarChart(
        h=height,
        data=data,
        dataKey="step",
        type="waterfall",
        series=[{"name": label, "color": COLOURS["main"]}],
        valueFormatter={"function": "zevenValue", "options": style},
        yAxisProps={"width": 72, "tickFormatter": {"function": "zevenTick", "options": style}},
        xAxisProps={"interval": "preserveStartEnd", "minTickGap": 0},
        gridAxis="x",
        tickLine="none",
        barProps={"isAnimationActive": False},
        tooltipAnimationDuration=0,
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _bars(item: Panel, picture: Bars, words: Words) -> Any:
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
            text = _text(row, column, words)
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
        return f"{column.label}: {_text(row, column, words)}"

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


def _text(row: Mapping[str, Any], column: Column, words: Words) -> str:
    kind = str(row["kind"]) if column.kind == "row" else column.kind
    return words.value(row.get(column.key), kind)


def _table(item: Panel, words: Words) -> Any:
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
                                    _text(row, column, words),
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


def _board(item: Panel, picture: Board, words: Words) -> Any:
    """A grid that sorts, filters and draws only what is in sight: 500 reps are no more work than 20."""
    style = {"locale": words.browser_locale, "currency": words.currency, "hour": words.say("hour_unit")}
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
                    "function": f"zevenCell(params, {_literal({**style, 'kind': column.kind})})"
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


def _literal(value: Mapping[str, str]) -> str:
    """A flat mapping of our own words as JavaScript."""
    import json

    return json.dumps(value)


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
        f"<tr>{''.join(cell('td', _text(row, column, words), column) for column in item.columns)}</tr>"
        for row in item.rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table class="plain"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def rows_address(kind: str, path: str, query: str, panel_id: str, release_id: str) -> str:
    """Where the rows of a panel can be had as `csv` or as `table`: of the release that the page shows.

    A server decodes a path once before the view reads it: what stands for a `/` or `%` of an id is kept.
    """
    kept = path.rstrip("/").replace("%25", "%2525").replace("%2F", "%252F")
    return f"/{kind}{kept}?{query}&panel={quote(panel_id)}&release={quote(release_id)}"
