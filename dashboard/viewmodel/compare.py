"""A rep's seven numbers beside the team's, the company's and the target.

Belongs here: that one table. Does not belong here: the numbers, which the scorecard publishes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from dashboard.viewmodel.parts import Column, Panel, Table
from dashboard.words import Words, kind_of

Row = Mapping[str, Any]


def beside_the_team(
    words: Words,
    catalog: Mapping[str, Row],
    start: date,
    own: Sequence[Row],
    team: Sequence[Row],
    company: Sequence[Row],
) -> Panel:
    """One line per metric, of the period that starts on `start`."""

    def of(rows: Sequence[Row], slug: str, column: str = "value") -> Any:
        return next(
            (row[column] for row in rows if row["kpi"] == slug and row["period_start"] == start), None
        )

    return Panel(
        id="beside_the_team",
        title=words.say("all_numbers"),
        columns=(
            Column("metric", words.say("metric")),
            Column("own", words.say("own"), "row"),
            Column("target", words.say("target_word"), "row"),
            Column("team", words.say("team"), "row"),
            Column("company", words.say("company"), "row"),
        ),
        rows=tuple(
            {
                "metric": words.of_catalog(metric, "name"),
                "kind": kind_of(metric),
                "own": of(own, slug),
                "target": of(own, slug, "target_value"),
                "team": of(team, slug),
                "company": of(company, slug),
            }
            for slug, metric in catalog.items()
        ),
        picture=Table(),
    )
