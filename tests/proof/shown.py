"""A world as text that can be pasted into a test.

Belongs here: the shortest Python that makes the same world. Does not belong here: anything that is computed
of it.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from tests.reference.world import Rules, World

IMPORTS = """from datetime import date, datetime
from decimal import Decimal
from tests.reference.world import Holiday, Rules, Sighting, Stage, World
"""


def shown(world: World) -> str:
    """One line a record; what is not given is left out."""
    lines = ["World(", "    tables={"]
    for name, records in world.tables.items():
        if records:
            lines += [
                f"        {name!r}: [",
                *(f"            {_text(record)}," for record in records),
                "        ],",
            ]
    lines += ["    },", f"    as_of={_text(world.as_of)},", f"    observed_at={_text(world.observed_at)},"]
    rules = Rules()
    changed = [
        f"        {item.name}={_text(getattr(world.rules, item.name))},"
        for item in fields(Rules)
        if getattr(world.rules, item.name) != getattr(rules, item.name)
    ]
    if changed:
        lines += ["    rules=Rules(", *changed, "    ),"]
    if world.sightings:
        lines += [
            "    sightings=(",
            *(f"        {_text(sighting)}," for sighting in world.sightings),
            "    ),",
        ]
    return "\n".join([*lines, ")"])


def _text(value: Any) -> str:
    if isinstance(value, dict):
        given = {key: item for key, item in value.items() if item is not None}
        return "{" + ", ".join(f"{_text(key)}: {_text(item)}" for key, item in given.items()) + "}"
    if isinstance(value, tuple | list):
        inner = ", ".join(_text(item) for item in value)
        return f"({inner}{',' if len(value) == 1 else ''})" if isinstance(value, tuple) else f"[{inner}]"
    if hasattr(value, "__dataclass_fields__"):
        named = ", ".join(f"{item.name}={_text(getattr(value, item.name))}" for item in fields(value))
        return f"{type(value).__name__}({named})"
    return repr(value).replace("datetime.", "", 1)
