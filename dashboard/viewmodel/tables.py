"""Panels that every metric can have: through time, by a dimension, by team and by rep.

Belongs here: building them from published rows and a list of published columns. Does not belong here: which
columns a metric shows (`pages/metrics/`), queries, looks.

A panel's rows keep the published names of the columns, so that a CSV file leads back to the mart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.view import Outline, View
from dashboard.viewmodel.parts import Bars, Board, Column, Panel, Plot, Series
from dashboard.words import Kind, Words

Row = Mapping[str, Any]
PERIODS_SHOWN = {"week": 26, "month": 25, "quarter": 13, "year": 10}
"""Two years and the period it started from, where the type of period allows."""
ROWS_BY_BARS = 25
"""With more members a panel becomes a board, to sort and to search."""


@dataclass(frozen=True)
class Shown:
    """A published column on a panel; its heading is the message `col_<column>`."""

    column: str
    kind: Kind = "count"

    def on(self, words: Words) -> Column:
        return Column(self.column, words.heading(self.column), self.kind)


@dataclass(frozen=True)
class Drawn:
    """A published column through time."""

    column: str
    series: Series
    kind: Kind = "count"

    @classmethod
    def bar(cls, column: str, tone: Any = "main") -> Drawn:
        return cls(column, Series(column, "bar", tone))

    @classmethod
    def line(cls, column: str, tone: Any = "main", *, dashed: bool = False) -> Drawn:
        return cls(column, Series(column, "line", tone, dashed))


def trend(
    words: Words,
    view: View,
    history: Sequence[Row],
    drawn: Sequence[Drawn],
    *,
    slug: str,
    kind: Kind,
    id: str = "trend",
    hint: str = "",
    stacked: bool = False,
    lines: tuple[tuple[float, str], ...] = (),
    also: Sequence[Shown] = (),
) -> Panel:
    """Columns of one kind through the periods up to the view's; `also` stands in the rows only."""
    shown = history[-PERIODS_SHOWN[view.period.type] :]
    told = [one.column for one in drawn] + [one.column for one in also]
    return Panel(
        id=id,
        by_source=True,
        slug=slug,
        title=words.say(f"{id}_question"),
        subtitle=hint,
        columns=(
            Column("period", words.say("period")),
            *(Column(one.column, words.heading(one.column), kind) for one in drawn),
            *(one.on(words) for one in also),
        ),
        rows=tuple(
            {
                "period_start": row["period_start"],
                "period": words.short_period(view.period.type, row["period_start"]),
                **{column: row.get(column) for column in told},
            }
            for row in shown
        ),
        picture=Plot("period", tuple(one.series for one in drawn), kind, stacked, lines),
        empty=words.say("nothing_here"),
    )


def by_dimension(
    words: Words,
    rows: Sequence[Row],
    dimension: str,
    shown: Sequence[Shown],
    *,
    slug: str,
    names: Mapping[str, str] | None = None,
    hint: str = "",
    inner: str | None = None,
    interval: tuple[str, str] | None = None,
    mark: str | None = None,
    sort_by: str | None = None,
    title: str = "",
) -> Panel:
    """One bar for each value of a breakdown, the first of `shown` is drawn; the unknown comes last."""
    bar = shown[0].column
    order = sort_by or bar
    kept = [row for row in rows if any(row.get(one.column) for one in shown)]
    kept.sort(key=lambda row: (row["breakdown_value"] == "unknown", -_sortable(row.get(order))))
    low, high = interval or (None, None)
    drawn_only = tuple(column for column in (inner, low, high, mark) if column is not None)
    columns = [Column("name", words.say(f"dimension_{dimension}")), *(one.on(words) for one in shown)]
    columns += [
        Column(column, words.heading(column), shown[0].kind)
        for column in drawn_only
        if column not in {one.column for one in shown}
    ]
    return Panel(
        id=f"by_{dimension}",
        by_source=dimension == "source",
        slug=slug,
        title=title or words.say(f"by_{dimension}"),
        subtitle=hint,
        columns=tuple(columns),
        rows=tuple(
            {
                "name": _named(words, row["breakdown_value"], names),
                **{column.key: row.get(column.key) for column in columns[1:]},
            }
            for row in kept
        ),
        picture=Bars(
            bar=bar,
            inner=inner,
            low=low,
            high=high,
            mark=mark,
            hidden=tuple(column for column in drawn_only if column not in {one.column for one in shown}),
        ),
        empty=words.say("nothing_here"),
    )


def by_team(
    words: Words,
    view: View,
    outline: Outline,
    rows: Sequence[Row],
    shown: Sequence[Shown],
    *,
    slug: str,
    mark: str | None = None,
    tone: Mapping[str, str] | None = None,
) -> Panel:
    """One bar for each team that has anything in the period."""
    made = [
        {
            "name": outline.teams.get(row["team_id"], row["team_id"]),
            "href": view.href(team_id=row["team_id"], rep_id=None, level="team"),
            "tone": (tone or {}).get(str(row.get("status")), "main"),
            **{one.column: row.get(one.column) for one in shown},
            **({mark: row.get(mark)} if mark else {}),
        }
        for row in rows
        if any(row.get(one.column) for one in shown)
    ]
    made.sort(key=lambda row: -_sortable(row.get(shown[0].column)))
    return Panel(
        id="by_team",
        by_source=True,
        slug=slug,
        title=words.say("by_team"),
        columns=_member_columns(words, words.say("team"), shown, mark),
        rows=tuple(made),
        picture=Bars(bar=shown[0].column, mark=mark, href="href", tone="tone", hidden=_hidden(shown, mark)),
        empty=words.say("nothing_here"),
    )


def by_rep(
    words: Words,
    view: View,
    outline: Outline,
    rows: Sequence[Row],
    shown: Sequence[Shown],
    *,
    slug: str,
    hint: str = "",
    mark: str | None = None,
    tone: Mapping[str, str] | None = None,
    lowest_first: bool = False,
) -> Panel:
    """One line for each rep who works here or has anything in the period."""
    made = []
    for row in rows:
        rep = outline.reps.get(row["rep_id"])
        if rep is None or not (rep.is_active or any(row.get(one.column) for one in shown)):
            continue
        made.append(
            {
                "name": rep.name,
                "team": outline.teams.get(rep.team_id, rep.team_id),
                "href": view.href("rep", rep.rep_id),
                "tone": (tone or {}).get(str(row.get("status")), "main"),
                **{one.column: row.get(one.column) for one in shown},
                **({mark: row.get(mark)} if mark else {}),
            }
        )
    sign = 1 if lowest_first else -1
    made.sort(
        key=lambda row: (
            row.get(shown[0].column) is None,
            sign * _sortable(row.get(shown[0].column)),
            row["name"],
        )
    )
    few = len(made) <= ROWS_BY_BARS
    columns = _member_columns(words, words.say("rep"), shown, mark)
    if not few:
        columns = (columns[0], Column("team", words.say("team")), *columns[1:])
    return Panel(
        id="by_rep",
        by_source=True,
        slug=slug,
        title=words.say("by_rep"),
        subtitle=hint if few else "",
        columns=columns,
        rows=tuple(made),
        picture=Bars(bar=shown[0].column, mark=mark, href="href", tone="tone", hidden=_hidden(shown, mark))
        if few
        else Board(href="href", tones={shown[0].column: "tone"} if tone else {}),
        empty=words.say("nothing_here"),
        wide=True,
    )


def _member_columns(
    words: Words, heading: str, shown: Sequence[Shown], mark: str | None
) -> tuple[Column, ...]:
    columns = [Column("name", heading), *(one.on(words) for one in shown)]
    if mark and mark not in {one.column for one in shown}:
        columns.append(Column(mark, words.heading(mark), shown[0].kind))
    return tuple(columns)


def _hidden(shown: Sequence[Shown], mark: str | None) -> tuple[str, ...]:
    return (mark,) if mark and mark not in {one.column for one in shown} else ()


def _named(words: Words, value: str, names: Mapping[str, str] | None) -> str:
    if value == "unknown":
        return words.say("unknown")
    return (names or {}).get(value, value)


def _sortable(value: Any) -> float:
    return float("-inf") if value is None else float(value)
