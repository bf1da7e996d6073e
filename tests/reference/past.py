"""The past of an opportunity: one interval between each two changes.

Belongs here: what is known of a past instant and by whom it was told. Does not belong here: sums, and what
the changes mean for the pipeline (`movement.py`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tests.reference.clock import Clock, Moment
from tests.reference.counted import Counted
from tests.reference.records import Change, Opportunity, published
from tests.reference.world import Rules, Sighting

COLUMNS = ("stage", "amount", "currency", "probability", "expected_close_on", "owner_id")
FOREVER = datetime(9999, 12, 31)  # noqa: DTZ001


@dataclass(frozen=True)
class State:
    """`probability` is the opportunity's own, else that of the stage."""

    stage: str | None
    is_qualified: bool
    status: str
    currency: str
    source_amount: Decimal | None
    probability: float | None
    expected_close_on: date | None
    is_reconstructed: bool

    @property
    def is_pipeline(self) -> bool:
        return self.status == "open" and self.is_qualified


@dataclass(frozen=True)
class Seen:
    """What one look at the record told, and since when that is true."""

    since: datetime
    values: dict[str, Any]
    is_deleted: bool


class Told:
    """The values of one column, each since an instant; before the first one it was as that says."""

    def __init__(self, values: list[tuple[datetime, Any]]) -> None:
        self.values = sorted(values, key=lambda value: value[0])

    def position(self, at: datetime) -> int:
        return max(bisect_right(self.values, at, key=lambda value: value[0]) - 1, 0)

    def at(self, at: datetime) -> Any:
        return self.values[self.position(at)][1]


class Past:
    """`intervals`: (from, state) in order, adjacent ones different; each lasts until the next."""

    def __init__(
        self,
        opportunity: Opportunity,
        told: dict[str, Told],
        known_since: datetime,
        deleted: list[tuple[datetime, datetime]],
        counted: Counted,
        clock: Clock,
    ) -> None:
        self._told, self._known_since, self._deleted = told, known_since, deleted
        self._outcome = counted.outcome(opportunity)
        self._stages = _stage_meanings(told["stage"], counted)
        self._counted = counted
        close_day = counted.close_day(opportunity)
        self.closed_at = None if close_day is None else clock.last_second(close_day)
        self.created_at = clock.start_of(opportunity.created)
        changes = {since for column in told.values() for since, _ in column.values}
        changes |= {edge for span in deleted for edge in span} | {known_since, self.created_at}
        if self.closed_at is not None:
            changes.add(self.closed_at)
        self.intervals: list[tuple[datetime, State]] = []
        for at in sorted(change for change in changes if self.created_at <= change <= clock.as_of):
            state = self._state(at)
            if not self.intervals or self.intervals[-1][1] != state:
                self.intervals.append((at, state))
        self._froms = [start for start, _ in self.intervals]

    def owner(self, at: datetime) -> str | None:
        owner: str | None = self._told["owner_id"].at(at)
        return owner

    def at(self, instant: datetime) -> State | None:
        """None before it was created."""
        position = bisect_right(self._froms, instant)
        return self.intervals[position - 1][1] if position else None

    def just_before(self, instant: datetime) -> State | None:
        position = bisect_left(self._froms, instant)
        return self.intervals[position - 1][1] if position else None

    def _state(self, at: datetime) -> State:
        stage = self._told["stage"].at(at)
        own = self._told["probability"].at(at)
        is_qualified, taken_back = self._stages[self._told["stage"].position(at)]
        return State(
            stage=stage,
            is_qualified=is_qualified,
            status=self._status(at, taken_back),
            currency=self._told["currency"].at(at),
            source_amount=self._told["amount"].at(at),
            probability=self._counted.stage(stage).probability if own is None else own,
            expected_close_on=self._told["expected_close_on"].at(at),
            is_reconstructed=at < self._known_since,
        )

    def _status(self, at: datetime, taken_back: str | None) -> str:
        if any(start <= at < end for start, end in self._deleted):
            return "deleted"
        if self._outcome is not None and (self.closed_at is None or self.closed_at <= at):
            return self._outcome
        return taken_back or "open"


def _stage_meanings(stages: Told, counted: Counted) -> list[tuple[bool, str | None]]:
    """Of each told stage: is it qualified, and which close does it mean that was taken back later.

    A stage that means a close is as qualified as the one before it. The close was taken back where the next
    stage that means none follows.
    """
    meanings = [counted.stage(stage) for _, stage in stages.values]
    result: list[tuple[bool, str | None]] = []
    is_qualified = True
    for position, meaning in enumerate(meanings):
        if meaning.outcome is None:
            is_qualified = meaning.is_qualified
        was_left = any(later.outcome is None for later in meanings[position + 1 :])
        result.append((is_qualified, meaning.outcome if was_left else None))
    return result


class Memory:
    """All that was told of opportunities: by the source's history, by earlier runs, by the records."""

    def __init__(
        self,
        changes: list[Change],
        sightings: tuple[Sighting, ...],
        observed_at: datetime,
        rules: Rules,
        counted: Counted,
        clock: Clock,
    ) -> None:
        self._observed_at, self._company_currency = observed_at, rules.currency
        self._counted, self._clock = counted, clock
        self._told_columns = {
            column for column in COLUMNS if any(change.values[column] is not None for change in changes)
        }
        self._changes: dict[str, list[Change]] = {}
        for change in sorted(changes, key=lambda change: clock.order(change.changed)):
            if clock.by_as_of(change.changed):
                self._changes.setdefault(change.opportunity_id, []).append(change)
        self._sightings: dict[str, list[Sighting]] = {}
        for sighting in sorted(sightings, key=lambda sighting: sighting.observed_at):
            self._sightings.setdefault(str(published(sighting.opportunity_id)), []).append(sighting)

    def past(self, opportunity: Opportunity) -> Past:
        changes = self._changes.get(opportunity.opportunity_id, [])
        seen = self._seen(opportunity)
        told = {column: self._told(column, changes, seen) for column in COLUMNS}
        since = [self._clock.start_of(change.changed) for change in changes]
        since += [look.since for look in seen if look.since <= self._clock.as_of]
        return Past(
            opportunity,
            told,
            min(since, default=FOREVER),
            self._deleted(opportunity, seen),
            self._counted,
            self._clock,
        )

    def _told(self, column: str, changes: list[Change], seen: list[Seen]) -> Told:
        values = []
        for change in changes if column in self._told_columns else []:
            value = change.values[column]
            if column == "stage" and value is None:
                continue
            if column == "currency" and value is None:
                value = self._company_currency
            values.append((self._clock.start_of(change.changed), value))
        return Told(values or [(look.since, look.values[column]) for look in seen])

    def _seen(self, opportunity: Opportunity) -> list[Seen]:
        """What runs saw by `as_of`, this one last; the record as it is now where none was true by then.

        What a run saw is true since `updated_at`, where that is later than the run before, else since the
        run.
        """
        looks: list[Seen] = []
        before: datetime | None = None
        for sighting in self._sightings.get(opportunity.opportunity_id, []):
            since = self._since(sighting.updated_at, sighting.observed_at, before)
            values = {column: getattr(sighting, column) for column in COLUMNS}
            values["owner_id"] = published(sighting.owner_id)
            looks.append(Seen(since, values, sighting.is_deleted))
            before = sighting.observed_at
        since = self._since(opportunity.updated, self._observed_at, before)
        looks.append(Seen(since, {column: getattr(opportunity, column) for column in COLUMNS}, False))
        by_then = [look for look in looks if look.since <= self._clock.as_of]
        return sorted(by_then, key=lambda look: look.since) or looks[-1:]

    def _since(self, updated: Moment | None, run: datetime, before: datetime | None) -> datetime:
        if updated is None or (before is not None and not self._clock.is_after(updated, before)):
            return run
        return self._clock.start_of(updated)

    def _deleted(self, opportunity: Opportunity, seen: list[Seen]) -> list[tuple[datetime, datetime]]:
        """While a run saw it deleted, and for good since the record's own deletion."""
        spans = []
        for look, following in zip(seen, [*seen[1:], None], strict=True):
            if look.is_deleted:
                spans.append((look.since, FOREVER if following is None else following.since))
        own = self._counted.deleted_at(opportunity)
        return [*spans, (own, FOREVER)] if own is not None else spans
