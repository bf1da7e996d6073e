"""What a dbt test is called and what it demands, in words for people.

Belongs here: names and sentences made from the manifest. Does not belong here: what becomes of a failure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_DEMANDS = {
    "not_null": "{column} is never empty.",
    "is_key": "Every row has a {column} of its own.",
    "accepted_values": "{column} is one of: {values}.",
    "relationships": "Every {column} is a {field} of {to}.",
    "is_between": "{column} lies within {minimum} and {maximum}.",
    "is_unique_on": "No two rows share {columns}.",
}


def check_names(manifest: Mapping[str, Any]) -> dict[str, str]:
    """A short name per test: `not_null_lead_id`, where dbt's own repeats the model and every argument.

    Unique among the tests of one node: a second one that would be called the same is `..._2`.
    """
    tests = [(name, node) for name, node in manifest["nodes"].items() if node["resource_type"] == "test"]
    names: dict[str, str] = {}
    taken: dict[tuple[Any, str], int] = {}
    for unique_id, test in sorted(tests):
        short = _short(test)
        place = (test.get("attached_node"), short)
        taken[place] = taken.get(place, 0) + 1
        names[unique_id] = short if taken[place] == 1 else f"{short}_{taken[place]}"
    return names


def demand_of(test: Mapping[str, Any]) -> str:
    """One sentence: the YAML's description, else the comment a singular test opens with, else made from its
    arguments."""
    written = _one_line(test.get("description") or _opening_comment(test))
    metadata = test.get("test_metadata")
    if written or not metadata:
        return written
    given = {key: _text(value) for key, value in metadata["kwargs"].items() if key != "model"}
    words = {"column": test.get("column_name") or "", "minimum": "nothing", "maximum": "anything"} | given
    try:
        return _DEMANDS[metadata["name"]].format_map(words)
    except KeyError:
        given.pop("column_name", None)
        column = f" on {test['column_name']}" if test.get("column_name") else ""
        arguments = "; ".join(f"{key}: {value}" for key, value in given.items())
        return f"Generic test {metadata['name']}{column}{f' ({arguments})' if arguments else ''}."


def _short(test: Mapping[str, Any]) -> str:
    metadata = test.get("test_metadata")
    if not metadata:
        return str(test["name"])
    return "_".join(filter(None, (metadata["name"], test.get("column_name"))))


def _opening_comment(test: Mapping[str, Any]) -> str:
    if test.get("test_metadata"):
        return ""
    code = str(test.get("raw_code") or "").lstrip()
    if block := re.match(r"\{#(.*?)#\}", code, re.DOTALL):
        return block.group(1)
    lines = re.match(r"(?:--[^\n]*\n?)*", code)
    return re.sub(r"(?m)^-- ?", "", lines.group(0)) if lines else ""


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value)
    if reference := re.search(r"ref\('([^']+)'\)", str(value)):
        return reference.group(1)
    return str(value)


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
