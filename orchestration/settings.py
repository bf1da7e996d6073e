"""The only reader of `zeven.toml` and of the environment.

Belongs here: the shape of the settings (pydantic models), reading and refusing them with the line that is
wrong, and turning `as_of` into an instant. Does not belong here: anything that acts on a setting.

Every key is documented in `zeven.toml` itself; a test holds that file against these models.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from orchestration.errors import SettingsError
from orchestration.setting_values import (
    Character,
    Cron,
    Currency,
    Identifier,
    MemoryLimit,
    NonEmpty,
    OneByte,
    OpeningHours,
    Policy,
    SqlCondition,
    SqlExpression,
    Text,
    TimeZone,
    absolute_path,
    expand_path,
    local_instant,
    parse_as_of,
)
from orchestration.toml_lines import line_of

PROJECT_ROOT = Path(__file__).resolve().parents[1]
DBT_PROJECT_DIR = PROJECT_ROOT / "dbt_project"
SETTINGS_VARIABLE = "ZEVEN_SETTINGS"
"""Environment variable that names the settings file; `zeven.toml` of the working folder otherwise."""

END_OF_DAY = time(23, 59, 59)
"""A day given without a time means its last second: the whole day has happened."""


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

    _expand = field_validator("warehouse", "published", mode="before")(expand_path)
    _absolute = field_validator("warehouse", "published", mode="after")(absolute_path)

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.warehouse.is_relative_to(self.published) or self.published.is_relative_to(self.warehouse):
            raise ValueError("warehouse and published must be two folders, none inside the other")
        return self


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
    schedule: Cron = "0 5 * * *"
    wait_seconds: int = Field(default=600, ge=0)
    memory_limit: MemoryLimit = "4GB"

    @field_validator("as_of")
    @classmethod
    def _readable(cls, value: str) -> str:
        parse_as_of(value)
        return value


class Spark(_Section):
    """Where Apache Spark is, for `target = "spark"` (docs/scale.md). A password is in the environment."""

    host: NonEmpty = "127.0.0.1"
    port: int = Field(default=10000, ge=1, le=65535)
    user: NonEmpty = "zeven"
    auth: Literal["none", "nosasl", "ldap"] = "none"
    folder: Path = Field(default=Path("spark"), strict=False, validate_default=True)
    """What this machine and Spark's workers exchange, under the same path on all of them."""
    nodes_at_once: int = Field(default=4, ge=1)
    facts: Literal["copied", "in_place"] = "copied"
    """Whether the rows of `fct_*` come into a release's database, or stay in the files that Spark wrote."""

    _expand = field_validator("folder", mode="before")(expand_path)
    _absolute = field_validator("folder", mode="after")(absolute_path)

    @field_validator("folder", mode="after")
    @classmethod
    def _no_pattern(cls, value: Path) -> Path:
        if odd := sorted(set(str(value)) & set("{}[]*?,`\\'")):
            raise ValueError(f"as a pattern, Spark reads {' '.join(odd)}; name another folder")
        return value


class Release(_Section):
    keep: int = Field(default=30, ge=1)
    max_age_hours: int = Field(default=26, ge=1)


class LeadExclusion(_Section):
    reason: NonEmpty
    condition: SqlCondition


class Leads(_Section):
    capacity_per_rep: int = Field(default=40, ge=1)
    workload_low: float = Field(default=0.6, ge=0, strict=False)
    workload_high: float = Field(default=1.0, gt=0, strict=False)
    exclude: tuple[LeadExclusion, ...] = Field(default=(), strict=False)


class Matching(_Section):
    """How a person is recognised who is a lead in several sources."""

    leads_by: Literal["off", "email"] = "email"


class Response(_Section):
    exclude_sources: tuple[str, ...] = Field(default=(), strict=False)
    sla_minutes: int = Field(default=60, ge=1)


class FollowUps(_Section):
    minimum_contact_moments: int = Field(default=5, ge=1)
    abandoned_acceptable: float = Field(default=0.4, ge=0, le=1, strict=False)


class Targets(_Section):
    at_risk_from: float = Field(default=0.85, ge=0, le=1, strict=False)


class Pipeline(_Section):
    stale_after_days: int = Field(default=30, ge=1)
    coverage_good: float = Field(default=3.0, gt=0, strict=False)
    coverage_low: float = Field(default=1.0, ge=0, strict=False)


class Signals(_Section):
    """From where a number is a finding; how the numbers themselves are judged stands with their metric."""

    minimum_records: int = Field(default=10, ge=1)
    change_large: float = Field(default=0.2, gt=0, strict=False)
    change_small: float = Field(default=0.1, ge=0, strict=False)
    qualification_low: float = Field(default=0.2, ge=0, le=1, strict=False)
    slower_factor: float = Field(default=1.5, ge=1, strict=False)
    elapsed_from: float = Field(default=0.25, ge=0, le=1, strict=False)
    stale_ratio: float = Field(default=0.25, gt=0, le=1, strict=False)


class Sanity(_Section):
    """When a release is hardly true beside the last one: beyond `*_warn` told, beyond `*_block` refused."""

    minimum_rows: int = Field(default=50, ge=0)
    rows_warn: float = Field(default=0.05, ge=0, strict=False)
    rows_block: float = Field(default=0.3, ge=0, strict=False)
    closed_sales_warn: float = Field(default=0.1, ge=0, strict=False)
    closed_sales_block: float = Field(default=0.5, ge=0, strict=False)
    nulls_warn: float = Field(default=0.2, ge=0, strict=False)
    nulls_block: float = Field(default=0.5, ge=0, strict=False)
    history_warn: float = Field(default=10.0, ge=0, strict=False)
    history_block: float = Field(default=30.0, ge=0, strict=False)

    @model_validator(mode="after")
    def _warns_first(self) -> Self:
        for name in ("rows", "closed_sales", "nulls", "history"):
            warn, block = getattr(self, f"{name}_warn"), getattr(self, f"{name}_block")
            if not warn <= block:
                raise ValueError(f"{name}_warn ({warn:g}) must not be above {name}_block ({block:g})")
        return self


class Dashboard(_Section):
    """The pages; who may see what where a sign-in proxy stands before them (docs/dashboard.md)."""

    language: Literal["en", "nl"] = "en"
    port: int = Field(default=8050, ge=1, le=65535)
    user_header: str = Field(default="", pattern="^[A-Za-z0-9-]*$")
    managers: tuple[NonEmpty, ...] = Field(default=(), strict=False)
    reps: dict[str, NonEmpty] = Field(default_factory=dict)


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
    delimiter: Character = ","
    quote: OneByte = '"'
    decimal_separator: Literal[".", ","] = "."
    encoding: Literal["utf-8", "windows-1252", "latin-1", "utf-16"] = "utf-8"
    null_values: tuple[Text, ...] = Field(default=("",), strict=False)
    unknown_columns: Policy = "report"
    missing_columns: Policy = "report"
    max_quarantine_ratio: float = Field(default=0.05, ge=0, le=1, strict=False)
    adds_to: str = ""
    """The source whose reps and teams the targets of this folder name; it then holds no leads of its own."""
    tables: dict[str, TableMapping] = Field(default_factory=dict)

    _expand = field_validator("folder", mode="before")(expand_path)

    @model_validator(mode="after")
    def _tell_apart(self) -> Self:
        if self.delimiter == self.quote:
            raise ValueError(
                "delimiter and quote are the same character; a value could not be told from its end"
            )
        for spelling in self.null_values:
            if self.quote in spelling or self.delimiter in spelling:
                raise ValueError(
                    f"null_values: {spelling!r} holds the delimiter or the quote, so no value of a file"
                    " can be it"
                )
        return self


class SqlTable(_Section):
    """A table or view of a database that gives one canonical table; expressions as in a file's mapping."""

    table: NonEmpty
    key: NonEmpty
    cursor: NonEmpty | None = None
    deleted: SqlExpression | None = None
    columns: dict[str, SqlExpression] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_says_deleted(self) -> Self:
        if self.deleted is not None and "is_deleted" in self.columns:
            raise ValueError("deleted and columns.is_deleted say the same; leave one of them out")
        return self


class SqlSource(_Section):
    """A CRM's own database. Its address is in the environment, named after the source."""

    kind: Literal["sql"]
    time_zone: TimeZone = "UTC"
    overlap_minutes: int = Field(default=60, ge=0)
    keys_every_days: int = Field(default=7, ge=0)
    rows_per_piece: int = Field(default=200_000, ge=1)
    max_quarantine_ratio: float = Field(default=0.05, ge=0, le=1, strict=False)
    tables: dict[str, SqlTable] = Field(min_length=1)

    date_format: ClassVar[str] = "%Y-%m-%d"
    timestamp_format: ClassVar[str] = "iso"
    decimal_separator: ClassVar[str] = "."
    """How text is read where a database keeps a date or a number as text; otherwise, by an expression."""


class SalesforceSource(_Section):
    """An org of Salesforce. The credential is in the environment, named after the source."""

    kind: Literal["salesforce"]
    instance: str = Field(pattern=r"^(https://[\w.-]+|http://127\.0\.0\.1:\d+)/?$")
    """Address of the org, such as `https://acme.my.salesforce.com`; unencrypted only on this machine."""
    api_version: str = Field(default="62.0", pattern=r"^\d{2,3}\.0$")
    api_share: float = Field(default=0.8, gt=0, le=1, strict=False)
    reconcile_days: int = Field(default=7, ge=1)
    users: str = ""
    fields: dict[str, NonEmpty] = Field(default_factory=dict)


class _HubspotProperties(_Section):
    """What an account keeps in properties and values of its own."""

    lead_source: NonEmpty = "hs_analytics_source"
    lead_campaign: NonEmpty = "hs_analytics_source_data_1"
    product_family: NonEmpty = "hs_product_type"
    """Properties that hold where a lead or deal came from, and what kind of product one is."""
    disqualified: tuple[NonEmpty, ...] = Field(default=("UNQUALIFIED", "BAD_TIMING"), strict=False)
    """Values of `hs_lead_status` that mean that the contact is no lead any more."""


class HubspotSource(_HubspotProperties):
    """A HubSpot account. The token is in the environment, named after the source."""

    kind: Literal["hubspot"]
    api: NonEmpty = "https://api.hubapi.com"
    leads: Literal["contacts", "leads"] = "contacts"
    """What a lead is: a contact, or HubSpot's lead object where the account has it."""


class PipedriveSource(_Section):
    """A Pipedrive company. The token is in the environment, named after the source."""

    kind: Literal["pipedrive"]
    api: NonEmpty
    """Address of the company, such as `https://acme.pipedrive.com`."""
    source_field: NonEmpty = "channel"
    campaign_field: str = ""
    industry_field: str = ""
    status_field: str = ""
    daily_tokens: int = Field(default=30_000, ge=1_000)


class LandedSource(_Section):
    """Tables of a CRM that Fivetran, Airbyte or dlt has put somewhere: the part that all CRMs share."""

    kind: str
    place: Path | Literal["database"]
    """A DuckDB file, a folder of Parquet files, or a database, whose address is in the environment."""
    dataset: str = ""
    """The schema of the database, or the folder below `place`; empty where there is one."""

    @field_validator("place", mode="plain")
    @classmethod
    def _file_folder_or_database(cls, value: object, info: ValidationInfo) -> object:
        if value == "database" or isinstance(value, Path):
            return value
        if not isinstance(value, str):
            raise ValueError(
                'this must be the path of a DuckDB file or of a folder of Parquet files, or "database"'
            )
        return expand_path(value, info)

    @model_validator(mode="before")
    @classmethod
    def _no_address(cls, given: Any) -> Any:
        """Not by the field: its value, with a password in it, would be shown."""
        place = given.get("place") if isinstance(given, dict) else None
        if isinstance(place, str) and "://" in place:
            raise ValueError(
                "place holds the address of a database, and settings are no place for a password; write"
                ' place = "database", and put the address into ZEVEN_<SOURCE>_URL of the environment'
            )
        return given


class SalesforceLandedSource(LandedSource):
    kind: Literal["salesforce_landed"]
    fields: dict[str, NonEmpty] = Field(default_factory=dict)


class HubspotLandedSource(LandedSource, _HubspotProperties):
    kind: Literal["hubspot_landed"]


Source = Annotated[
    FilesSource
    | SqlSource
    | SalesforceSource
    | SalesforceLandedSource
    | HubspotSource
    | HubspotLandedSource
    | PipedriveSource,
    Field(discriminator="kind"),
]
SOURCE_KINDS: dict[str, type[_Section]] = {
    kind: model
    for model in get_args(get_args(Source)[0])
    for kind in get_args(model.model_fields["kind"].annotation)
}


class Settings(_Section):
    """All of `zeven.toml`. Paths are absolute; `file` is where it was read."""

    target: Literal["duckdb", "spark"] = "duckdb"
    """The engine that makes the models' tables."""
    company: Company
    business_hours: BusinessHours = BusinessHours()
    paths: Paths = Field(default_factory=dict, validate_default=True)
    spark: Spark = Field(default_factory=dict, validate_default=True)
    run: Run = Run()
    release: Release = Release()
    leads: Leads = Leads()
    matching: Matching = Matching()
    response: Response = Response()
    follow_ups: FollowUps = FollowUps()
    targets: Targets = Targets()
    pipeline: Pipeline = Pipeline()
    signals: Signals = Signals()
    sanity: Sanity = Sanity()
    dashboard: Dashboard = Dashboard()
    sources: dict[Identifier, Source]
    file: Path = Field(strict=False, exclude=True)

    @field_validator("sources")
    @classmethod
    def _has_a_source(cls, value: dict[str, Source]) -> dict[str, Source]:
        if not value:
            raise ValueError("no source is given; add a table such as [sources.crm] with kind and folder")
        for name, source in value.items():
            if not (isinstance(source, FilesSource) and source.adds_to):
                continue
            others = [one for one, other in value.items() if not getattr(other, "adds_to", "")]
            if source.adds_to not in others:
                raise ValueError(
                    f"{name}.adds_to names {source.adds_to!r}, which must be another source with records of"
                    f" its own; there is {', '.join(others) or 'none'}"
                )
        return value

    @property
    def added_to(self) -> dict[str, str]:
        """The sources that only add to another one, and that one."""
        return {name: source.adds_to for name, source in self.file_sources.items() if source.adds_to}

    @property
    def file_sources(self) -> dict[str, FilesSource]:
        return {name: source for name, source in self.sources.items() if isinstance(source, FilesSource)}

    def as_of(self, override: str | None = None, *, now: datetime | None = None) -> datetime:
        """The instant a run describes, in UTC without sub-second part.

        `override` wins over `run.as_of`. A date means the last second of that day in company time; an instant
        without offset is in company time; `now` is the clock (given by tests).
        """
        text = self.run.as_of if override is None else override
        zone = ZoneInfo(self.company.time_zone)
        try:
            parsed = parse_as_of(text)
            if parsed is None:
                instant = now or datetime.now(UTC)
            elif isinstance(parsed, datetime):
                instant = parsed if parsed.tzinfo else local_instant(parsed, zone)
            else:
                instant = datetime.combine(parsed, END_OF_DAY, tzinfo=zone)
        except ValueError as error:
            raise SettingsError(f"as_of: {error}.") from None
        return instant.astimezone(UTC).replace(microsecond=0)


def settings_path(explicit: Path | None = None) -> Path:
    """The file asked for, else `$ZEVEN_SETTINGS`, else `zeven.toml` of this folder, else the project's."""
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
        text = file.read_text(encoding="utf-8-sig")  # editors on Windows put a mark in front
    except FileNotFoundError:
        raise SettingsError(
            f"{file}: no such settings file. Copy the zeven.toml of the project there, or name yours with "
            "--settings."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: cannot be read as UTF-8 text ({error}).") from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: is no valid TOML: {error}.") from None
    if "file" in raw:
        raise SettingsError(f"{file}:{line_of(text, ('file',))}: file: unknown key. Remove it.")
    context = {"folder": file.parent, "environ": os.environ if environ is None else environ}
    try:
        return Settings.model_validate({**raw, "file": file}, context=context)
    except ValidationError as error:
        raise SettingsError(_sentence(file, text, error)) from None


def _sentence(file: Path, text: str, error: ValidationError) -> str:
    """One sentence for the topmost thing that is wrong, as `file:line: key: reason`."""

    def place(detail: ErrorDetails) -> tuple[Any, ...]:
        path = tuple(part for part in detail["loc"] if part != "[key]")
        # pydantic names the kind of a source between the source and its key
        has_kind = path[:1] == ("sources",) and len(path) > 2 and path[2] in SOURCE_KINDS
        return path[:2] + path[3:] if has_kind else path

    def rank(detail: ErrorDetails) -> tuple[bool, int]:
        """A missing key comes after the others: a misspelt one explains it."""
        return detail["type"] == "missing", line_of(text, place(detail))

    details = sorted(error.errors(include_url=False), key=rank)
    first, path = details[0], place(details[0])
    where = f"{file}:{line_of(text, path)}"
    key = ".".join(str(part) for part in path)
    others = f" ({len(details) - 1} more after this one)" if len(details) > 1 else ""
    if first["type"] == "extra_forbidden":
        near = _nearest(str(path[-1]), _known_keys(path[:-1], first["loc"]))
        return f"{where}: {key}: unknown key{f', did you mean {near!r}?' if near else '. Remove it.'}{others}"
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        given = first["ctx"].get("tag")
        near = _nearest(str(given), list(SOURCE_KINDS))
        found = f" (found {given!r}{f', did you mean {near!r}?' if near else ''})" if given else ""
        where = f"{file}:{line_of(text, (*path, 'kind'))}"
        return f"{where}: {key}.kind: this must be one of {', '.join(SOURCE_KINDS)}{found}.{others}"
    if first["type"] == "missing":
        return f"{where}: {key}: this key is required and missing.{others}"
    reason = _PLAIN_WORDS.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    reason = reason[0].lower() + reason[1:]
    shown = first["input"]
    said = not isinstance(shown, str | int | float) or (shown != "" and str(shown) in reason)
    value = "" if said else f" (found {shown!r})"
    return f"{where}: {key or 'settings'}: {reason}{value}.{others}"


_PLAIN_WORDS = {
    "model_type": "this must be a table, with keys of its own",
    "dict_type": "this must be a table, with keys of its own",
    "tuple_type": "this must be a list, in square brackets",
    "string_type": "this must be text in quotes",
    "int_type": "this must be a whole number, without quotes",
    "float_type": "this must be a number, without quotes",
    "float_parsing": "this must be a number, without quotes",
    "string_too_short": "this must not be empty",
    "path_type": "this must be the path of a folder, in quotes",
}
"""For readers who know TOML and not pydantic."""


def _nearest(key: str, known: list[str]) -> str | None:
    import difflib

    return next(iter(difflib.get_close_matches(key, known, n=1)), None)


def _known_keys(path: tuple[Any, ...], loc: tuple[Any, ...]) -> list[str]:
    """The keys of the settings table at `path`; empty where keys are free. `loc` has the kind of a source."""
    model: type[BaseModel] | None = Settings
    for part in path:
        if model is Settings and part == "sources":
            model = None
        elif model is None and path[0] == "sources" and len(path) == 2:
            model = SOURCE_KINDS[loc[2]]
        elif model is not None and part in model.model_fields:
            annotation = model.model_fields[part].annotation
            model = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
        else:
            table = SqlTable if loc[2] == "sql" else TableMapping
            return list((table if "tables" in path else LeadExclusion).model_fields)
    return [name for name in model.model_fields if name != "file"] if model else []
