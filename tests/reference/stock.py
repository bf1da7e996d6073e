"""The stock: which opportunities were in the pipeline at the end of a period, and for how much.

Belongs here: one opportunity at one stock. Does not belong here: sums (`kpi_pipeline.py`, `kpi_targets.py`).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from tests.reference.arithmetic import ZERO, share_of
from tests.reference.cells import is_complete, last_day
from tests.reference.company import Company
from tests.reference.deals import Deal
from tests.reference.past import State
from tests.reference.periods import Period


@dataclass(frozen=True)
class InStock:
    deal: Deal
    state: State
    amount: Decimal
    weighted: Decimal
    age_days: int
    is_stale: bool
    is_overdue: bool


class Stock:
    def __init__(self, company: Company) -> None:
        self._company = company
        self._contact_days = _contact_days(company)
        self._values: dict[tuple[str, date, bool], tuple[State, Decimal] | None] = {}

    def opening(self, deal: Deal, period: Period) -> Decimal | None:
        """Its worth when the day before the period was over; None where it was not in the pipeline."""
        valued = self._valued(deal, period.start - timedelta(days=1), is_over=True)
        return None if valued is None else valued[1]

    def closing(self, deal: Deal, period: Period) -> InStock | None:
        """At the end of the period, at `as_of` in the running one."""
        day = last_day(self._company, period)
        valued = self._valued(deal, day, is_over=is_complete(self._company, period))
        if valued is None:
            return None
        state, amount = valued
        probability = state.probability
        expected = state.expected_close_on
        return InStock(
            deal=deal,
            state=state,
            amount=amount,
            weighted=ZERO if probability is None else share_of(amount, probability),
            age_days=(day - deal.created_on).days,
            is_stale=self._is_stale(deal, day),
            is_overdue=expected is not None and expected < day,
        )

    def _valued(self, deal: Deal, day: date, is_over: bool) -> tuple[State, Decimal] | None:
        key = (deal.opportunity.opportunity_id, day, is_over)
        if key not in self._values:
            clock = self._company.clock
            if is_over:
                state = deal.past.just_before(clock.midnight(day + timedelta(days=1)))
            else:
                state = deal.past.at(clock.as_of)
            if state is None or not state.is_pipeline:
                self._values[key] = None
            else:
                amount = self._company.rates.convert(state.source_amount, state.currency, day)
                self._values[key] = (state, amount)
        return self._values[key]

    def _is_stale(self, deal: Deal, day: date) -> bool:
        days = self._contact_days[deal.opportunity.opportunity_id]
        so_far = bisect_right(days, day)
        touched = max([deal.created_on, *days[:so_far][-1:]])
        return (day - touched).days > self._company.rules.stale_after_days


def _contact_days(company: Company) -> dict[str, list[date]]:
    """The days of the contact moments of each opportunity: its own, and those of its lead."""
    return {
        deal.opportunity.opportunity_id: sorted(
            moment.day
            for moment in company.moments
            if moment.opportunity_id == deal.opportunity.opportunity_id
            or (moment.lead_id is not None and moment.lead_id == deal.lead_id)
        )
        for deal in company.deals_ever
    }
