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
    """What one look at the record told. `is_record`: the look of this run; `is_dated`: it is known since when
    that was true, by the record or because a run looked before."""

    since: datetime
    values: dict[str, Any]
    is_deleted: bool
    is_dated: bool
    is_record: bool = False


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
        """What runs saw, this one last.

        It is true since `updated_at`, where that is later than the run before, else since the run. The record
        as it is now comes after all that the history tells.
        """
        looks: list[Look] = []
        before: datetime | None = None
        for sighting in self._sightings.get(opportunity.opportunity_id, []):
            since = self._since(sighting.updated_at, sighting.observed_at, before)
            values = {column: getattr(sighting, column) for column in COLUMNS}
            values["owner_id"] = published(sighting.owner_id)
            is_dated = before is not None or sighting.updated_at is not None
            looks.append(Look(since, values, sighting.is_deleted, is_dated))
            before = sighting.observed_at
        since = self._since(opportunity.updated, self._observed_at, before)
        is_dated = before is not None or opportunity.updated is not None
        last_change = max(
            (self._clock.start_of(change.changed) for change in self.changes(opportunity)), default=None
        )
        if last_change is not None:
            since = max(since, last_change) if is_dated else last_change
        values = {column: getattr(opportunity, column) for column in COLUMNS}
        looks.append(Look(since, values, opportunity.is_deleted, is_dated, is_record=True))
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
