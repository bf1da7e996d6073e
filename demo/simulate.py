"""Let the made-up company live for some years and write its ledger.

Belongs here: the order in which things happen, what the ledger's first and last day cut off, and the
numbering of records. Does not belong here: a single life (`lead_life.py`, `deal_life.py`).

Every life draws from a generator of its own, seeded with a text, so the ledger depends on nothing but its
arguments: no clock, no locale, no order of a hash. Floats are never added by the
built-in sum, which rounds differently from 3.12 on.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random

from demo import deal_life, lead_life, worktime
from demo.arrivals import Arrival, arrivals, season
from demo.company import PRODUCTS, Staff, make_reps, make_teams
from demo.ledger import Activity, Lead, Ledger, Opportunity
from demo.targets import make_targets
from demo.world import Links, World, make_rates
from orchestration.errors import SettingsError

REPS = 15
"""At scale 1."""

CUSTOMER_DEALS_PER_DAY = 0.33
"""Deals that no lead came before, per working day at scale 1."""

CLOSING_HOUR = 21
"""Of the last day, local time: nothing happens after it."""

_WARM_UP = timedelta(days=150)
_STRAY_ACTIVITIES_PER_DAY = 0.12


def simulate(*, until: date, seed: int = 7, scale: float = 1.0, years: int = 3) -> Ledger:
    """The ledger of `years` years up to and including `until`.

    `scale` is the company's size: at 1 some 15 salespeople and 7,000 leads, in proportion otherwise, but
    never fewer than two people. Raises `SettingsError` for a scale that is not above 0 or for less than one
    year.
    """
    if not 0 < scale <= 1000:
        raise SettingsError(f"The demo company's scale is {scale}; give a number above 0 and up to 1000.")
    if years < 1:
        raise SettingsError(f"The demo company's years are {years}; give a whole number from 1 on.")
    start = _years_before(until, years) + timedelta(days=1)
    warm_up = start - _WARM_UP
    end = worktime.at_local(until, CLOSING_HOUR * 3600)
    size = max(2, round(REPS * scale))
    teams = make_teams(size)
    reps = make_reps(seed, size, teams, start, until)
    rates = make_rates(seed, warm_up, until)
    world = World(seed, Staff(reps, teams, until), rates, start, end)
    leads = _live(world, arrivals(seed, scale, warm_up, start, until, end), scale, warm_up, until)
    ledger = Ledger(seed, scale, years, start, until, end, teams, reps, list(PRODUCTS), rates=rates)
    ledger.leads = _cut_leads(leads, ledger)
    ledger.opportunities = _cut_opportunities(world, ledger)
    ledger.activities = _cut_activities(world, ledger)
    _number(ledger)
    used = {lead.account_id for lead in ledger.leads} | {deal.account_id for deal in ledger.opportunities}
    ledger.accounts = [account for account in world.accounts.all if account.account_id in used]
    ledger.targets = make_targets(ledger)
    return ledger


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)


def _live(world: World, coming: list[Arrival], scale: float, first: date, until: date) -> list[Lead]:
    """Every lead's life in order of arrival, then the deals without a lead, then what is tied to nothing."""
    known: dict[str, Lead] = {}
    for number, arrival in enumerate(coming, 1):
        arrival.lead_id = f"L{number:06}"
        known[arrival.lead_id] = lead_life.live(arrival, world, known)
    for day in worktime.days_from(first, until):
        if not worktime.is_working_day(day):
            continue
        rng = Random(f"{world.seed}/day/{day}")
        for number in range(_count(scale * CUSTOMER_DEALS_PER_DAY * (0.5 + 0.5 * season(day)), rng)):
            deal_life.with_customer(day, number, world)
        for _ in range(_count(scale * _STRAY_ACTIVITIES_PER_DAY, rng)):
            rep = world.staff.next_rep(None, day, rng)
            kind = rng.choice(("call", "email", "note"))
            world.diary(kind, worktime.office_moment(day, rng), rep.rep_id, Links(), rng)
    return list(known.values())


def _count(mean: float, rng: Random) -> int:
    """A whole number with this mean, as near to it as can be."""
    return int(mean) + (rng.random() < mean % 1)


def _cut_leads(leads: list[Lead], ledger: Ledger) -> list[Lead]:
    """The leads of the ledger's days, as far as they have lived by its end."""
    kept = [lead for lead in leads if worktime.local_date(lead.created_at) >= ledger.start]
    for lead in kept:
        lead.states = [state for state in lead.states if state.changed_at <= ledger.end]
    return kept


def _cut_opportunities(world: World, ledger: Ledger) -> list[Opportunity]:
    """The deals of the ledger's days.

    The CRM was introduced on the first of them: deals that were open then were carried over before the office
    opened, without their past; older ones were not.
    """
    kept = []
    carried_over = 0
    for deal in world.opportunities:
        deal.states = [state for state in deal.states if state.changed_at <= ledger.end]
        if worktime.local_date(deal.created_at) < ledger.start:
            at = worktime.at_local(ledger.start, 6 * 3600 + carried_over % 7_200)
            before = deal.at(at)
            if before is None or before.closed_on is not None or before.is_deleted:
                continue
            carried_over += 1
            deal.states = [
                replace(before, changed_at=at),
                *(state for state in deal.states if state.changed_at > at),
            ]
            deal.created_at = at
        kept.append(deal)
    return kept


def _cut_activities(world: World, ledger: Ledger) -> list[Activity]:
    """What happened in the ledger's days with records it knows; a later deletion has not happened yet."""
    lead_ids = {None, *(lead.lead_id for lead in ledger.leads)}
    deal_ids = {None, *(deal.opportunity_id for deal in ledger.opportunities)}
    opening = worktime.at_local(ledger.start, 0)
    kept = []
    for activity in world.activities:
        if not opening <= activity.occurred_at <= ledger.end:
            continue
        if activity.lead_id in lead_ids and activity.opportunity_id in deal_ids:
            if activity.deleted_at is not None and activity.deleted_at > ledger.end:
                activity.deleted_at = None
            kept.append(activity)
    return kept


def _number(ledger: Ledger) -> None:
    """Ids in order of time; leads have theirs from their arrival."""
    ledger.opportunities.sort(key=lambda deal: deal.created_at)
    ledger.activities.sort(key=lambda activity: activity.occurred_at)
    new_ids: dict[str | None, str] = {}
    for number, deal in enumerate(ledger.opportunities, 1):
        new_ids[deal.opportunity_id] = deal.opportunity_id = f"O{number:06}"
    for number, activity in enumerate(ledger.activities, 1):
        activity.activity_id = f"A{number:07}"
        activity.opportunity_id = new_ids.get(activity.opportunity_id)
