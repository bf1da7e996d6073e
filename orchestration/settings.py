"""The only reader of `zeven.toml` and of the environment.

Belongs here: the shape of the settings (pydantic models), reading and refusing them with the line that is
wrong, and turning `as_of` into an instant. Does not belong here: anything that acts on a setting.

Every key is documented in `zeven.toml` itself; a test holds that file against these models.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from orchestration.errors import SettingsError

PROJECT_ROOT = Path(__file__).resolve().parents[1]
DBT_PROJECT_DIR = PROJECT_ROOT / "dbt_project"
SETTINGS_VARIABLE = "ZEVEN_SETTINGS"
"""Environment variable that names the settings file; `zeven.toml` of the working folder otherwise."""

END_OF_DAY = time(23, 59, 59)
"""A day given without a time means its last second: the whole day has happened."""


def _known_time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"'{name}' is no time zone of the IANA list; write for example 'Europe/Amsterdam'")
    return name


TimeZone = Annotated[str, AfterValidator(_known_time_zone)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
NonEmpty = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
SqlExpression = NonEmpty
Policy = Literal["report", "refuse"]


def _expand_path(value: object, info: ValidationInfo) -> object:
    """Put environment variables into a path and make it absolute, seen from the settings file's folder."""
    if not isinstance(value, str) or not isinstance(info.context, dict):
        return value

    def from_environment(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in info.context["environ"]:
            raise ValueError(f"the environment variable {name} is not set")
        return str(info.context["environ"][name])

    expanded = re.sub(r"\$\{(\w+)\}", from_environment, value)
    return (Path(info.context["folder"]) / expanded).resolve()


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Company(_Section):
    name: NonEmpty
    time_zone: TimeZone = "Europe/Amsterdam"
    currency: Currency = "EUR"
    fiscal_year_start_month: int = Field(default=1, ge=1, le=12)


class Paths(_Section):
    warehouse: Path = Field(default=Path("warehouse"), strict=False, validate_default=True)
    published: Path = Field(default=Path("published"), strict=False, validate_default=True)

    _expand = field_validator("warehouse", "published", mode="before")(_expand_path)

    @field_validator("warehouse", "published", mode="after")
    @classmethod
    def _absolute(cls, value: Path, info: ValidationInfo) -> Path:
        if not value.is_absolute() and isinstance(info.context, dict):
            return (Path(info.context["folder"]) / value).resolve()
        return value


def _opening_hours(value: str) -> str:
    if value == "closed":
        return value
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-(([01]\d|2[0-3]):([0-5]\d)|24:00)", value)
    if match is None or value[:5] >= value[6:]:
        raise ValueError("write 'closed' or the opening hours of one day, such as '09:00-17:00'")
    return value


OpeningHours = Annotated[str, AfterValidator(_opening_hours)]


class BusinessHours(_Section):
    """Opening hours per weekday in company time; holidays are in seeds/holidays.csv."""

    monday: OpeningHours = "09:00-17:00"
    tuesday: OpeningHours = "09:00-17:00"
    wednesday: OpeningHours = "09:00-17:00"
    thursday: OpeningHours = "09:00-17:00"
    friday: OpeningHours = "09:00-17:00"
    saturday: OpeningHours = "closed"
    sunday: OpeningHours = "closed"


class Run(_Section):
    as_of: NonEmpty = "now"
    schedule: NonEmpty = "0 5 * * *"
    wait_seconds: int = Field(default=600, ge=0)
    memory_limit: Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)?\s?(MB|GB|MiB|GiB)$")] = "4GB"

    @field_validator("as_of")
    @classmethod
    def _readable(cls, value: str) -> str:
        _parse_as_of(value)
        return value


class Release(_Section):
    keep: int = Field(default=30, ge=1)
    max_age_hours: int = Field(default=26, ge=1)


class LeadExclusion(_Section):
    reason: NonEmpty
    condition: SqlExpression


class Leads(_Section):
    capacity_per_rep: int = Field(default=40, ge=1)
    exclude: tuple[LeadExclusion, ...] = Field(default=(), strict=False)


class Response(_Section):
    exclude_sources: tuple[str, ...] = Field(default=(), strict=False)


class Pipeline(_Section):
    stale_after_days: int = Field(default=30, ge=1)


class TableMapping(_Section):
    """Where one canonical table comes from, and how its columns follow from the file's own."""

    files: NonEmpty
    format: Literal["csv", "parquet", "jsonl"] | None = None
    columns: dict[str, SqlExpression] = Field(default_factory=dict)


class FilesSource(_Section):
    """A folder of export files (`kind = "files"`)."""

    kind: Literal["files"]
    folder: Path = Field(strict=False)
    time_zone: TimeZone = "UTC"
    date_format: NonEmpty = "%Y-%m-%d"
    timestamp_format: NonEmpty = "iso"
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    quote: Annotated[str, StringConstraints(min_length=1, max_length=1)] = '"'
    decimal_separator: Literal[".", ","] = "."
    encoding: Literal["utf-8", "latin-1", "utf-16"] = "utf-8"
    null_values: tuple[str, ...] = Field(default=("",), strict=False)
    unknown_columns: Policy = "report"
    missing_columns: Policy = "report"
    max_quarantine_ratio: float = Field(default=0.05, ge=0, le=1, strict=False)
    tables: dict[str, TableMapping] = Field(default_factory=dict)

    _expand = field_validator("folder", mode="before")(_expand_path)


class Settings(_Section):
    """All of `zeven.toml`. Paths are absolute; `file` is where it was read."""

    company: Company
    business_hours: BusinessHours = BusinessHours()
    paths: Paths = Field(default_factory=dict, validate_default=True)  # type: ignore[assignment]
    run: Run = Run()
    release: Release = Release()
    leads: Leads = Leads()
    response: Response = Response()
    pipeline: Pipeline = Pipeline()
    sources: dict[Identifier, FilesSource]
    file: Path = Field(strict=False, exclude=True)

    @model_validator(mode="after")
    def _has_a_source(self) -> Self:
        if not self.sources:
            raise ValueError("no source is given; add a table such as [sources.crm] with kind and folder")
        return self

    def as_of(self, override: str | None = None, *, now: datetime | None = None) -> datetime:
        """The instant a run describes, in UTC without sub-second part.

        `override` wins over `run.as_of`. A date means the last second of that day in company time; an instant
        without offset is in company time; `now` is the clock (given by tests).
        """
        text = override or self.run.as_of
        try:
            parsed = _parse_as_of(text)
        except ValueError as error:
            raise SettingsError(f"as_of: {error}.") from None
        zone = ZoneInfo(self.company.time_zone)
        if parsed is None:
            instant = now or datetime.now(UTC)
        elif isinstance(parsed, datetime):
            instant = parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)
        else:
            instant = datetime.combine(parsed, END_OF_DAY, tzinfo=zone)
        return instant.astimezone(UTC).replace(microsecond=0)


def _parse_as_of(text: str) -> datetime | date | None:
    """`None` for "now"."""
    if text == "now":
        return None
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"'{text}' is neither 'now', a date such as 2026-03-31 nor an instant such as 2026-03-31T18:00:00+02:00"
        ) from None


def settings_path(explicit: Path | None = None) -> Path:
    """The settings file: the one asked for, else `$ZEVEN_SETTINGS`, else `zeven.toml` here, else the project's."""
    if explicit is not None:
        return explicit.resolve()
    if named := os.environ.get(SETTINGS_VARIABLE):
        return Path(named).resolve()
    here = Path.cwd() / "zeven.toml"
    return here if here.exists() else PROJECT_ROOT / "zeven.toml"


def load_settings(path: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings; `SettingsError` says file, line, key, what was expected."""
    file = settings_path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(
            f"{file}: no such settings file. Copy the zeven.toml of the project there, or name yours with --settings."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: cannot be read as UTF-8 text ({error}).") from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: is no valid TOML: {error}.") from None
    if "file" in raw:
        raise SettingsError(f"{file}:{_line_of(text, ('file',))}: file: unknown key. Remove it.")
    context = {"folder": file.parent, "environ": os.environ if environ is None else environ}
    try:
        return Settings.model_validate({**raw, "file": file}, context=context)
    except ValidationError as error:
        raise SettingsError(_sentence(file, text, error)) from None


def _sentence(file: Path, text: str, error: ValidationError) -> str:
    """One sentence for the first thing that is wrong, as `file:line: key: reason`."""
    first = error.errors(include_url=False)[0]
    path = tuple(part for part in first["loc"] if part != "[key]")
    where = f"{file}:{_line_of(text, path)}"
    key = ".".join(str(part) for part in path)
    others = f" ({error.error_count() - 1} more after this one)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        near = _nearest(str(path[-1]), _known_keys(path[:-1]))
        return f"{where}: {key}: unknown key{f', did you mean {near!r}?' if near else '. Remove it.'}{others}"
    if first["type"] == "missing":
        return f"{where}: {key}: this key is required and missing.{others}"
    reason = first["msg"].removeprefix("Value error, ")
    reason = reason[0].lower() + reason[1:]
    shown = first["input"]
    value = f" (found {shown!r})" if isinstance(shown, str | int | float | bool) else ""
    return f"{where}: {key}: {reason}{value}.{others}"


def _nearest(key: str, known: list[str]) -> str | None:
    import difflib

    return next(iter(difflib.get_close_matches(key, known, n=1)), None)


def _known_keys(path: tuple[Any, ...]) -> list[str]:
    """The keys of the settings table at `path`; empty where keys are free."""
    model: type[BaseModel] | None = Settings
    for part in path:
        if model is Settings and part == "sources":
            model = None
        elif model is None and path[0] == "sources" and len(path) == 2:
            model = FilesSource
        elif model is not None and part in model.model_fields:
            annotation = model.model_fields[part].annotation
            model = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
        else:
            return list(TableMapping.model_fields) if "tables" in path else list(LeadExclusion.model_fields)
    return [name for name in model.model_fields if name != "file"] if model else []


def _line_of(text: str, path: tuple[Any, ...]) -> int:
    """The line of the deepest part of `path` that stands in the file; TOML readers of the library keep none.

    `path` holds keys and list positions as pydantic reports them.
    """
    best, best_depth = 1, 0
    for line, keys in _keys_by_line(text):
        depth = 0
        for found, wanted in zip(keys, path, strict=False):
            if found != wanted:
                break
            depth += 1
        if depth > best_depth and depth == min(len(keys), len(path)):
            best, best_depth = line, depth
    return best


def _keys_by_line(text: str) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Every table header and key of a TOML text with its line and full path."""
    table: tuple[Any, ...] = ()
    counts: dict[tuple[Any, ...], int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if header := re.match(r"^(\[\[?)([^\[\]]+)\]\]?\s*(#.*)?$", stripped):
            table = _split_key(header.group(2))
            if header.group(1) == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            yield number, table
        elif assignment := re.match(r"""^((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"))*)\s*=""", stripped):
            yield number, (*table, *_split_key(assignment.group(1)))


def _split_key(dotted: str) -> tuple[str, ...]:
    parts = re.findall(r"""[\w-]+|"[^"]*"|'[^']*'""", dotted)
    return tuple(part.strip("\"'") for part in parts)
