"""How speed of answering goes with conversion: a distribution of leads that had time to decide.

Belongs here: that one panel. Does not belong here: response time and conversion ratio, which are marts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from dashboard.viewmodel.overview import RESPONSE_EDGES
from dashboard.viewmodel.parts import Bars, Column, Panel
from dashboard.words import Words

Row = Mapping[str, Any]


def does_speed_pay(words: Words, buckets: Sequence[Row], since: date, until: date) -> Panel:
    """Share of the leads that became customers, by how long they waited."""
    labels: dict[int | str, str] = {
        number: words.say("up_to", time=words.short_minutes(edge))
        for number, edge in enumerate(RESPONSE_EDGES)
    }
    labels[len(RESPONSE_EDGES)] = words.say("longer_than", time=words.short_minutes(RESPONSE_EDGES[-1]))
    labels["day"] = words.say("day_only")
    labels["none"] = words.say("no_answer")
    counted: dict[int | str, list[int]] = {}
    for row in buckets:
        key = row["bucket"] if row["bucket"] is not None else ("day" if row["is_answered"] else "none")
        leads, customers = counted.get(key, [0, 0])
        counted[key] = [leads + row["leads"], customers + row["customers"]]
    rows = tuple(
        {
            "bucket": label,
            "share": counted[key][1] / counted[key][0],
            "customers": counted[key][1],
            "leads": counted[key][0],
        }
        for key, label in labels.items()
        if key in counted
    )
    return Panel(
        id="speed_and_conversion",
        by_source=True,
        slug="conversion_ratio",
        title=words.say("speed_question"),
        subtitle=words.say("speed_hint", since=words.day(since), until=words.day(until)),
        columns=(
            Column("bucket", words.say("waiting_time")),
            Column("share", words.say("conversion"), "ratio"),
            Column("customers", words.heading("customers"), "count"),
            Column("leads", words.heading("leads"), "count"),
        ),
        rows=rows,
        picture=Bars(bar="share"),
        empty=words.say("nothing_here"),
    )
