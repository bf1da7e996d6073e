"""Tiny companies for the second opinion, in few words.

Belongs here: making a record, a run and finding a cell. Does not belong here: a case (`test_reference.py`,
`test_reference_pipeline.py`).
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tests.reference.tables import compute
from tests.reference.world import Rules, Sighting, Stage, World

STAGES = {
    "new": Stage(False, None, 0.1),
    "proposal": Stage(True, None, 0.5),
    "won": Stage(True, "won", 1.0),
    "lost": Stage(True, "lost", 0.0),
}
RULES = Rules(stage_map=STAGES)
REPS = [{"rep_id": "anna", "team_id": "north"}, {"rep_id": "bram", "team_id": "north"}]
Row = dict[str, Any]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text)


def eur(text: str) -> Decimal:
    return Decimal(text)


def lead(lead_id: str, created_at: str, **more: Any) -> Row:
    return {"lead_id": lead_id, "created_at": utc(created_at), "owner_id": "anna", **more}


def deal(opportunity_id: str, created_at: str, **more: Any) -> Row:
    row = {"opportunity_id": opportunity_id, "created_at": utc(created_at), "stage": "Proposal"}
    return row | {"owner_id": "anna", "amount": eur("100.00")} | more


def won(opportunity_id: str, created_at: str, closed_on: date, **more: Any) -> Row:
    return deal(opportunity_id, created_at, stage="Won", closed_on=closed_on, **more)


def call(activity_id: str, occurred_at: str, **more: Any) -> Row:
    row = {"activity_id": activity_id, "activity_type": "call", "occurred_at": utc(occurred_at)}
    return row | {"owner_id": "anna"} | more


def run(as_of: str, *, rules: Rules = RULES, sightings: tuple[Sighting, ...] = (), **tables: Any) -> Any:
    instant = utc(as_of)
    world = World({"reps": REPS, **tables}, instant, instant, rules, sightings)
    return compute(world)


def cell(rows: list[Row], period_type: str, start: date, member: str = "company", **of: str) -> Row:
    """The one row of a period and a member: the company, or a rep or team by its own id."""
    breakdown, value = next(iter(of.items()), ("total", "total"))
    found = [
        row
        for row in rows
        if (row["period_type"], row["period_start"]) == (period_type, start)
        and (row["breakdown"], row["breakdown_value"]) == (breakdown, value)
        and (row["rep_id"] or row["team_id"] or "crm:company") == f"crm:{member}"
    ]
    assert len(found) == 1, f"{len(found)} rows"
    return found[0]


def only(rows: list[Row]) -> Row:
    assert len(rows) == 1
    return rows[0]


JANUARY, FEBRUARY, MARCH, APRIL = (date(2026, month, 1) for month in (1, 2, 3, 4))
