"""What an opportunity is by `as_of`, and how it came into the pipeline and went out of it.

Belongs here: one opportunity's rep, amounts and movements. Does not belong here: sums over opportunities.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from tests.reference.clock import Clock
from tests.reference.counted import Counted
from tests.reference.members import UNKNOWN, Members
from tests.reference.past import Memory, Past, State
from tests.reference.rates import Rates
from tests.reference.records import Opportunity


@dataclass(frozen=True)
class Movement:
    """`kind`: created, reopened (in); won, lost, removed (out)."""

    day: date
    kind: str
    amount: Decimal


@dataclass(frozen=True)
class Deal:
    """`outcome` is won or lost by `as_of`, also without `closed_on`; `closed_amount` where it has that day.

    `counts` is false for one that was deleted: it is in past pipelines alone.
    """

    opportunity: Opportunity
    past: Past
    counts: bool
    created_on: date
    rep_id: str
    lead_id: str | None
    lead_owner: str
    source: str
    industry: str
    outcome: str | None
    closed_on: date | None
    closed_amount: Decimal | None
    has_amount: bool
    movements: tuple[Movement, ...]


class DealStory:
    def __init__(
        self, counted: Counted, memory: Memory, members: Members, rates: Rates, clock: Clock
    ) -> None:
        self._counted, self._memory, self._members = counted, memory, members
        self._rates, self._clock = rates, clock

    def deal(self, opportunity: Opportunity) -> Deal:
        past = self._memory.past(opportunity)
        lead = self._counted.lead(opportunity.lead_id)
        outcome = self._counted.outcome(opportunity)
        closed_on = self._counted.close_day(opportunity)
        counts = opportunity.opportunity_id in self._counted.opportunities
        closed_amount = None
        now = past.at(self._clock.as_of)
        if closed_on is not None and now is not None:
            closed_amount = self._rates.convert(now.source_amount, now.currency, closed_on)
        return Deal(
            opportunity=opportunity,
            past=past,
            counts=counts,
            created_on=self._clock.day_of(opportunity.created),
            # at its creation, where it was closed before that
            rep_id=self._members.rep_of(
                past.owner(max(past.closed_at, past.created_at) if past.closed_at else self._clock.as_of)
            ),
            lead_id=lead.lead_id if lead else None,
            lead_owner=self._members.rep_of(lead.owner_id) if lead else UNKNOWN,
            source=self._counted.source(opportunity),
            industry=self._counted.industry(opportunity),
            outcome=outcome,
            closed_on=closed_on,
            closed_amount=closed_amount,
            has_amount=now is not None and now.source_amount is not None,
            movements=tuple(self._movements(past, counts, outcome, closed_on, closed_amount)),
        )

    def _value(self, state: State, day: date) -> Decimal:
        return self._rates.convert(state.source_amount, state.currency, day)

    def _movements(
        self,
        past: Past,
        counts: bool,
        outcome: str | None,
        closed_on: date | None,
        closed_amount: Decimal | None,
    ) -> list[Movement]:
        movements = []
        before: State | None = None
        for at, state in past.intervals:
            day = self._clock.day_of(at)
            was_in = before is not None and before.is_pipeline
            if state.is_pipeline and not was_in:
                movements.append(Movement(day, _way_in(before), self._value(state, day)))
            elif before is not None and was_in and not state.is_pipeline:
                is_close = past.closed_at is not None and at >= past.closed_at
                if is_close and state.status in ("won", "lost") and closed_amount is not None:
                    movements.append(Movement(day, state.status, closed_amount))
                else:
                    kind = "lost" if state.status == "lost" else "removed"
                    movements.append(Movement(day, kind, self._value(before, day)))
            before = state
        if outcome == "won" and past.closed_at and closed_on and closed_amount is not None and counts:
            before = past.just_before(past.closed_at)
            movements += _win_from_outside(before, closed_on, closed_amount)
        return movements


def _win_from_outside(before: State | None, closed_on: date, amount: Decimal) -> list[Movement]:
    """Every win passes through: one that was not in the pipeline comes in on the day of its close."""
    if before is not None and before.is_pipeline:
        return []
    return [Movement(closed_on, _way_in(before), amount), Movement(closed_on, "won", amount)]


def _way_in(before: State | None) -> str:
    return "reopened" if before is not None and before.status in ("won", "lost") else "created"
