"""What a page is made of, as plain data: cards, panels, and the pictures panels are drawn as.

Belongs here: the shapes that `viewmodel` fills, `ui` draws and the CSV answers write. Does not belong here:
values, or anything of a component library.

A panel carries its rows. What is drawn, the table beside it and its CSV file are all made from those rows, so
that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dashboard.words import Kind

Tone = Literal["main", "second", "muted", "target", "good", "watch", "bad"]
Status = Literal["good", "watch", "bad"]


@dataclass(frozen=True)
class Column:
    """One column of a panel's rows: its key, its heading, and what kind of value it has."""

    key: str
    label: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Series:
    """One column drawn over the x column of a `Plot`."""

    key: str
    look: Literal["bar", "line", "area"]
    tone: Tone = "main"
    dashed: bool = False


@dataclass(frozen=True)
class Plot:
    """Values over time or over classes, on one axis of one kind that starts at zero."""

    x: str
    series: tuple[Series, ...]
    kind: Kind
    stacked: bool = False
    lines: tuple[tuple[float, str], ...] = ()
    """Level lines: (value, label)."""


@dataclass(frozen=True)
class Bars:
    """A table whose `bar` column is drawn: one line per row, sorted as the rows are.

    `inner` is drawn darker inside the bar; `low` and `high` as an interval; `mark` as a tick (a target).
    `href` names a column with the address a row's first cell links to, `tone` one with the bar's tone. The
    other columns of the panel stand beside the bar; those in `hidden` only in the CSV.
    """

    bar: str
    inner: str | None = None
    low: str | None = None
    high: str | None = None
    mark: str | None = None
    href: str | None = None
    tone: str | None = None
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Waterfall:
    """From one stock to the next: `value` is the step (signed), rows with `is_total` stand on the floor."""

    label: str
    value: str
    is_total: str


@dataclass(frozen=True)
class Board:
    """A long table to sort and search in, every row of it a member. `href` as in `Bars`."""

    href: str | None = None
    bar: str | None = None
    tones: Mapping[str, str] = field(default_factory=dict)
    """Column whose cells are toned: column that holds the tone."""
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """The rows as they are."""


Picture = Plot | Bars | Waterfall | Board | Table


@dataclass(frozen=True)
class Panel:
    """One question of the manager, answered. Without rows it says `empty`."""

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Any], ...]
    picture: Picture
    subtitle: str = ""
    slug: str | None = None
    """The metric whose definition explains it."""
    empty: str = ""
    wide: bool = False
    by_source: bool = False
    """Whether the rows are of the source of the view alone, where one is chosen."""

    def column(self, key: str) -> Column:
        return next(column for column in self.columns if column.key == key)


@dataclass(frozen=True)
class Delta:
    """A change against an earlier period. `tone` is None where it says nothing yet, or is no one's merit."""

    text: str
    against: str
    arrow: Literal["up", "down", "flat"]
    tone: Literal["good", "bad"] | None


@dataclass(frozen=True)
class Spark:
    """One bar of a sparkline: `share` of the tallest (None: no value), and what it says on hover."""

    share: float | None
    title: str
    is_running: bool = False


@dataclass(frozen=True)
class Card:
    """One metric at a glance."""

    slug: str
    name: str
    definition: str
    value: str
    href: str
    status: Status | None
    status_text: str
    target: str
    detail: str
    deltas: tuple[Delta, ...]
    sparks: tuple[Spark, ...]


@dataclass(frozen=True)
class Sentence:
    """One finding of the sieve: what, who, why, and what to do."""

    severity: Literal["alert", "warn", "info"]
    severity_text: str
    text: str
    href: str
