"""What is read of an object of a CRM, in the CRM's own words.

Belongs here: the shape of a declaration, and the raw table that follows from it. Does not belong here: any
CRM's objects (`salesforce.py` and its neighbours), or writing rows (`landing.py`).

Only declared fields are asked for, so that what is not needed for a number, such as the name and the phone
number of a prospect, never leaves the CRM.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestration.ingest.tombstones import Kind as RecordKind

FieldKind = Literal["text", "integer", "amount", "number", "boolean", "instant", "calendar_date", "email"]
"""How a value is kept.

- text, integer (64 bits), amount (two decimals), number (double), boolean
- instant: ISO with or without offset (UTC then), or milliseconds since 1970; kept in UTC without offset
- calendar_date: the first ten characters of an ISO date
- email: an address, of which only the hash is kept (`sha256` of it in lower case)
"""

SQL_TYPES: dict[FieldKind, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "amount": "DECIMAL(18,2)",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "instant": "TIMESTAMP",
    "calendar_date": "DATE",
    "email": "VARCHAR",
}

LOAD_COLUMNS: tuple[tuple[str, str], ...] = (
    ("_source", "VARCHAR"),  # name of the source in the settings: the front of every id
    ("_batch_number", "BIGINT"),  # grows with every batch: "the last loaded"
    ("_batch_id", "VARCHAR"),  # <run instant>-<batch number>
    ("_loaded_at", "TIMESTAMP"),  # UTC
    ("_source_row", "BIGINT"),  # the row's number in its batch
    ("_is_deleted", "BOOLEAN"),  # a tombstone: the record was there and is gone; its last values stand in it
    ("_record_hash", "UBIGINT"),  # of the fields as given: the same again is not kept twice
)
"""What raw adds to every row."""


@dataclass(frozen=True)
class Field:
    """A field of an object, spelt as the CRM spells it."""

    name: str
    kind: FieldKind = "text"
    is_key: bool = False


@dataclass(frozen=True)
class Object:
    """One object of a CRM and the raw table it is kept in.

    `goes_with` names fields that hold a record's id: the row is taken away with that record when somebody is
    forgotten. `loses` names fields that are emptied then, the row stays.
    """

    name: str
    fields: tuple[Field, ...]
    goes_with: tuple[tuple[str, RecordKind], ...] = ()
    loses: tuple[tuple[str, RecordKind], ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields if field.is_key)

    def columns(self) -> tuple[tuple[str, str], ...]:
        """(name, SQL type) of the raw table."""
        return (*((field.name, SQL_TYPES[field.kind]) for field in self.fields), *LOAD_COLUMNS)


def declare(
    name: str,
    *fields: str,
    goes_with: dict[str, RecordKind] | None = None,
    loses: dict[str, RecordKind] | None = None,
) -> Object:
    """`declare("lead", "Id!", "CreatedDate instant")`: `!` marks the key, text is the kind left out."""
    found = []
    for text in fields:
        field, _, kind = text.partition(" ")
        found.append(Field(field.rstrip("!"), kind or "text", field.endswith("!")))  # type: ignore[arg-type]
    return Object(name, tuple(found), tuple((goes_with or {}).items()), tuple((loses or {}).items()))
