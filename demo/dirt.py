"""What is wrong with a real export: spellings, versions, repeated and unreadable rows. All of it is declared.

Belongs here: dirt, and how much of it. Does not belong here: anything that changes what happened; a pipeline
that reads the rows as the export format says comes to the ledger's own numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from demo.rows import Row, Spell

SPELLINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "lead_status": {
        "new": ("New", "New", "Open", "Open - Not Contacted"),
        "working": ("Working", "Working", "Contacted", "Working - Contacted"),
        "qualified": ("Qualified",),
        "converted": ("Converted", "Converted", "Closed - Converted"),
        "disqualified": ("Disqualified", "Unqualified", "Closed - Not Converted"),
    },
    "activity_type": {
        "call": ("Call", "Call", "Phone call"),
        "email": ("Email", "Email", "E-mail"),
        "meeting": ("Meeting", "Meeting", "Appointment"),
        "message": ("Message", "WhatsApp"),
        "task": ("Task", "To do"),
        "note": ("Note",),
    },
    "direction": {
        "outbound": ("Outbound", "Outbound", "Outgoing"),
        "inbound": ("Inbound", "Inbound", "Incoming"),
    },
}
"""By field of the value mapping and canonical value: what the export writes, likelier ones repeated."""

UNMAPPED_STAGE = "Verbal agreement"
"""What some people call a negotiation; no stage map knows it."""

REPEATED = {"leads": 0.004, "opportunities": 0.005, "activities": 0.002, "opportunity_history": 0.002}
"""The share of rows that stand in the file twice."""

OLDER_VERSIONS = {"leads": 0.03, "opportunities": 0.06, "activities": 0.05}
"""Of the records that have one, the share that also stands in the file as it was before."""

WITHOUT_IS_WON = 0.06
"""The share of closed opportunities of which only the stage says whether they were won."""

_UNMAPPED_SHARE = 0.12


@dataclass(frozen=True)
class Unreadable:
    """A row that cannot be loaded: as the template but for one value, of a record that never was."""

    table: str
    template: tuple[tuple[str, str], ...]
    column: str
    value: str
    reason: str


UNREADABLE = (
    Unreadable(
        "leads", (("created_at", "2025-11-03T10:15:00Z"), ("status", "New")), "lead_id", "", "missing id"
    ),
    Unreadable(
        "leads", (("lead_id", "L9999901"), ("status", "New")), "created_at", "31/02/2026", "unreadable date"
    ),
    Unreadable(
        "opportunities",
        (("opportunity_id", "O9999901"), ("created_at", "2025-10-07T09:00:00Z"), ("currency", "EUR")),
        "stage",
        "",
        "missing stage",
    ),
    Unreadable(
        "opportunities",
        (("opportunity_id", "O9999902"), ("created_at", "2026-01-13T13:30:00Z"), ("stage", "Proposal")),
        "closed_on",
        "end of March",
        "unreadable date",
    ),
    Unreadable(
        "activities",
        (("occurred_at", "2026-02-17T14:05:00Z"), ("activity_type", "Call")),
        "activity_id",
        "",
        "missing id",
    ),
    Unreadable(
        "activities",
        (("activity_id", "A99999901"), ("activity_type", "Email")),
        "occurred_at",
        "2026-02-30T11:00:00Z",
        "unreadable date",
    ),
)


def clean_spelling(kind: str, value: str) -> str:
    """Every value as the ledger has it."""
    return value


def loose_spelling(rng: Random) -> Spell:
    """Values as people and CRMs write them; stages, which each company names as it likes, stay."""

    def spell(kind: str, value: str) -> str:
        return value if kind == "stage" else rng.choice(SPELLINGS[kind][value])

    return spell


def stage_spelling(seed: int, opportunity_id: str) -> Spell:
    """An opportunity's own word for a stage: the same in the record and all through its history."""
    is_unmapped = Random(f"{seed}/stage/{opportunity_id}").random() < _UNMAPPED_SHARE

    def spell(kind: str, value: str) -> str:
        return UNMAPPED_STAGE if is_unmapped and value == "Negotiation" else value

    return spell


@dataclass(frozen=True)
class Dirtied:
    """A table's rows as they stand in the file, and how many of them are dirt.

    `unreadable` are the positions, from 1, of the rows that cannot be loaded.
    """

    rows: list[Row]
    older_versions: int
    repeated: int
    unreadable: tuple[tuple[int, Unreadable], ...]


def soil(table: str, columns: Sequence[str], rows: list[Row], older: list[Row], rng: Random) -> Dirtied:
    """Put some of the older versions, repeated and unreadable rows at random places between the rows.

    `older` holds a row of an earlier state for every record that had one.
    """
    versions = [row for row in older if rng.random() < OLDER_VERSIONS[table]]
    repeated = rng.sample(rows, min(len(rows), max(1, round(REPEATED[table] * len(rows)))))
    # a small file keeps its share of unreadable rows below what a loader refuses
    unreadable = [bad for bad in UNREADABLE if bad.table == table][: 1 + len(rows) // 100]
    placed: list[tuple[float, Row, Unreadable | None]] = [
        (float(place), row, None) for place, row in enumerate(rows)
    ]
    placed += [(rng.random() * len(rows), row, None) for row in (*versions, *repeated)]
    placed += [(rng.random() * len(rows), _unreadable_row(bad, columns), bad) for bad in unreadable]
    placed.sort(key=lambda entry: entry[0])
    return Dirtied(
        rows=[row for _, row, _ in placed],
        older_versions=len(versions),
        repeated=len(repeated),
        unreadable=tuple((number, bad) for number, (_, _, bad) in enumerate(placed, 1) if bad is not None),
    )


def _unreadable_row(bad: Unreadable, columns: Sequence[str]) -> Row:
    values = {**dict(bad.template), bad.column: bad.value}
    return tuple(values.get(column, "") for column in columns)
