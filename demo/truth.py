"""What the ledger adds up to: the metrics' definitions, said once more in plain loops.

Belongs here: numbers that the published tables are compared with, from what the ledger knows happened and
never from rendered rows. Does not belong here: anything the pipeline could share; agreement of two
independent calculations is the point.

Every function returns the cells that are not zero. Ids are the ledger's own, without a source in front. The
calculation is exact for every `as_of`; an export shows records as they are at the ledger's end, so the
published tables agree with it for an `as_of` at that end or later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

from demo.company import STAGES
from demo.ledger import Activity, Lead, Ledger, Opportunity, OpportunityState

PERIOD_TYPES = ("week", "month", "quarter", "year")
UNASSIGNED = "unassigned"
CONTACT_TYPES = ("call", "email", "meeting", "message")

_ONE_DAY = timedelta(days=1)


class Cell(NamedTuple):
    """The key of a row of a `kpi_*` table with breakdown `total`."""

    period_type: str
    period_start: date
    level: str
    team_id: str | None
    rep_id: str | None


@dataclass(frozen=True)
class View:
    """From where one looks: the instant (UTC) and the settings that cut periods."""

    as_of: datetime
    time_zone: str = "Europe/Amsterdam"
    fiscal_year_start_month: int = 1

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def day(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()

    def end_of(self, day: date) -> datetime:
        """The last second of a local day."""
        return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=self.zone).astimezone(UTC)

    def period_start(self, period_type: str, day: date) -> date:
        if period_type == "week":
            return day - timedelta(days=day.weekday())
        months = {"month": 1, "quarter": 3, "year": 12}[period_type]
        back = (day.month - self.fiscal_year_start_month) % months
        month = day.month - back
        return date(day.year, month, 1) if month > 0 else date(day.year - 1, month + 12, 1)

    def next_start(self, period_type: str, start: date) -> date:
        if period_type == "week":
            return start + timedelta(days=7)
        later = start.year * 12 + start.month - 1 + {"month": 1, "quarter": 3, "year": 12}[period_type]
        return date(later // 12, later % 12 + 1, 1)


@dataclass
class ClosedSales:
    """`closed_amount` in company currency."""

    won_opportunities: int = 0
    closed_amount: Decimal = Decimal("0.00")
    lost_opportunities: int = 0


@dataclass
class OpenPipeline:
    """`open_amount` in company currency."""

    open_opportunities: int = 0
    open_amount: Decimal = Decimal("0.00")


@dataclass(frozen=True)
class LeadContact:
    """A counted lead's contact moments at or after its creation, oldest first, and what came of it.

    `contacts` are the activities that they are, `moments` their instants. `response_minutes` are minutes from
    creation to the first of them; None without one, and for a lead whose source has no response clock.
    `ended_at` is the lead's end: the last second of the day of a win or loss, the instant of a
    disqualification, else `as_of`.
    """

    team_id: str
    rep_id: str
    created_at: datetime
    contacts: tuple[Activity, ...]
    response_minutes: float | None
    ended_at: datetime
    is_customer: bool

    @property
    def moments(self) -> tuple[datetime, ...]:
        return tuple(activity.occurred_at for activity in self.contacts)

    @property
    def moments_until_end(self) -> tuple[datetime, ...]:
        """What it took; onboarding after a win is not among it."""
        return tuple(at for at in self.moments if at <= self.ended_at)

    @property
    def first_response_at(self) -> datetime | None:
        return self.moments[0] if self.moments else None


def leads_created(ledger: Ledger, view: View) -> dict[Cell, int]:
    """Leads by the period in which they were created."""
    counts: dict[Cell, int] = {}
    for lead in counted_leads(ledger, view):
        day = view.day(lead.created_at)
        for cell in cells(ledger, view, day, _lead_owner(lead, view)):
            counts[cell] = counts.get(cell, 0) + 1
    return counts


def closed_sales(ledger: Ledger, view: View) -> dict[Cell, ClosedSales]:
    """Won and lost opportunities, and the amount of the won ones, by the period of their close."""
    found: dict[Cell, ClosedSales] = {}
    for deal in ledger.opportunities:
        state = deal.at(view.as_of)
        if (
            state is None
            or state.is_deleted
            or not _is_closed(state, view.as_of, view)
            or state.closed_on is None
        ):
            continue
        amount = Decimal("0.00")
        if state.amount is not None:
            amount = to_company_currency(ledger, state.amount, deal.currency, state.closed_on)
        for cell in cells(ledger, view, state.closed_on, _deal_owner(deal, state, view)):
            cell_sales = found.setdefault(cell, ClosedSales())
            if state.is_won:
                cell_sales.won_opportunities += 1
                cell_sales.closed_amount += amount
            else:
                cell_sales.lost_opportunities += 1
    return found


def open_pipeline(ledger: Ledger, view: View) -> dict[Cell, OpenPipeline]:
    """Open opportunities in qualified stages at the end of every period, or at `as_of` in the running one.

    Stage and amount are those of that instant; the rep is the one the opportunity has at `as_of`, or had when
    it was closed. A deleted one was there until it was deleted.
    """
    found: dict[Cell, OpenPipeline] = {}
    for deal in ledger.opportunities:
        last = deal.at(view.as_of)
        if last is None:
            continue
        owner_id = _deal_owner(deal, last, view)
        for period_type in PERIOD_TYPES:
            start = view.period_start(period_type, view.day(deal.created_at))
            while start <= view.day(view.as_of):
                following = view.next_start(period_type, start)
                instant = min(view.end_of(following - _ONE_DAY), view.as_of)
                if _is_closed(last, instant, view):
                    break
                state = deal.at(instant)
                if state is not None and not state.is_deleted and STAGES[state.stage].is_qualified:
                    amount = Decimal("0.00")
                    if state.amount is not None:
                        amount = to_company_currency(ledger, state.amount, deal.currency, view.day(instant))
                    for cell in cells(ledger, view, start, owner_id, period_type):
                        pipeline = found.setdefault(cell, OpenPipeline())
                        pipeline.open_opportunities += 1
                        pipeline.open_amount += amount
                start = following
    return found


def lead_contacts(
    ledger: Ledger, view: View, exclude_sources: tuple[str, ...] = ("outbound list",)
) -> dict[str, LeadContact]:
    """Contact moments and first response of every counted lead, by its id."""
    by_id = {lead.lead_id: lead for lead in ledger.leads}
    survivor = {lead.lead_id: _survivor(by_id, lead, view) for lead in ledger.leads}
    lead_of_deal = {deal.opportunity_id: deal.lead_id for deal in ledger.opportunities}
    lead_of_contact: dict[str, str] = {}
    for lead in ledger.leads:
        state = lead.at(view.as_of)
        if state is not None and state.contact_id is not None:
            lead_of_contact[state.contact_id] = lead.lead_id
    contacts: dict[str, list[Activity]] = {}
    for activity in ledger.activities:
        if not is_contact_moment(activity, view):
            continue
        lead_id = (
            activity.lead_id
            or lead_of_deal.get(activity.opportunity_id or "")
            or lead_of_contact.get(activity.contact_id or "")
        )
        if lead_id is not None:
            contacts.setdefault(survivor[lead_id], []).append(activity)
    deals_of: dict[str, list[OpportunityState]] = {}
    for deal in ledger.opportunities:
        last = deal.at(view.as_of)
        if deal.lead_id is not None and last is not None and not last.is_deleted:
            deals_of.setdefault(survivor[deal.lead_id], []).append(last)
    found = {}
    for lead in counted_leads(ledger, view):
        team_id, rep_id = team_and_rep(ledger, _lead_owner(lead, view))
        known = sorted(contacts.get(lead.lead_id, []), key=lambda one: (one.occurred_at, one.activity_id))
        since = tuple(activity for activity in known if activity.occurred_at >= lead.created_at)
        minutes = None
        if since and lead.source not in exclude_sources:
            minutes = (since[0].occurred_at - lead.created_at).total_seconds() / 60
        deals = deals_of.get(lead.lead_id, [])
        is_customer = any(deal.is_won and _is_closed(deal, view.as_of, view) for deal in deals)
        ended_at = _lead_end(lead, deals, view)
        found[lead.lead_id] = LeadContact(
            team_id, rep_id, lead.created_at, since, minutes, ended_at, is_customer
        )
    return found


def counted_leads(ledger: Ledger, view: View) -> Iterator[Lead]:
    """Leads that were created by `as_of` and were neither deleted nor merged into another one by then."""
    for lead in ledger.leads:
        state = lead.at(view.as_of)
        if state is not None and not state.is_deleted and state.duplicate_of is None:
            yield lead


def team_and_rep(ledger: Ledger, owner_id: str | None) -> tuple[str, str]:
    """The team and rep to whom an owner's records belong; nobody, a queue and a stranger are `unassigned`."""
    for rep in ledger.reps:
        if rep.rep_id == owner_id:
            return rep.team_id or UNASSIGNED, rep.rep_id
    return UNASSIGNED, UNASSIGNED


def to_company_currency(ledger: Ledger, amount: Decimal, currency: str, day: date) -> Decimal:
    """EUR at the rate valid on `day`, to the cent, half a cent up."""
    if currency == "EUR":
        return amount
    valid = [rate for rate in ledger.rates if rate.currency == currency and rate.valid_from <= day]
    newest = max(valid, key=lambda rate: rate.valid_from)
    return (amount * newest.rate).quantize(Decimal("0.01"), ROUND_HALF_UP)


def cells(
    ledger: Ledger, view: View, day: date, owner_id: str | None, only: str | None = None
) -> Iterator[Cell]:
    """Every cell that a record of this day and owner belongs to."""
    team_id, rep_id = team_and_rep(ledger, owner_id)
    for period_type in (only,) if only else PERIOD_TYPES:
        start = view.period_start(period_type, day)
        yield Cell(period_type, start, "company", None, None)
        yield Cell(period_type, start, "team", team_id, None)
        yield Cell(period_type, start, "rep", team_id, rep_id)


def _lead_owner(lead: Lead, view: View) -> str | None:
    state = lead.at(view.as_of)
    return state.owner_id if state else None


def _lead_end(lead: Lead, deals: list[OpportunityState], view: View) -> datetime:
    """The earliest of won, lost with all its opportunities, and disqualified; else `as_of`."""
    ends = [view.as_of]
    closed = [deal for deal in deals if _is_closed(deal, view.as_of, view)]
    won = [deal.closed_on for deal in closed if deal.is_won and deal.closed_on]
    if won:
        ends.append(view.end_of(min(won)))
    elif deals and len(closed) == len(deals):
        ends.append(view.end_of(max(deal.closed_on for deal in closed if deal.closed_on)))
    state = lead.at(view.as_of)
    if state is not None and state.status == "disqualified" and state.disqualified_at is not None:
        ends.append(state.disqualified_at)
    return min(ends)


def _deal_owner(deal: Opportunity, state: OpportunityState, view: View) -> str | None:
    """The owner when the opportunity was closed, where it is closed by `as_of`; else the one it has then."""
    if state.closed_on is not None and _is_closed(state, view.as_of, view):
        at_close = deal.at(view.end_of(state.closed_on))
        return at_close.owner_id if at_close else state.owner_id
    return state.owner_id


def _is_closed(state: OpportunityState, instant: datetime, view: View) -> bool:
    """Closed from the end of the closing day, in company time."""
    return state.closed_on is not None and view.end_of(state.closed_on) <= instant


def _survivor(by_id: dict[str, Lead], lead: Lead, view: View) -> str:
    """The id of the lead that is left after all merges by `as_of`."""
    state = lead.at(view.as_of)
    while state is not None and state.duplicate_of is not None:
        lead = by_id[state.duplicate_of]
        state = lead.at(view.as_of)
    return lead.lead_id


def is_contact_moment(activity: Activity, view: View) -> bool:
    is_deleted = activity.deleted_at is not None and activity.deleted_at <= view.as_of
    return (
        activity.activity_type in CONTACT_TYPES
        and activity.is_completed
        and activity.occurred_at <= view.as_of
        and not activity.is_automated
        and not is_deleted
        and (activity.direction == "outbound" or activity.activity_type == "meeting")
    )
