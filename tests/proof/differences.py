"""The published tables beside the second opinion, cell by cell.

Belongs here: when two cells are the same, and how a difference is said. Does not belong here: which of the
two is right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.reference.world import Record, Value

KPI_KEY = ("period_type", "period_start", "level", "team_id", "rep_id", "breakdown", "breakdown_value")
KEYS = {
    "kpi_scorecard": ("kpi", *KPI_KEY[:5]),
    "fct_leads": ("lead_id",),
    "fct_opportunities": ("opportunity_id",),
    "fct_opportunity_history": ("opportunity_id", "valid_from"),
}
"""The key of a table; that of the metrics where it stands not here."""

TOLERANCE = 1e-9
MISSING = "no row"


@dataclass(frozen=True)
class Difference:
    """One cell, or a whole row (`column` is "*") that only one side has."""

    table: str
    key: tuple[Value, ...]
    column: str
    published: Any
    reference: Any

    @property
    def kind(self) -> tuple[str, str]:
        return self.table, self.column

    def __str__(self) -> str:
        key = " ".join("-" if part is None else str(part) for part in self.key)
        return (
            f"{self.table} [{key}] {self.column}: published {self.published!r}, reference {self.reference!r}"
        )


def same(published: Any, reference: Any) -> bool:
    """Doubles to nine digits, anything else exactly; null is only null."""
    if published is None or reference is None:
        return published is reference
    if isinstance(published, bool) or isinstance(reference, bool):
        return published is reference
    if isinstance(published, float) or isinstance(reference, float):
        return math.isclose(published, reference, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    if isinstance(published, datetime) and isinstance(reference, datetime):
        return published.replace(tzinfo=None) == reference.replace(tzinfo=None)
    return bool(published == reference)


def compare(table: str, published: Sequence[Record], reference: Sequence[Record]) -> list[Difference]:
    """What differs in the columns that the reference has."""
    key_columns = KEYS.get(table, KPI_KEY)
    ours, theirs = _by_key(table, key_columns, published), _by_key(table, key_columns, reference)
    found = []
    for key in sorted({*ours, *theirs}, key=lambda key: tuple(str(part) for part in key)):
        if key not in ours:
            found.append(Difference(table, key, "*", MISSING, _told(theirs[key])))
        elif key not in theirs:
            found.append(Difference(table, key, "*", _told(ours[key]), MISSING))
        else:
            for column, value in theirs[key].items():
                if column not in ours[key]:
                    found.append(Difference(table, key, column, "no such column", value))
                elif not same(ours[key][column], value):
                    found.append(Difference(table, key, column, ours[key][column], value))
    return found


def beyond_the_reference(published: Sequence[Record], reference: Sequence[Record]) -> list[str]:
    """The columns that are published and that the second opinion says nothing of."""
    if not published or not reference:
        return []
    return [name for name in published[0] if name not in reference[0]]


def said(differences: Sequence[Difference], most: int = 10) -> str:
    """The first few, different columns first."""
    first_of_kind = {difference.kind: difference for difference in reversed(differences)}
    shown = [*reversed(first_of_kind.values())]
    shown += [difference for difference in differences if difference not in shown]
    lines = [str(difference) for difference in shown[:most]]
    return "\n".join([f"{len(differences)} cells differ, in {len(first_of_kind)} columns:", *lines])


def _by_key(table: str, columns: Sequence[str], rows: Sequence[Record]) -> dict[tuple[Value, ...], Record]:
    by_key = {tuple(row[column] for column in columns): row for row in rows}
    assert len(by_key) == len(rows), f"{table} has several rows with one key"
    return by_key


def _told(row: Record) -> Record:
    """What a row says beyond zeros and nulls, so that it can be read."""
    return {
        name: value
        for name, value in row.items()
        if value and name not in (*KPI_KEY, "period_end", "is_complete")
    }
