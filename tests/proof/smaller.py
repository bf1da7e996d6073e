"""The smallest world that still shows what is wrong with a large one.

Belongs here: leaving out records, then values, as long as the fault stays. Does not belong here: what the
fault is.

Hypothesis would take thousands of steps of a second each; this takes some fifty.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from orchestration.ingest.export_format import TABLES
from tests.reference.world import Record, World

_SEEDS = ("holidays", "stage_map", "lead_statuses", "activity_types", "directions", "conversion_targets")


def smaller(world: World, is_wrong: Callable[[World], bool], seconds: float = 40) -> World:
    """A part of `world` of which nothing can be left out, or as far as the time allows."""
    deadline = time.monotonic() + seconds
    size = max([1, *(len(records) for records in world.tables.values()), len(world.sightings)])
    ways: list[Callable[[World], list[World]]] = []
    while size:
        ways.append(partial(_without_some, size=size))
        size //= 2
    for way in (*ways, ways[-1], _without_a_value, _with_plain_rules):
        position = 0
        while position < len(candidates := way(world)) and time.monotonic() < deadline:
            if is_wrong(candidates[position]):
                world = candidates[position]
            else:
                position += 1
    return world


def _without_some(world: World, size: int) -> list[World]:
    """Every world that lacks up to `size` neighbouring records of one table, or sightings."""
    fewer = [
        _with_table(world, name, records[:start] + records[start + size :])
        for name, records in world.tables.items()
        for start in range(0, len(records), size)
    ]
    seen = world.sightings
    return fewer + [
        replace(world, sightings=seen[:start] + seen[start + size :]) for start in range(0, len(seen), size)
    ]


def _without_a_value(world: World) -> list[World]:
    found = []
    for name, records in world.tables.items():
        required = TABLES[name].required
        for number, record in enumerate(records):
            for column, value in record.items():
                if value is not None and column not in required:
                    less = {key: item for key, item in record.items() if key != column}
                    found.append(_with_table(world, name, [*records[:number], less, *records[number + 1 :]]))
    return found


def _with_plain_rules(world: World) -> list[World]:
    """Only what a seed says can go: the rest was compiled into the models."""
    found = []
    for name in (
        "holidays",
        "stage_map",
        "lead_statuses",
        "activity_types",
        "directions",
        "conversion_targets",
    ):
        known = getattr(world.rules, name)
        without_one = [{other: known[other] for other in known if other != key} for key in known]
        for less in [{}, *without_one] if len(known) > 1 else without_one:
            changed: dict[str, Any] = {name: less}
            found.append(replace(world, rules=replace(world.rules, **changed)))
    return found


def _with_table(world: World, name: str, records: list[Record]) -> World:
    return replace(world, tables={**world.tables, name: records})
