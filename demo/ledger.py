"""The ledger: everything that really happened in the made-up company, record by record, state by state.

Belongs here: the records and how to ask one of them for its state at an instant. Does not belong here: how
things come to happen (`simulate.py` and what it calls), how they look in an export (`render_export.py`), what
they add up to (`truth.py`).

Instants are UTC datetimes of whole seconds; amounts are `Decimal` with two places in the deal's own currency.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Generic, TypeVar


@dataclass(frozen=True, slots=True)
class Team:
    team_id: str
    name: str
    region: str


@dataclass(frozen=True, slots=True)
class Rep:
    """Somebody, or something, that owns records. `left_on` is the last day at work.

    The traits say how the person works: `pace` is the median number of working seconds until the first
    answer, `answer_rate` the share of leads that get one, `skill` a factor on conversion and wins (1 is
    average).
    """

    rep_id: str
    name: str
    team_id: str | None
    hired_on: date
    left_on: date | None = None
    lead_capacity: int | None = None
    pace: int = 4200
    answer_rate: float = 0.93
    skill: float = 1.0
    work_is_reassigned: bool = True

    def works_on(self, day: date) -> bool:
        return self.hired_on <= day and (self.left_on is None or day <= self.left_on)

    def ramp(self, day: date) -> float:
        """How far the person is on the way to full strength, 0.25 to 1, reached after five months."""
        return min(1.0, 0.25 + 0.75 * max(0, (day - self.hired_on).days) / 150)


@dataclass(frozen=True, slots=True)
class Account:
    account_id: str
    name: str
    industry: str
    country: str


@dataclass(frozen=True, slots=True)
class Product:
    product_id: str
    name: str
    family: str
    list_price: int
    weight: float
    most: int
    """In EUR per unit, the share among deals, and how many units a deal takes at most."""


@dataclass(frozen=True, slots=True)
class Rate:
    """EUR per unit of `currency`, from `valid_from` until the next one."""

    currency: str
    valid_from: date
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Target:
    """In EUR. Both ids empty: the company's."""

    period_type: str
    period_start: date
    amount: Decimal
    rep_id: str | None = None
    team_id: str | None = None


@dataclass(frozen=True, slots=True)
class State:
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class LeadState(State):
    owner_id: str | None
    status: str = "new"
    converted_at: datetime | None = None
    disqualified_at: datetime | None = None
    contact_id: str | None = None
    duplicate_of: str | None = None
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class OpportunityState(State):
    owner_id: str | None
    stage: str
    amount: Decimal | None
    probability: Decimal | None
    expected_close_on: date
    closed_on: date | None = None
    is_won: bool | None = None
    lost_reason: str | None = None
    is_deleted: bool = False


S = TypeVar("S", bound=State)


@dataclass
class _Chronicle(Generic[S]):
    """A record as the row of states it went through, oldest first; no two share a second."""

    created_at: datetime
    states: list[S]

    @property
    def now(self) -> S:
        return self.states[-1]

    def change(self, at: datetime, **fields: Any) -> None:
        """Add a state: the last one with `fields` changed, a second later where `at` is not after it."""
        at = max(at, self.now.changed_at + timedelta(seconds=1))
        self.states.append(replace(self.now, changed_at=at, **fields))

    def at(self, instant: datetime) -> S | None:
        """The state at `instant`; none before the record was made."""
        position = bisect_right(self.states, instant, key=lambda state: state.changed_at)
        return self.states[position - 1] if position else None


@dataclass
class Lead(_Chronicle[LeadState]):
    lead_id: str
    source: str | None
    campaign: str | None
    industry: str | None
    account_id: str | None


@dataclass(frozen=True, slots=True)
class ProductLine:
    product_id: str
    quantity: int
    amount: Decimal


@dataclass
class Opportunity(_Chronicle[OpportunityState]):
    opportunity_id: str
    lead_id: str | None
    account_id: str | None
    source: str | None
    currency: str
    lines: tuple[ProductLine, ...]

    @property
    def product_id(self) -> str:
        """The product of the largest line."""
        return max(self.lines, key=lambda line: line.amount).product_id


@dataclass(slots=True)
class Activity:
    """Known to the CRM from `planned_at`, else from `occurred_at`; a planned one may never be done."""

    activity_id: str
    activity_type: str
    occurred_at: datetime
    owner_id: str | None
    lead_id: str | None = None
    opportunity_id: str | None = None
    contact_id: str | None = None
    direction: str = "outbound"
    is_automated: bool = False
    is_completed: bool = True
    planned_at: datetime | None = None
    deleted_at: datetime | None = None


@dataclass
class Ledger:
    """All of it. `start` and `until` are the first and last day, `end` the instant at which it closes."""

    seed: int
    scale: float
    years: int
    start: date
    until: date
    end: datetime
    teams: list[Team]
    reps: list[Rep]
    products: list[Product]
    accounts: list[Account] = field(default_factory=list)
    leads: list[Lead] = field(default_factory=list)
    opportunities: list[Opportunity] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    rates: list[Rate] = field(default_factory=list)
