"""The tables `[sources.<name>]` of `zeven.toml`: one model for each kind of source.

Belongs here: the keys of a kind, their types and defaults, and what one source may say by itself. Does not
belong here: what sources may say of each other (`settings.py`), reading a source (`ingest/`). No kind has a
key for a credential: those are in the environment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import Field, ValidationInfo, field_validator, model_validator

from orchestration.setting_sections import Section
from orchestration.setting_values import (
    Character,
    NonEmpty,
    OneByte,
    Policy,
    SqlExpression,
    Text,
    TimeZone,
    expand_path,
)


class TableMapping(Section):
    """Where one canonical table comes from, and how its columns follow from the file's own."""

    files: NonEmpty
    format: Literal["csv", "parquet", "jsonl"] | None = None
    columns: dict[str, SqlExpression] = Field(default_factory=dict)


class FilesSource(Section):
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


class SqlTable(Section):
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


class SqlSource(Section):
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


class SalesforceSource(Section):
    """An org of Salesforce. The credential is in the environment, named after the source."""

    kind: Literal["salesforce"]
    instance: str = Field(pattern=r"^(https://[\w.-]+|http://127\.0\.0\.1:\d+)/?$")
    """Address of the org, such as `https://acme.my.salesforce.com`; unencrypted only on this machine."""
    api_version: str = Field(default="62.0", pattern=r"^\d{2,3}\.0$")
    api_share: float = Field(default=0.8, gt=0, le=1, strict=False)
    reconcile_days: int = Field(default=7, ge=1)
    users: str = ""
    fields: dict[str, NonEmpty] = Field(default_factory=dict)


class _HubspotProperties(Section):
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


class PipedriveSource(Section):
    """A Pipedrive company. The token is in the environment, named after the source."""

    kind: Literal["pipedrive"]
    api: NonEmpty
    """Address of the company, such as `https://acme.pipedrive.com`."""
    source_field: NonEmpty = "channel"
    campaign_field: str = ""
    industry_field: str = ""
    status_field: str = ""
    daily_tokens: int = Field(default=30_000, ge=1_000)


class LandedSource(Section):
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
SOURCE_KINDS: dict[str, type[Section]] = {
    kind: model
    for model in get_args(get_args(Source)[0])
    for kind in get_args(model.model_fields["kind"].annotation)
}
