"""What a field of a record is read as: JSON as text, and that text as the type that its object declares.

Belongs here: the SQL of each kind of field, and the words for what is not of its kind. Does not belong here:
which fields there are (`objects.py` and the CRMs'), what becomes of rows that cannot be read (`landing.py`).
"""

from __future__ import annotations

from typing import Any

import orjson

from orchestration.ingest.crm.objects import Field
from orchestration.sql_text import identifier, literal

_FIRST, _LAST = "TIMESTAMP '1900-01-01'", "TIMESTAMP '2201-01-01'"
_LOCAL = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
_EXPECTED = {
    "integer": "is no whole number",
    "amount": "is no amount",
    "number": "is no number",
    "boolean": "is neither true nor false",
    "instant": "is no instant of the years 1900 to 2200",
    "calendar_date": "is no date of the years 1900 to 2200",
}


def line(values: list[str | None]) -> bytes:
    """A record as a line of JSON, whatever its text."""
    try:
        return orjson.dumps(values)
    except TypeError:  # half of an emoji, which CRMs leave where they cut a text
        whole = [value and value.encode("utf-8", "replace").decode("utf-8") for value in values]
        return orjson.dumps(whole)


def plain(value: Any) -> str | None:
    """A value of JSON as text; what is nested, as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return orjson.dumps(value).decode()


def given_text(one: Field) -> str:
    """SQL of a field as it came, as text; of an e-mail address its hash alone."""
    name = identifier(one.name)
    if one.kind == "email":
        cleaned = f"nullif(lower(trim(CAST({name} AS VARCHAR))), '')"
        # an address that another tool has hashed already stays
        return f"CASE WHEN {cleaned} LIKE '%@%' THEN sha256({cleaned}) ELSE {cleaned} END AS {name}"
    return f"nullif(CAST({name} AS VARCHAR), '') AS {name}"


def typed_value(one: Field) -> str:
    """SQL of a field's text as the type of its kind; null where it is none."""
    name = identifier(one.name)
    match one.kind:
        case "integer":
            return (
                f"CASE WHEN regexp_full_match({name}, '-?\\d+(\\.0+)?') THEN TRY_CAST({name} AS BIGINT) END"
            )
        case "amount":
            return f"TRY_CAST({name} AS DECIMAL(18,2))"
        case "number":
            number = f"TRY_CAST({name} AS DOUBLE)"
            return f"CASE WHEN isfinite({number}) THEN {number} END"
        case "boolean":
            return (
                f"CASE WHEN lower({name}) IN ('true', '1') THEN true"
                f" WHEN lower({name}) IN ('false', '0') THEN false END"
            )
        case "instant":
            offset = f"regexp_replace({name}, '([+-]\\d{{2}}):?(\\d{{2}})$', '\\1:\\2')"
            has_none = f"regexp_full_match({name}, {literal(_LOCAL[1:])})"
            zoned = f"CASE WHEN {has_none} THEN {name} || 'Z' ELSE {offset} END"
            read = (
                f"CASE WHEN regexp_full_match({name}, '\\d{{11,14}}')"
                f" THEN epoch_ms(TRY_CAST({name} AS BIGINT))"
                f" WHEN regexp_matches({name}, {literal(_LOCAL)})"
                f" THEN TRY_CAST({zoned} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' END"
            )
            return f"CASE WHEN {read} >= {_FIRST} AND {read} < {_LAST} THEN {read} END"
        case "calendar_date":
            starts = f"regexp_matches({name}, '^\\d{{4}}-\\d{{2}}-\\d{{2}}')"
            read = f"CASE WHEN {starts} THEN TRY_CAST(left({name}, 10) AS DATE) END"
            return f"CASE WHEN {read} >= {_FIRST} AND {read} < {_LAST} THEN {read} END"
    return name


def reason_against(one: Field) -> str:
    """SQL of the sentence on a text that is not of the field's kind, else null."""
    if one.kind not in _EXPECTED:
        return "NULL"
    name = identifier(one.name)
    said = literal(f"{one.name}: {_EXPECTED[one.kind]}")
    return f"CASE WHEN {name} IS NOT NULL AND ({typed_value(one)}) IS NULL THEN {said} END"
