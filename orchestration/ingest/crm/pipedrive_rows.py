"""A record of Pipedrive as the fields that are kept of it.

Belongs here: one function per object whose fields do not stand in the record as they are declared. Does not
belong here: asking for records (`pipedrive.py`).
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]
Record = Mapping[str, Any]

PARTS = ("source", "campaign", "industry", "status")
_UUID_EPOCH = datetime(1582, 10, 15, tzinfo=UTC)
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def goal(record: Record) -> Row:
    kind, assignee = record.get("type") or {}, record.get("assignee") or {}
    duration, outcome = record.get("duration") or {}, record.get("expected_outcome") or {}
    return {
        **record,
        "type_name": kind.get("name"),
        "assignee_id": assignee.get("id"),
        "assignee_type": assignee.get("type"),
        "goal_interval": record.get("interval"),
        "duration_start": duration.get("start"),
        "duration_end": duration.get("end"),
        "target": outcome.get("target"),
        "tracking_metric": outcome.get("tracking_metric"),
        "currency_id": outcome.get("currency_id"),
    }


def organization(record: Record) -> Row:
    address = record.get("address")
    return {**record, "country": address.get("country") if isinstance(address, Mapping) else None}


def person(record: Record) -> Row:
    """Of the addresses the first one, of which `landing` keeps the hash."""
    emails = [entry for entry in record.get("emails") or () if entry.get("value")]
    emails.sort(key=lambda entry: not entry.get("primary"))
    return {**record, "email": emails[0]["value"] if emails else None}


def lead(record: Record, parts: Mapping[str, str]) -> Row:
    return {**record, **_parts(record, record, parts)}


def deal(record: Record, parts: Mapping[str, str]) -> Row:
    own = record.get("custom_fields") or {}
    return {
        **record,
        "source_lead_add_time": made_at(record.get("source_lead_id")),
        **_parts(record, own, parts),
    }


def activity(record: Record) -> Row:
    """A due date with a time is UTC; without one it is a day."""
    day, time = record.get("due_date"), record.get("due_time")
    return {**record, "due_at": f"{day}T{time}Z" if day and time else None}


def changes(deal_id: str, entries: Iterable[Record], wanted: Iterable[str]) -> Iterator[Row]:
    """The changes of a deal, numbered from the oldest. Equal ones of one second are one."""
    kept = []
    for entry in entries:
        said_name = str(entry.get("field_key"))
        name = "owner_id" if said_name == "user_id" else said_name
        if name in wanted:
            kept.append({**entry, "field_key": name})
    if kept and str(kept[0].get("time")) > str(kept[-1].get("time")):
        kept.reverse()
    kept.sort(key=lambda entry: str(entry.get("time")))
    seen: dict[tuple[Any, ...], int] = {}
    for number, entry in enumerate(kept):
        said = tuple(str(entry.get(name)) for name in ("time", "field_key", "old_value", "new_value"))
        if said in seen:
            continue
        seen[said] = number
        digest = hashlib.sha256("\x1f".join((deal_id, *said)).encode()).hexdigest()[:32]
        yield {**entry, "entry": digest, "deal_id": deal_id, "number": number}


def made_at(lead_id: Any) -> str | None:
    """When a lead was made, which its id says: the UUIDs of leads are of versions 1 and 7."""
    try:
        found = uuid.UUID(str(lead_id))
    except ValueError:
        return None
    if found.version == 1:
        at = _UUID_EPOCH + timedelta(microseconds=found.time // 10)
    elif found.version == 7:
        at = _UNIX_EPOCH + timedelta(milliseconds=found.int >> 80)
    else:
        return None
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


def _parts(record: Record, own: Record, parts: Mapping[str, str]) -> Row:
    """`channel` stands for where a record came from; one without it says at least by which way."""
    found: Row = {f"part_{part}": _value(own.get(code, record.get(code))) for part, code in parts.items()}
    if parts.get("source") == "channel" and found["part_source"] is None:
        found["part_source"] = record.get("origin")
    return found


def _value(given: Any) -> Any:
    """The value itself of an amount or address; the first of several options."""
    if isinstance(given, Mapping):
        given = given.get("value")
    if isinstance(given, list):
        given = given[0] if given else None
    return given
