"""What a case of the corpus is: a folder that is written, and what must come out.

Belongs here: the shape of a case and the shortest ways to write one. Does not belong here: any case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ALL_MAY_FAIL = "max_quarantine_ratio = 1\n"
"""So that one bad row among two is put aside and does not refuse the file."""

LEADS = "lead_id,created_at,campaign,source\n"
DEALS = "opportunity_id,created_at,stage,amount,probability\n"


@dataclass(frozen=True)
class Rows:
    """`loaded` rows come in, and `quarantined` ones do not: their number in the file and a part of the
    reason.

    `values` are those of the loaded rows, by SQL over the raw table's columns, in the order of file and row.
    """

    loaded: int
    quarantined: Sequence[tuple[int, str]] = ()
    values: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    told: Sequence[str] = ()
    """Parts of findings."""


@dataclass(frozen=True)
class Refused:
    """`says` is a part of the one sentence; nothing is changed by the attempt."""

    says: str


@dataclass(frozen=True)
class Case:
    name: str
    write: Callable[[Path], object]
    """Writes into the source's folder, which is there."""
    expected: Rows | Refused
    keys: str = ""
    """Further settings of the source."""
    table: str = "leads"
    after_listing: Callable[[Path], object] | None = None
    """What somebody does to the folder when its files have been listed."""
    after_hashing: Callable[[Path], object] | None = None
    """And when a file has been hashed, before it is read."""


def text(
    name: str, content: str | bytes, expected: Rows | Refused, *, file: str = "leads.csv", **more: Any
) -> Case:
    """One file of this content."""
    data = content.encode() if isinstance(content, str) else content
    return Case(name, lambda folder: (folder / file).write_bytes(data), expected, **more)


def lead(number: int, campaign: str = "c", source: str = "s") -> str:
    return f"L{number},2026-03-0{number},{campaign},{source}\n"
