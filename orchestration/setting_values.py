"""What a single value in the settings may be, and in which words a wrong one is refused.

Belongs here: checked types of values, and reading a path or an instant that a person wrote. Does not belong
here: which key has which type (`setting_sections.py`, `setting_sources.py`). A ValueError raised here is the
reason, without key and line.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, StringConstraints, ValidationInfo

from orchestration.speech import SECRET_NAME, passwords_in


def _known_time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("this is no time zone of the IANA list; write for example 'Europe/Amsterdam'")
    return name


def _matching(pattern: str, otherwise: str) -> AfterValidator:
    """Text of one pattern, refused in words instead of with the pattern."""

    def check(value: str) -> str:
        if re.fullmatch(pattern, value) is None:
            raise ValueError(otherwise)
        return value

    return AfterValidator(check)


_CRON_FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("weekday", 0, 7),
)


def _cron(value: str) -> str:
    """Five cron fields of numbers: `*`, `5`, `1-5`, `*/15`, and lists of them."""
    fields = value.split()
    if len(fields) != len(_CRON_FIELDS):
        raise ValueError("write the five fields of a cron line, such as '0 5 * * *' for daily at 05:00")
    for text, (name, low, high) in zip(fields, _CRON_FIELDS, strict=True):
        for part in text.split(","):
            match = re.fullmatch(r"(?:\*|(\d+)(?:-(\d+))?)(?:/0*[1-9]\d*)?", part)
            numbers = [int(number) for number in match.groups() if number is not None] if match else [-1]
            if not all(low <= number <= high for number in numbers) or numbers != sorted(numbers):
                raise ValueError(
                    f"the {name} of a cron line is *, or numbers from {low} to {high}, not '{part}'"
                )
    return value


def _opening_hours(value: str) -> str:
    if value == "closed":
        return value
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-(([01]\d|2[0-3]):([0-5]\d)|24:00)", value)
    if match is None or value[:5] >= value[6:]:
        raise ValueError("write 'closed' or the opening hours of one day, such as '09:00-17:00'")
    return value


TimeZone = Annotated[str, AfterValidator(_known_time_zone)]
Currency = Annotated[
    str, _matching(r"[A-Z]{3}", "write the three capitals of an ISO 4217 currency, such as 'EUR'")
]
Cron = Annotated[str, AfterValidator(_cron)]
MemoryLimit = Annotated[
    str, _matching(r"\d+(\.\d+)?\s?(MB|GB|MiB|GiB)", "write a number and MB, GB, MiB or GiB, such as '4GB'")
]
Identifier = Annotated[
    str,
    _matching(
        r"[a-z][a-z0-9_]{0,30}",
        "a source's name is small letters, digits and _, starts with a letter and has at most 31 characters",
    ),
]
Character = Annotated[
    str,
    _matching(r"(?s).", "this must be one character"),
    _matching("[^\0\r\n\ufeff]", "this must be a character that ends no line and no text"),
]
OneByte = Annotated[
    Character, _matching("[\t\x20-\x7e]", "this must be a character of ASCII: DuckDB takes one byte for it")
]
Text = Annotated[str, _matching("[^\0]*", "this must not hold a null character")]
NonEmpty = Annotated[
    str,
    StringConstraints(min_length=1, strip_whitespace=True),
    _matching("[^\0]*", "this must not hold a null character"),
]
SqlExpression = NonEmpty


def _condition(value: str) -> str:
    """It becomes a part of a model's SQL, between brackets on one line."""
    import duckdb

    from orchestration.expressions import SPECIAL_NAMES, ExpressionError, columns_named

    with duckdb.connect() as con:
        try:
            named = columns_named(con, value)
        except ExpressionError as error:
            raise ValueError(f"the condition {error}") from None
    if special := sorted(named & SPECIAL_NAMES):
        raise ValueError(
            f"the condition asks for {special[0]}; it is to be computed from the lead's columns alone"
        )
    if "--" in value or "/*" in value:
        raise ValueError("the condition holds a comment (-- or /*); write it beside it, behind #")
    return value


SqlCondition = Annotated[NonEmpty, AfterValidator(_condition)]
Policy = Literal["report", "refuse"]
OpeningHours = Annotated[str, AfterValidator(_opening_hours)]


def absolute_path(value: Path, info: ValidationInfo) -> Path:
    """A path that a default gave, seen from the settings file's folder."""
    if not value.is_absolute() and isinstance(info.context, dict):
        return (Path(info.context["folder"]) / value).resolve()
    return value


def expand_path(value: object, info: ValidationInfo) -> object:
    """Put environment variables into a path and make it absolute, seen from the settings file's folder."""
    context = info.context
    if not isinstance(value, str) or not isinstance(context, dict):
        return value

    def from_environment(match: re.Match[str]) -> str:
        name = match.group(1)
        if SECRET_NAME.search(name):
            raise ValueError(
                f"the variable {name} is named like a secret, and a path is shown in every message; use"
                " another one"
            )
        if not context["environ"].get(name):
            raise ValueError(f"the environment variable {name} is not set")
        if passwords_in(context["environ"][name]):
            raise ValueError(
                f"the variable {name} holds an address with a password, and a path is shown in every message;"
                " use another one"
            )
        return str(context["environ"][name])

    expanded = re.sub(r"\$\{(\w+)\}", from_environment, value)
    if not expanded.strip():
        raise ValueError("this must be the path of a folder, not empty")
    if not expanded.isprintable():
        raise ValueError("the path holds characters that cannot be shown")
    try:
        return (Path(context["folder"]) / Path(expanded).expanduser()).resolve()
    except RuntimeError as error:  # ~somebody who has no home here
        raise ValueError(f"the path has no meaning here: {error}") from None


def parse_as_of(text: str) -> datetime | date | None:
    """`None` for "now"."""
    if text == "now":
        return None
    parsed: date | datetime
    try:
        parsed = date.fromisoformat(text)
    except ValueError:
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(
                f"'{text}' is neither 'now', a date such as 2026-03-31 nor an instant such as "
                "2026-03-31T18:00:00+02:00"
            ) from None
    if not 1900 <= parsed.year <= 2200:
        raise ValueError(f"'{text}' is not between the years 1900 and 2200")
    return parsed


def local_instant(wall_clock: datetime, zone: ZoneInfo) -> datetime:
    """A wall-clock time in a zone; refused where the clocks change and it happens twice or not at all."""
    first, second = (wall_clock.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() != second.utcoffset():
        raise ValueError(
            f"'{wall_clock.isoformat()}' is in the hour in which the clocks of {zone.key} change; "
            "write it with its offset, such as +01:00"
        )
    return first
