"""What charts and tables share: colours, which columns stand on the right, how a cell
reads, and what the browser writes numbers by.

Belongs here: what more than one kind of picture needs. Does not belong here: any picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard.viewmodel.parts import Column
from dashboard.words import Words

COLOURS = {
    "main": "var(--z-main)",
    "second": "var(--z-second)",
    "muted": "var(--z-muted)",
    "target": "var(--z-target)",
    "good": "var(--z-good-fill)",
    "watch": "var(--z-watch-fill)",
    "bad": "var(--z-bad-fill)",
}
RIGHT = ("count", "number", "money", "ratio", "minutes", "days", "row")


def text_of(row: Mapping[str, Any], column: Column, words: Words) -> str:
    kind = str(row["kind"]) if column.kind == "row" else column.kind
    return words.value(row.get(column.key), kind)


def style_of(kind: str, words: Words) -> dict[str, str]:
    """What the browser's part writes a value of this kind by."""
    return {
        "kind": kind,
        "locale": words.browser_locale,
        "currency": words.currency,
        "hour": words.say("hour_unit"),
    }
