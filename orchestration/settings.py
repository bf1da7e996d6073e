"""The only reader of `zeven.toml` and of the environment.

Belongs here: all settings together, reading them, and turning `as_of` into an instant. Does not belong here:
the tables of the file (`setting_sections.py`, `setting_sources.py`), what is said of a wrong one
(`setting_refusals.py`), anything that acts on a setting.

Every key is documented in `zeven.toml` itself; a test holds that file against these models.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator

from orchestration.errors import SettingsError
from orchestration.setting_refusals import sentence
from orchestration.setting_sections import (
    BusinessHours,
    Company,
    Dashboard,
    FollowUps,
    Leads,
    Matching,
    Paths,
    Pipeline,
    Release,
    Response,
    Run,
    Sanity,
    Section,
    Signals,
    Spark,
    Targets,
)
from orchestration.setting_sources import FilesSource, Source
from orchestration.setting_values import Identifier, local_instant, parse_as_of
from orchestration.toml_lines import line_of

PROJECT_ROOT = Path(__file__).resolve().parents[1]
DBT_PROJECT_DIR = PROJECT_ROOT / "dbt_project"
SETTINGS_VARIABLE = "ZEVEN_SETTINGS"
"""Environment variable that names the settings file; `zeven.toml` of the working folder otherwise."""

END_OF_DAY = time(23, 59, 59)
"""A day given without a time means its last second: the whole day has happened."""


class Settings(Section):
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
        raise SettingsError(sentence(Settings, file, text, error)) from None
