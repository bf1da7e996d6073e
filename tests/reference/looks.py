"""What was seen of an opportunity, by earlier runs and now, and since when that was true.

Belongs here: looks at records, and when a record was deleted. Does not belong here: what follows from several
tellers together (`past.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.reference.clock import Clock, Moment
from tests.reference.records import Change, Opportunity, published
from tests.reference.world import Sighting

COLUMNS = ("stage", "amount", "currency", "probability", "expected_close_on", "owner_id")


@dataclass(frozen=True)
class Look:
    """What one look at the record told. `is_record`: what it tells still; `is_dated`: it is known since when
    that was true, by the record or because a run looked before."""

    since: datetime
    values: dict[str, Any]
    is_deleted: bool
    is_dated: bool
    is_record: bool = False


@dataclass(frozen=True)
class _Seen:
    """A record as a run saw it; `values` are those of `COLUMNS`, `rest` what else makes it another record."""

    observed_at: datetime
    updated: Moment | None
    values: dict[str, Any]
    is_deleted: bool
    rest: tuple[Any, ...]

    @classmethod
    def of(cls, sighting: Sighting) -> _Seen:
        values = {column: getattr(sighting, column) for column in COLUMNS}
        values["owner_id"] = published(sighting.owner_id)
        rest = (sighting.closed_on, sighting.is_won)
        return cls(sighting.observed_at, sighting.updated_at, values, sighting.is_deleted, rest)

    @classmethod
    def now(cls, opportunity: Opportunity, observed_at: datetime) -> _Seen:
        values = {column: getattr(opportunity, column) for column in COLUMNS}
        rest = (opportunity.closed_on, opportunity.is_won)
        return cls(observed_at, opportunity.updated, values, opportunity.is_deleted, rest)

    def says_what(self, other: _Seen) -> bool:
        said, told = ((sight.values, sight.is_deleted, sight.rest) for sight in (self, other))
        return said == told


class Looks:
    def __init__(
        self,
        changes: list[Change],
        sightings: tuple[Sighting, ...],
        observed_at: datetime,
        clock: Clock,
    ) -> None:
        self._observed_at, self._clock = observed_at, clock
        self._changes: dict[str, list[Change]] = {}
        for change in sorted(changes, key=lambda change: clock.order(change.changed)):
            if clock.by_as_of(change.changed):
                self._changes.setdefault(change.opportunity_id, []).append(change)
        self._sightings: dict[str, list[Sighting]] = {}
        for sighting in sorted(sightings, key=lambda sighting: sighting.observed_at):
            self._sightings.setdefault(str(published(sighting.opportunity_id)), []).append(sighting)

    def changes(self, opportunity: Opportunity) -> list[Change]:
        """What the history told by `as_of`, in order."""
        return self._changes.get(opportunity.opportunity_id, [])

    def of(self, opportunity: Opportunity) -> list[Look]:
        """What runs saw that was new to them, the record as it is now last.

        It is true since `updated_at`, where that is later than the sight before, else since the run. The
        record as it is now comes after all that the history tells.
        """
        seen = [_Seen.of(sighting) for sighting in self._sightings.get(opportunity.opportunity_id, [])]
        now = _Seen.now(opportunity, self._observed_at)
        if not seen or not seen[-1].says_what(now):
            seen.append(now)
        looks: list[Look] = []
        before: datetime | None = None
        for place, sight in enumerate(seen, start=1):
            since = self._since(sight.updated, sight.observed_at, before)
            is_dated = before is not None or sight.updated is not None
            is_record = place == len(seen)
            if is_record:
                if not is_dated:  # an export of the instant that the run describes
                    since = min(since, self._clock.as_of)
                changes = [self._clock.start_of(change.changed) for change in self.changes(opportunity)]
                since = max([since, *changes])
            looks.append(Look(since, sight.values, sight.is_deleted, is_dated, is_record))
            before = sight.observed_at
        return looks

    def is_deleted(self, opportunity: Opportunity) -> bool:
        """A deletion after `as_of` has not happened yet; one that nobody knows when has."""
        deleted_at = self.deleted_at(opportunity)
        return opportunity.is_deleted and (deleted_at is None or deleted_at <= self._clock.as_of)

    def deleted_at(self, opportunity: Opportunity) -> datetime | None:
        """When it was deleted for good; None where it was not, or nobody can know when."""
        looks = self.of(opportunity)
        while looks and not all(look.is_deleted for look in looks):
            looks = looks[1:]
        if not looks or not all(look.is_dated for look in looks):
            return None
        return min(look.since for look in looks)

    def _since(self, updated: Moment | None, run: datetime, before: datetime | None) -> datetime:
        if updated is None or (before is not None and not self._clock.is_after(updated, before)):
            return run
        return self._clock.start_of(updated)
