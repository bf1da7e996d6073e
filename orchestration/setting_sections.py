"""The tables of `zeven.toml`, but for the sources: one model each, with its keys, their types and defaults.

Belongs here: what a table may say by itself. Does not belong here: the sources (`setting_sources.py`), what a
value looks like (`setting_values.py`), reading the file (`settings.py`), anything that acts on a setting.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from orchestration.setting_values import (
    Cron,
    Currency,
    MemoryLimit,
    NonEmpty,
    OpeningHours,
    SqlCondition,
    TimeZone,
    absolute_path,
    expand_path,
    parse_as_of,
)


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Company(Section):
    name: NonEmpty
    time_zone: TimeZone = "Europe/Amsterdam"
    currency: Currency = "EUR"
    fiscal_year_start_month: int = Field(default=1, ge=1, le=12)


class Paths(Section):
    warehouse: Path = Field(default=Path("warehouse"), strict=False, validate_default=True)
    published: Path = Field(default=Path("published"), strict=False, validate_default=True)

    _expand = field_validator("warehouse", "published", mode="before")(expand_path)
    _absolute = field_validator("warehouse", "published", mode="after")(absolute_path)

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.warehouse.is_relative_to(self.published) or self.published.is_relative_to(self.warehouse):
            raise ValueError("warehouse and published must be two folders, none inside the other")
        return self


class BusinessHours(Section):
    """Opening hours per weekday in company time; holidays are in seeds/holidays.csv."""

    monday: OpeningHours = "09:00-17:00"
    tuesday: OpeningHours = "09:00-17:00"
    wednesday: OpeningHours = "09:00-17:00"
    thursday: OpeningHours = "09:00-17:00"
    friday: OpeningHours = "09:00-17:00"
    saturday: OpeningHours = "closed"
    sunday: OpeningHours = "closed"


class Run(Section):
    as_of: NonEmpty = "now"
    schedule: Cron = "0 5 * * *"
    wait_seconds: int = Field(default=600, ge=0)
    memory_limit: MemoryLimit = "4GB"

    @field_validator("as_of")
    @classmethod
    def _readable(cls, value: str) -> str:
        parse_as_of(value)
        return value


class Spark(Section):
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


class Release(Section):
    keep: int = Field(default=30, ge=1)
    max_age_hours: int = Field(default=26, ge=1)


class LeadExclusion(Section):
    reason: NonEmpty
    condition: SqlCondition


class Leads(Section):
    capacity_per_rep: int = Field(default=40, ge=1)
    workload_low: float = Field(default=0.6, ge=0, strict=False)
    workload_high: float = Field(default=1.0, gt=0, strict=False)
    exclude: tuple[LeadExclusion, ...] = Field(default=(), strict=False)


class Matching(Section):
    """How a person is recognised who is a lead in several sources."""

    leads_by: Literal["off", "email"] = "email"


class Response(Section):
    exclude_sources: tuple[str, ...] = Field(default=(), strict=False)
    sla_minutes: int = Field(default=60, ge=1)


class FollowUps(Section):
    minimum_contact_moments: int = Field(default=5, ge=1)
    abandoned_acceptable: float = Field(default=0.4, ge=0, le=1, strict=False)


class Targets(Section):
    at_risk_from: float = Field(default=0.85, ge=0, le=1, strict=False)


class Pipeline(Section):
    stale_after_days: int = Field(default=30, ge=1)
    coverage_good: float = Field(default=3.0, gt=0, strict=False)
    coverage_low: float = Field(default=1.0, ge=0, strict=False)


class Signals(Section):
    """From where a number is a finding; how the numbers themselves are judged stands with their metric."""

    minimum_records: int = Field(default=10, ge=1)
    change_large: float = Field(default=0.2, gt=0, strict=False)
    change_small: float = Field(default=0.1, ge=0, strict=False)
    qualification_low: float = Field(default=0.2, ge=0, le=1, strict=False)
    slower_factor: float = Field(default=1.5, ge=1, strict=False)
    elapsed_from: float = Field(default=0.25, ge=0, le=1, strict=False)
    stale_ratio: float = Field(default=0.25, gt=0, le=1, strict=False)


class Sanity(Section):
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


class Dashboard(Section):
    """The pages; who may see what where a sign-in proxy stands before them (docs/dashboard.md)."""

    language: Literal["en", "nl"] = "en"
    port: int = Field(default=8050, ge=1, le=65535)
    user_header: str = Field(default="", pattern="^[A-Za-z0-9-]*$")
    managers: tuple[NonEmpty, ...] = Field(default=(), strict=False)
    reps: dict[str, NonEmpty] = Field(default_factory=dict)
