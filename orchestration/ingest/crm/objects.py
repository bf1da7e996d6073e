"""What is read of an object of a CRM, in the CRM's own words.

Belongs here: the shape of a declaration, and the raw table that follows from it. Does not belong here: any
CRM's objects (`salesforce.py` and its neighbours), or writing rows (`landing.py`).

Only declared fields are asked for, so that what is not needed for a number, such as the name and the phone
number of a prospect, never leaves the CRM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


RecordId = tuple[str, RecordKind]
"""A field, and the kind of the record whose id it holds."""


@dataclass(frozen=True)
class Object:
    """One object of a CRM and the raw table it is kept in; `declare` says what the parts mean."""

    name: str
    fields: tuple[Field, ...]
    goes_with: tuple[RecordId, ...] = ()
    loses: tuple[RecordId, ...] = ()
    same_person: tuple[RecordId, ...] = ()
    kept_by: tuple[str, ...] = ()
    clears: tuple[tuple[str, RecordId], ...] = ()
    account: str = ""
    deal: str = ""
    of_employees: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields if field.is_key)

    def columns(self) -> tuple[tuple[str, str], ...]:
        """(name, SQL type) of the raw table."""
        return (*((field.name, SQL_TYPES[field.kind]) for field in self.fields), *LOAD_COLUMNS)


Kinds = RecordKind | tuple[RecordKind, ...]


def declare(
    name: str,
    *fields: str,
    goes_with: Mapping[str, Kinds] | None = None,
    loses: Mapping[str, Kinds] | None = None,
    same_person: Mapping[str, Kinds] | None = None,
    kept_by: Sequence[str] = (),
    clears: Mapping[str, RecordId | tuple[RecordId, ...]] | None = None,
    account: str = "",
    deal: str = "",
    of_employees: bool = False,
) -> Object:
    """`declare("lead", "Id!", "CreatedDate instant")`: `!` marks the key, text is the kind left out.

    The others say what happens to a row when somebody is forgotten. A kind (`lead`, `contact`, `account`) is
    what staging publishes the id as: where a contact of the CRM is our lead, its id is `("lead", "contact")`,
    as is a field that may hold either.

    - goes_with: fields that hold a record's id. The row is removed with that record: a lead, a contact, the
      link between a deal and a contact. An `email` field needs no mention: the row goes with its address.
    - kept_by: fields that keep such a row where they are filled with what is not forgotten itself, because it
      counts for that: `("deal_id", "lead_id")` of an activity. The row stays, its fields of `goes_with` that
      name the person and its addresses are emptied.
    - loses: fields that hold a record's id and are emptied, the row stays: the contact of a deal.
    - same_person: fields of one row that are ids of one and the same person, its own id among them:
      `{"Id": "lead", "ConvertedContactId": "contact", "MasterRecordId": "lead"}`. Whoever forgets one of
      them forgets all. A field may hold several ids with a semicolon or comma between them.
    - clears: a text that is emptied, and by which record: `{"Name": ("Id", "account")}` is the name of an
      account that is a person; `{"lost_reason": ("person_id", "contact")}` what somebody wrote of the person.
      Several pairs where any of several records empties it.
    - account: the field with the account of this person, or of the person's deal; who forgets the person is
      told that the account keeps its name.
    - deal: the field with the deal that came of this person. The deal stays; what `clears` by its id
      (`("Id", "opportunity")`) is emptied.
    - of_employees: the company's own people; nothing of it is removed, and no address of a prospect is looked
      for in it.
    """
    found = []
    for text in fields:
        field, _, kind = text.partition(" ")
        found.append(Field(field.rstrip("!"), kind or "text", field.endswith("!")))  # type: ignore[arg-type]
    made = Object(
        name,
        tuple(found),
        _ids(goes_with),
        _ids(loses),
        _ids(same_person),
        tuple(kept_by),
        _texts(clears),
        account,
        deal,
        of_employees,
    )
    _refuse_what_is_not_declared(made)
    return made


def _ids(given: Mapping[str, Kinds] | None) -> tuple[RecordId, ...]:
    pairs: list[RecordId] = []
    for field, kinds in (given or {}).items():
        pairs += [(field, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)]
    return tuple(pairs)


def _texts(
    given: Mapping[str, RecordId | tuple[RecordId, ...]] | None,
) -> tuple[tuple[str, RecordId], ...]:
    pairs: list[tuple[str, RecordId]] = []
    for text, records in (given or {}).items():
        several = (records,) if isinstance(records[0], str) else records
        pairs += [(text, record) for record in several]  # type: ignore[misc]
    return tuple(pairs)


def _refuse_what_is_not_declared(made: Object) -> None:
    """A misspelt field would be found when somebody is to be forgotten, years later."""
    if odd := sorted({field.kind for field in made.fields} - set(SQL_TYPES)):
        raise ValueError(f"{made.name}: {', '.join(odd)} is no kind of field")
    known = {field.name for field in made.fields}
    named = [field for field, _ in (*made.goes_with, *made.loses, *made.same_person)]
    named += [field for text, (id_field, _) in made.clears for field in (text, id_field)]
    named += [*made.kept_by, *(field for field in (made.account, made.deal) if field)]
    if unknown := sorted(set(named) - known):
        raise ValueError(f"{made.name}: {', '.join(unknown)} is named, but no field")
    emptied = {field for field, _ in made.loses} | {text for text, _ in made.clears}
    if made.kept_by:
        emptied |= {field for field, _ in made.goes_with}
    if keys := sorted(emptied & set(made.key)):
        raise ValueError(f"{made.name}: {', '.join(keys)} is of the key and cannot be emptied")
