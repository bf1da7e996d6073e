"""What the second opinion is asked about: the records of a small company, its rules, and an instant.

Belongs here: the shape of a world. Does not belong here: making one up, or computing anything of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

Value = str | int | float | bool | Decimal | date | datetime | None
Record = dict[str, Value]
"""A row of the CRM export format by its canonical column names; a missing column is None.

Amounts and rates are `Decimal`, probabilities and quantities `float`. A moment is a naive `datetime` in UTC,
or a `date` where the source knows the day only. Ids have no source in front; published ones have that of the
row's `_source`, `crm:` where it has none.
"""

SOURCE = "crm"
"""The source of a row that does not name its own."""

OFFICE_HOURS = dict.fromkeys(range(1, 6), (9 * 60, 17 * 60))


@dataclass(frozen=True)
class Stage:
    """A row of the stage map. `outcome` is won, lost or None."""

    is_qualified: bool
    outcome: str | None
    probability: float | None


@dataclass(frozen=True)
class Holiday:
    """`hours` are minutes of the local day, opening and closing; None where the day is closed."""

    name: str
    hours: tuple[int, int] | None = None


@dataclass(frozen=True)
class Rules:
    """The settings and seeds that decide what a number is, by the names they have there.

    `business_hours`: opening and closing minute of the local day by ISO weekday (1 is Monday); a weekday that
    is missing is closed. `stage_map` and the value mappings are keyed by the spelling in lower case.
    `lead_exclusions`: reason and the one source that the rule excludes, in the order of the rules.
    `conversion_targets`: by source; `default` for all others.
    """

    time_zone: str = "Europe/Amsterdam"
    currency: str = "EUR"
    fiscal_year_start_month: int = 1
    business_hours: dict[int, tuple[int, int]] = field(default_factory=lambda: dict(OFFICE_HOURS))
    holidays: dict[date, Holiday] = field(default_factory=dict)
    capacity_per_rep: int = 40
    workload_low: float = 0.6
    workload_high: float = 1.0
    lead_exclusions: tuple[tuple[str, str], ...] = ()
    match_leads_by: str = "email"
    response_exclude_sources: tuple[str, ...] = ()
    sla_minutes: int = 60
    minimum_contact_moments: int = 5
    abandoned_acceptable: float = 0.4
    at_risk_from: float = 0.85
    stale_after_days: int = 30
    coverage_good: float = 3.0
    coverage_low: float = 1.0
    minimum_records: int = 10
    change_large: float = 0.2
    change_small: float = 0.1
    qualification_low: float = 0.2
    slower_factor: float = 1.5
    elapsed_from: float = 0.25
    stale_ratio: float = 0.25
    stage_map: dict[str, Stage] = field(default_factory=dict)
    lead_statuses: dict[str, str] = field(default_factory=dict)
    activity_types: dict[str, str] = field(default_factory=dict)
    directions: dict[str, str] = field(default_factory=dict)
    conversion_targets: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Sighting:
    """What an earlier run saw of an opportunity: only what differed from the sighting before is kept.

    `observed_at` is naive UTC. `updated_at` is the record's own, or None; `expected_close_on`
    and `closed_on` are local days.
    """

    observed_at: datetime
    opportunity_id: str
    stage: str | None
    owner_id: str | None
    currency: str
    amount: Decimal | None
    probability: float | None
    expected_close_on: date | None
    updated_at: datetime | None
    is_deleted: bool = False
    closed_on: date | None = None
    is_won: bool | None = None


@dataclass(frozen=True)
class World:
    """`tables`: records by table of the export format, in the order in which they were loaded.

    `as_of` is naive UTC in whole seconds; `observed_at` is when this run read the records.
    """

    tables: dict[str, list[Record]]
    as_of: datetime
    observed_at: datetime
    rules: Rules = field(default_factory=Rules)
    sightings: tuple[Sighting, ...] = ()
