"""The records of a world as they are read: one version of each, defaults filled in, spellings mapped.

Belongs here: what a single row says. Does not belong here: whether it counts, or what follows from several
rows.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tests.reference.clock import Clock, Moment
from tests.reference.world import SOURCE, Record, World


def published(own_id: Any, source: str = SOURCE) -> str | None:
    return None if own_id is None or own_id == "" else f"{source}:{own_id}"


def source_of(row: dict[str, Any]) -> str:
    return str(row.get("_source") or SOURCE)


def id_in(row: dict[str, Any], column: str) -> str | None:
    """An id that a row names: one of its own source."""
    return published(row.get(column), source_of(row))


def address(text: Any) -> str | None:
    """An e-mail address as it is compared; what holds no @ is none."""
    return text.strip().lower() if text and "@" in text else None


def spelling(text: str) -> str:
    return text.replace("_", " ").strip().lower()


@dataclass(frozen=True)
class Rep:
    rep_id: str
    team_id: str | None
    hired_on: date | None
    is_active: bool
    lead_capacity: int | None


@dataclass(frozen=True)
class Lead:
    """Moments after `as_of` are gone, and a status that tells of one is `working`."""

    lead_id: str
    created: Moment
    owner_id: str | None
    source: str | None
    campaign: str | None
    industry: str | None
    account_id: str | None
    status: str
    converted: Moment | None
    disqualified: Moment | None
    became_customer: Moment | None
    contact_id: str | None
    duplicate_of: str | None
    is_deleted: bool
    email: str | None = None


@dataclass(frozen=True)
class Opportunity:
    opportunity_id: str
    created: Moment
    stage: str | None
    lead_id: str | None
    account_id: str | None
    owner_id: str | None
    source: str | None
    amount: Decimal | None
    currency: str
    probability: float | None
    expected_close_on: date | None
    closed_on: date | None
    is_won: bool | None
    product_id: str | None
    is_deleted: bool
    updated: Moment | None


@dataclass(frozen=True)
class Change:
    """A row of the history: the values after a change."""

    opportunity_id: str
    changed: Moment
    values: dict[str, Any]


@dataclass(frozen=True)
class Activity:
    activity_id: str
    activity_type: str
    occurred: Moment
    owner_id: str | None
    lead_id: str | None
    opportunity_id: str | None
    contact_id: str | None
    direction: str
    is_automated: bool
    is_completed: bool
    is_deleted: bool


@dataclass(frozen=True)
class Target:
    period_type: str
    period_start: date
    amount: Decimal
    currency: str
    rep_id: str | None
    team_id: str | None


class Records:
    def __init__(self, world: World, clock: Clock) -> None:
        self._world, self._rules, self._clock = world, world.rules, clock
        self.team_ids = [str(id_in(row, "team_id")) for row in self._last("teams", "team_id")]
        self.reps = [self._rep(row) for row in self._last("reps", "rep_id")]
        self.industries = {
            str(id_in(row, "account_id")): row.get("industry") or None
            for row in self._last("accounts", "account_id")
        }
        self.leads = [self._lead(row) for row in self._newest("leads", "lead_id")]
        self.opportunities = [
            self._opportunity(row) for row in self._newest("opportunities", "opportunity_id")
        ]
        self.changes = [
            self._change(row) for row in self._last("opportunity_history", "opportunity_id", "changed_at")
        ]
        self.lines = [
            (str(id_in(row, "opportunity_id")), str(id_in(row, "product_id")), row.get("amount"))
            for row in self._last("opportunity_products", "opportunity_id", "product_id")
        ]
        self.activities = [self._activity(row) for row in self._newest("activities", "activity_id")]
        self.targets = [
            self._target(row)
            for row in self._last("targets", "period_type", "period_start", "rep_id", "team_id")
        ]
        rates = self._last("exchange_rates", "currency", "valid_from", read={"currency": str.upper})
        self.rates = [row | {"currency": row["currency"].upper()} for row in rates]

    def _rows(self, table: str) -> list[dict[str, Any]]:
        return list(self._world.tables.get(table, []))

    def _last(
        self, table: str, *key: str, read: dict[str, Callable[[Any], Any]] | None = None
    ) -> list[dict[str, Any]]:
        """Of several rows with one key the one that was loaded last."""
        kept: dict[Hashable, dict[str, Any]] = {}
        for row in self._rows(table):
            values = ((read or {}).get(column, _as_it_is)(row.get(column)) for column in key)
            kept[source_of(row), *values] = row
        return list(kept.values())

    def _newest(self, table: str, key: str) -> list[dict[str, Any]]:
        """Of several rows with one id the newest `updated_at` (none is oldest), then the one loaded last."""
        kept: dict[Hashable, dict[str, Any]] = {}
        for row in self._rows(table):
            own = source_of(row), row[key]
            old = kept.get(own)
            if old is None or not self._is_older(row.get("updated_at"), old.get("updated_at")):
                kept[own] = row
        return list(kept.values())

    def _is_older(self, moment: Moment | None, other: Moment | None) -> bool:
        if other is None:
            return False
        return moment is None or self._clock.start_of(other) > self._clock.start_of(moment)

    def _day(self, moment: Any) -> date | None:
        return None if moment is None else self._clock.day_of(moment)

    def _rep(self, row: Record) -> Rep:
        return Rep(
            rep_id=str(id_in(row, "rep_id")),
            team_id=id_in(row, "team_id"),
            hired_on=self._day(row.get("hired_on")),
            is_active=row.get("is_active") is not False,
            lead_capacity=row.get("lead_capacity"),  # type: ignore[arg-type]
        )

    def _lead(self, row: dict[str, Any]) -> Lead:
        def known(column: str) -> Moment | None:
            moment = row.get(column)
            return moment if moment is not None and self._clock.by_as_of(moment) else None

        status = self._mapped(row.get("status") or "new", self._rules.lead_statuses)
        tells_of = {"converted": "converted_at", "disqualified": "disqualified_at"}.get(status)
        if tells_of and row.get(tells_of) is not None and known(tells_of) is None:
            status = "working"
        return Lead(
            lead_id=str(id_in(row, "lead_id")),
            created=row["created_at"],
            owner_id=id_in(row, "owner_id"),
            source=row.get("source") or None,
            campaign=row.get("campaign") or None,
            industry=row.get("industry") or None,
            account_id=id_in(row, "account_id"),
            status=status,
            converted=known("converted_at"),
            disqualified=known("disqualified_at"),
            became_customer=known("became_customer_at"),
            contact_id=id_in(row, "contact_id"),
            duplicate_of=id_in(row, "duplicate_of"),
            is_deleted=bool(row.get("is_deleted")),
            email=address(row.get("email")),
        )

    def _opportunity(self, row: dict[str, Any]) -> Opportunity:
        return Opportunity(
            opportunity_id=str(id_in(row, "opportunity_id")),
            created=row["created_at"],
            stage=row.get("stage") or None,
            lead_id=id_in(row, "lead_id"),
            account_id=id_in(row, "account_id"),
            owner_id=id_in(row, "owner_id"),
            source=row.get("source") or None,
            amount=row.get("amount"),
            currency=(row.get("currency") or self._rules.currency).upper(),
            probability=row.get("probability"),
            expected_close_on=self._day(row.get("expected_close_on")),
            closed_on=self._day(row.get("closed_on")),
            is_won=row.get("is_won"),
            product_id=id_in(row, "product_id"),
            is_deleted=bool(row.get("is_deleted")),
            updated=row.get("updated_at"),
        )

    def _change(self, row: dict[str, Any]) -> Change:
        read: dict[str, Callable[[Any], Any]] = {
            "expected_close_on": self._day,
            "currency": lambda code: code and code.upper(),
        }
        columns = ("stage", "amount", "currency", "probability", "expected_close_on", "owner_id")
        values = {column: read.get(column, _as_it_is)(row.get(column)) for column in columns}
        values["owner_id"] = id_in(row, "owner_id")
        return Change(str(id_in(row, "opportunity_id")), row["changed_at"], values)

    def _activity(self, row: dict[str, Any]) -> Activity:
        return Activity(
            activity_id=str(id_in(row, "activity_id")),
            activity_type=self._mapped(row["activity_type"], self._rules.activity_types),
            occurred=row["occurred_at"],
            owner_id=id_in(row, "owner_id"),
            lead_id=id_in(row, "lead_id"),
            opportunity_id=id_in(row, "opportunity_id"),
            contact_id=id_in(row, "contact_id"),
            direction=self._mapped(row.get("direction") or "outbound", self._rules.directions),
            is_automated=bool(row.get("is_automated")),
            is_completed=row.get("is_completed") is not False,
            is_deleted=bool(row.get("is_deleted")),
        )

    def _target(self, row: dict[str, Any]) -> Target:
        start = row["period_start"]
        return Target(
            period_type=row["period_type"],
            period_start=start.date() if isinstance(start, datetime) else start,
            amount=row["target_amount"],
            currency=(row.get("currency") or self._rules.currency).upper(),
            rep_id=id_in(row, "rep_id"),
            team_id=id_in(row, "team_id"),
        )

    @staticmethod
    def _mapped(text: str, mapping: dict[str, str]) -> str:
        """What a spelling means; one that is not mapped stays as it is."""
        return mapping.get(spelling(text), text)


def _as_it_is(value: Any) -> Any:
    return value
