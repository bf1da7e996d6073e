"""The smallest world that still shows what is wrong with a large one.

Belongs here: leaving out records, then values, as long as the fault stays. Does not belong here: what the
fault is.

Hypothesis would take thousands of steps of a second each; this takes some fifty.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from orchestration.ingest.export_format import TABLES
from tests.reference.world import Record, World

_SEEDS = ("holidays", "stage_map", "lead_statuses", "activity_types", "directions", "conversion_targets")


def smaller(world: World, is_wrong: Callable[[World], bool], seconds: float = 40) -> World:
    """A part of `world` of which nothing can be left out, or as far as the time allows."""
    deadline = time.monotonic() + seconds
    size = max([1, *(len(records) for records in world.tables.values()), len(world.sightings)])
    while time.monotonic() < deadline:
        for candidate in _without_some(world, size):
            if is_wrong(candidate):
                world = candidate
                break
            if time.monotonic() > deadline:
                return world
        else:
            if size == 1:
                break
            size = max(1, size // 2)
    for candidate_of in (_without_a_value, _with_plain_rules):
        position = 0
        while time.monotonic() < deadline:
            candidates = list(candidate_of(world))
            if position >= len(candidates):
                break
            if is_wrong(candidates[position]):
                world = candidates[position]
            else:
                position += 1
    return world


def _without_some(world: World, size: int) -> Iterator[World]:
    """Every world that lacks `size` neighbouring records of one table, or sightings."""
    for name, records in world.tables.items():
        for start in range(0, len(records), size):
            yield _with_table(world, name, records[:start] + records[start + size :])
    for start in range(0, len(world.sightings), size):
        yield replace(world, sightings=world.sightings[:start] + world.sightings[start + size :])


def _without_a_value(world: World) -> Iterator[World]:
    for name, records in world.tables.items():
        required = TABLES[name].required
        for number, record in enumerate(records):
            for column, value in record.items():
                if value is not None and column not in required:
                    less = {key: item for key, item in record.items() if key != column}
                    yield _with_table(world, name, [*records[:number], less, *records[number + 1 :]])


def _with_plain_rules(world: World) -> Iterator[World]:
    """Only what a seed says can go: the rest was compiled into the models."""
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
            yield replace(world, rules=replace(world.rules, **changed))


def _with_table(world: World, name: str, records: list[Record]) -> World:
    return replace(world, tables={**world.tables, name: records})
