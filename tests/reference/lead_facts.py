"""What happened to a counted lead by `as_of`.

Belongs here: response, follow-ups, customer, end, open work. Does not belong here: sums over leads.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from tests.reference.clock import Clock, Moment, minutes_between
from tests.reference.contacts import ContactMoment
from tests.reference.counted import Counted
from tests.reference.members import UNKNOWN, Members
from tests.reference.records import Lead, Opportunity


@dataclass(frozen=True)
class End:
    """`on` is None where nobody knows since when; `at` is the instant where the end is one."""

    reason: str
    on: date | None
    at: datetime | None


@dataclass(frozen=True)
class Response:
    """Minutes are None where a moment is a plain day, and to leads that have no response clock."""

    minutes: float | None
    business_minutes: float | None
    waiting_minutes: float | None
    waiting_business_minutes: float | None


@dataclass(frozen=True)
class LeadFacts:
    lead_id: str
    created_on: date
    rep_id: str
    source: str
    industry: str
    campaign: str
    has_response_clock: bool
    first_response: ContactMoment | None
    follow_ups: tuple[ContactMoment, ...]
    response: Response
    has_opportunity: bool
    deal: Opportunity | None
    is_customer: bool
    became_customer_on: date | None
    is_qualified: bool
    is_disqualified: bool
    is_over: bool
    work_ends_on: date | None
    end: End | None

    @property
    def contact_moments(self) -> int:
        return len(self.follow_ups) + (self.first_response is not None)

    @property
    def channel(self) -> str:
        return self.first_response.channel if self.first_response else UNKNOWN

    @property
    def days_to_customer(self) -> int | None:
        return (self.became_customer_on - self.created_on).days if self.became_customer_on else None

    def is_work_on(self, day: date) -> bool:
        """Open at the end of the day. What is over, but not since when, never was work."""
        if self.created_on > day or (self.is_over and self.work_ends_on is None):
            return False
        return self.work_ends_on is None or self.work_ends_on > day


class LeadStory:
    """Tells the facts of leads, from everything that counts."""

    def __init__(
        self,
        counted: Counted,
        moments: list[ContactMoment],
        members: Members,
        clock: Clock,
        sources_without_clock: tuple[str, ...],
    ) -> None:
        self._counted, self._members, self._clock = counted, members, clock
        self._sources_without_clock = sources_without_clock
        self._moments: dict[str, list[ContactMoment]] = {}
        for moment in moments:
            if moment.lead_id is not None:
                self._moments.setdefault(moment.lead_id, []).append(moment)
        self._opportunities: dict[str, list[Opportunity]] = {}
        for opportunity in counted.opportunities.values():
            lead = counted.lead(opportunity.lead_id)
            if lead is not None:
                self._opportunities.setdefault(lead.lead_id, []).append(opportunity)

    def facts(self, lead: Lead) -> LeadFacts:
        opportunities = self._opportunities.get(lead.lead_id, [])
        is_customer, became_customer = self._customer(lead, opportunities)
        is_lost, lost_on = self._loss(opportunities)
        is_disqualified = lead.disqualified is not None or lead.status == "disqualified"
        is_converted = lead.converted is not None or lead.status == "converted"
        end = self._end(lead, is_customer, became_customer, is_lost, lost_on, is_disqualified)
        first, follow_ups = self._contacts(lead, end)
        has_clock = lead.source not in self._sources_without_clock
        ends = [self._day(lead.converted), self._day(lead.disqualified), self._day(became_customer), lost_on]
        return LeadFacts(
            lead_id=lead.lead_id,
            created_on=self._clock.day_of(lead.created),
            rep_id=self._members.rep_of(lead.owner_id),
            source=lead.source or UNKNOWN,
            industry=self._counted.lead_industry(lead),
            campaign=lead.campaign or UNKNOWN,
            has_response_clock=has_clock,
            first_response=first,
            follow_ups=tuple(follow_ups),
            response=self._response(lead, first, end) if has_clock else Response(None, None, None, None),
            has_opportunity=bool(opportunities),
            deal=min(opportunities, key=self._deal_order, default=None),
            is_customer=is_customer,
            became_customer_on=self._day(became_customer),
            is_qualified=lead.status in ("qualified", "converted") or bool(opportunities),
            is_disqualified=is_disqualified,
            is_over=is_converted or is_disqualified or is_customer or is_lost,
            work_ends_on=min((day for day in ends if day is not None), default=None),
            end=end,
        )

    def _day(self, moment: Moment | None) -> date | None:
        return None if moment is None else self._clock.day_of(moment)

    def _deal_order(self, opportunity: Opportunity) -> tuple[object, ...]:
        """Won before others, then the earliest created."""
        is_won = self._counted.outcome(opportunity) == "won"
        return not is_won, self._clock.order(opportunity.created), opportunity.opportunity_id

    def _customer(self, lead: Lead, opportunities: list[Opportunity]) -> tuple[bool, Moment | None]:
        """A lead without opportunities may tell itself; otherwise the earliest close of the won ones."""
        if not opportunities:
            return lead.became_customer is not None, lead.became_customer
        won = [opp for opp in opportunities if self._counted.outcome(opp) == "won"]
        days = [opp.closed_on for opp in won if opp.closed_on is not None]
        return bool(won), min(days, default=None)

    def _loss(self, opportunities: list[Opportunity]) -> tuple[bool, date | None]:
        """All opportunities are lost; on no known day where one of the losses has none."""
        if not opportunities or any(self._counted.outcome(opp) != "lost" for opp in opportunities):
            return False, None
        days = [opp.closed_on for opp in opportunities if opp.closed_on is not None]
        return True, max(days) if len(days) == len(opportunities) else None

    def _end(
        self,
        lead: Lead,
        is_customer: bool,
        became_customer: Moment | None,
        is_lost: bool,
        lost_on: date | None,
        is_disqualified: bool,
    ) -> End | None:
        """The earliest by day, on one day in the order won, lost, disqualified; else one without a day."""
        known = (
            ("won", is_customer, became_customer),
            ("lost", is_lost, lost_on),
            ("disqualified", is_disqualified, lead.disqualified),
        )
        ends = [
            End(reason, self._day(moment), moment if isinstance(moment, datetime) else None)
            for reason, is_so, moment in known
            if is_so
        ]
        return min(ends, key=lambda end: end.on or date.max, default=None)

    def _contacts(self, lead: Lead, end: End | None) -> tuple[ContactMoment | None, list[ContactMoment]]:
        moments = [
            moment
            for moment in self._moments.get(lead.lead_id, [])
            if not self._clock.is_after(lead.created, moment.occurred)
        ]
        if not moments:
            return None, []
        return moments[0], [moment for moment in moments[1:] if not self._is_after_end(moment, end)]

    def _is_after_end(self, moment: ContactMoment, end: End | None) -> bool:
        """Instants where both are, else days."""
        if end is None or end.on is None:
            return False
        return self._clock.is_after(moment.occurred, end.at or end.on)

    def _response(self, lead: Lead, first: ContactMoment | None, end: End | None) -> Response:
        if not isinstance(lead.created, datetime):
            return Response(None, None, None, None)
        if first is None:
            waited = max(self._waiting_until(end), lead.created)
            minutes = minutes_between(lead.created, waited)
            return Response(None, None, minutes, self._clock.business_minutes(lead.created, waited))
        if not isinstance(first.occurred, datetime):
            return Response(None, None, None, None)
        minutes = minutes_between(lead.created, first.occurred)
        return Response(minutes, self._clock.business_minutes(lead.created, first.occurred), None, None)

    def _waiting_until(self, end: End | None) -> datetime:
        """The end's instant or the end of its day, else `as_of`; nobody waits longer than until `as_of`."""
        if end is None or end.on is None:
            return self._clock.as_of
        return min(end.at or self._clock.last_second(end.on), self._clock.as_of)
