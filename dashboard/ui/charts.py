"""Charts over time and waterfalls, which are Mantine's.

Belongs here: what a `Plot` and a `Waterfall` become, their axes and legends. Does not belong here: the rows
beneath them as a table (`tables.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboard.ui.looks import COLOURS, style_of
from dashboard.viewmodel.parts import Column, Panel, Plot, Waterfall
from dashboard.words import Words


def legend(item: Panel, picture: Plot | Waterfall) -> Any:
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


def plot(item: Panel, picture: Plot, words: Words, height: int) -> Any:
    x = item.column(picture.x)
    labels = _axis_labels(item.rows, x, words)
    data = [
        {picture.x: label, **{item.column(s.key).label: _number(row.get(s.key)) for s in picture.series}}
        for label, row in zip(labels, item.rows, strict=True)
    ]
    style = style_of(picture.kind, words)
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


def waterfall(item: Panel, picture: Waterfall, words: Words, height: int) -> Any:
    style = style_of(item.column(picture.value).kind, words)
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
