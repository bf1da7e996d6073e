"""The largest deals of a period.

Belongs here: that one list. Does not belong here: closed sales, which are a mart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.view import Outline
from dashboard.viewmodel.parts import Bars, Column, Panel
from dashboard.words import Words


def largest(words: Words, outline: Outline, deals: Sequence[Mapping[str, Any]]) -> Panel:
    return Panel(
        id="largest_deals",
        by_source=True,
        slug="closed_sales",
        title=words.say("largest_question"),
        columns=(
            Column("opportunity_id", words.say("deal")),
            Column("amount", words.say("amount"), "money"),
            Column("rep", words.say("rep")),
            Column("source", words.say("source")),
            Column("closed_on", words.say("closed_on"), "date"),
            Column("sales_cycle_days", words.say("cycle"), "days"),
        ),
        rows=tuple(
            {
                **row,
                "rep": outline.reps[row["rep_id"]].name if row["rep_id"] in outline.reps else row["rep_id"],
            }
            for row in deals
        ),
        picture=Bars(bar="amount", hidden=("source",)),
        empty=words.say("nothing_here"),
    )
