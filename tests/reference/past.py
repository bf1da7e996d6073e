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

from tests.reference.clock import Clock
from tests.reference.counted import Counted
from tests.reference.looks import COLUMNS, Look, Looks
from tests.reference.records import Change, Opportunity
from tests.reference.world import Rules

FOREVER = datetime(9999, 12, 31)  # noqa: DTZ001


@dataclass(frozen=True)
class State:
    """`probability` is the opportunity's own, else that of the stage."""

    stage: str | None
    is_qualified: bool
    status: str
    owner_id: str | None
    currency: str
    source_amount: Decimal | None
    own_probability: float | None
    probability: float | None
    expected_close_on: date | None
    is_reconstructed: bool

    @property
    def is_pipeline(self) -> bool:
        return self.status == "open" and self.is_qualified


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
        deleted_at: datetime | None,
        counted: Counted,
        clock: Clock,
    ) -> None:
        self._told, self._known_since, self._deleted_at = told, known_since, deleted_at
        self._outcome = counted.outcome(opportunity)
        self._counted = counted
        close_day = counted.close_day(opportunity)
        self.closed_at = None if close_day is None else clock.last_second(close_day)
        self.created_at = clock.start_of(opportunity.created)
        over = [at for at in (self.closed_at, deleted_at) if at is not None]
        self._stages = _stage_meanings(told["stage"], counted, self.created_at, min(over, default=FOREVER))
        changes = {since for column in told.values() for since, _ in column.values}
        changes |= {known_since, self.created_at, *over}
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
            owner_id=self._told["owner_id"].at(at),
            currency=self._told["currency"].at(at),
            source_amount=self._told["amount"].at(at),
            own_probability=own,
            probability=self._counted.stage(stage).probability if own is None else own,
            expected_close_on=self._told["expected_close_on"].at(at),
            is_reconstructed=at < self._known_since,
        )

    def _status(self, at: datetime, taken_back: str | None) -> str:
        is_over = self._outcome is not None and (self.closed_at is None or self.closed_at <= at)
        if self._deleted_at is not None and (is_over or self._deleted_at <= at):
            return "deleted"
        if is_over and self._outcome is not None:
            return self._outcome
        return taken_back or "open"


def _stage_meanings(
    stages: Told, counted: Counted, created_at: datetime, over_at: datetime
) -> list[tuple[bool, str | None]]:
    """Of each told stage that ever holds: is it qualified, and which close does it mean that was taken back.

    A stage that means a close is as qualified as the one before it. The close was taken back where a stage
    that means none follows, before the close that holds or the deletion.
    """
    instants = [created_at, *(max(since, created_at) for since, _ in stages.values)]
    holding = sorted({stages.position(instant) for instant in instants})
    result: list[tuple[bool, str | None]] = [(True, None)] * len(stages.values)
    is_qualified = True
    for number, position in enumerate(holding):
        meaning = counted.stage(stages.values[position][1])
        if meaning.outcome is None:
            is_qualified = meaning.is_qualified
        was_left = any(
            counted.stage(stages.values[later][1]).outcome is None
            and max(stages.values[later][0], created_at) < over_at
            for later in holding[number + 1 :]
        )
        result[position] = (is_qualified, meaning.outcome if was_left else None)
    return result


class Memory:
    """All that was told of opportunities: by the source's history, by earlier runs, by the records."""

    def __init__(
        self, changes: list[Change], looks: Looks, rules: Rules, counted: Counted, clock: Clock
    ) -> None:
        self._looks, self._company_currency = looks, rules.currency
        self._counted, self._clock = counted, clock
        self._told_columns = {
            column for column in COLUMNS if any(change.values[column] is not None for change in changes)
        }

    def past(self, opportunity: Opportunity) -> Past:
        changes = self._looks.changes(opportunity)
        looks = self._looks.of(opportunity)
        # the record as it is now, where nothing that was seen was true by then
        seen = sorted(filter(self._is_known, looks), key=lambda look: look.since) or looks[-1:]
        told = {column: self._told(column, changes, seen) for column in COLUMNS}
        since = [self._clock.start_of(change.changed) for change in changes]
        since += [look.since for look in seen if self._is_known(look)]
        return Past(
            opportunity,
            told,
            min(since, default=FOREVER),
            self._looks.deleted_at(opportunity) if self._looks.is_deleted(opportunity) else None,
            self._counted,
            self._clock,
        )

    def _told(self, column: str, changes: list[Change], seen: list[Look]) -> Told:
        values = []
        for change in changes if column in self._told_columns else []:
            value = change.values[column]
            if column == "stage" and value is None:
                continue
            if column == "currency" and value is None:
                value = self._company_currency
            values.append((self._clock.start_of(change.changed), value))
        looks = [look for look in seen if look.is_record and self._is_known(look)] if values else seen
        return Told(values + [(look.since, look.values[column]) for look in looks])

    def _is_known(self, look: Look) -> bool:
        return look.since <= self._clock.as_of
