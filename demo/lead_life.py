"""The life of one lead: who gets it, when it is answered, how often it is called, what becomes of it.

Belongs here: everything up to the opportunity or the disqualification, and merging and deleting. Does not
belong here: the deal that follows (`deal_life.py`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from demo import deal_life, worktime
from demo.arrivals import Arrival
from demo.company import INDUSTRIES, INTEGRATION_USER, UNKNOWN_OWNER, Source, pick
from demo.ledger import Lead, LeadState, Rep, Team
from demo.world import Kinds, Links, World

_FIRST: Kinds = {"call": 50, "email": 40, "message": 10}
_LATER: Kinds = {"call": 46, "email": 34, "meeting": 12, "message": 8}
_INDUSTRY_BY_NAME = {industry.name: industry for industry in INDUSTRIES}


def live(arrival: Arrival, world: World, known: dict[str, Lead]) -> Lead:
    """The lead's whole life, past the ledger's end too; `known` holds the leads that came in before it."""
    rng = Random(f"{world.seed}/lead/{arrival.lead_id}")
    team = world.staff.team_for(rng)
    original = known.get(arrival.again.lead_id) if arrival.again else None
    lead = _enter(arrival, original, team, world, rng)
    if arrival.source.auto_reply and rng.random() < 0.85:
        world.auto_reply(lead, rng)
    if original is not None:
        _merge(lead, original, world, rng)
        return lead
    if rng.random() < 0.01:  # spam, or a test of the web form
        lead.change(lead.created_at + timedelta(seconds=rng.randint(600, 250_000)), is_deleted=True)
        return lead
    rep = _assign(lead, team, world, rng)
    if rep is not None and rng.random() < rep.answer_rate:
        _work(lead, arrival.source, rep, world, rng)
    elif rng.random() < 0.75:
        _clean_up(lead, lead.now.changed_at, world, rng)
    if lead.now.status in ("new", "working", "qualified"):
        world.settle_owner(lead, world.end, rng)
    return lead


def _enter(arrival: Arrival, original: Lead | None, team: Team, world: World, rng: Random) -> Lead:
    industry: str | None = pick(rng, INDUSTRIES, [entry.weight for entry in INDUSTRIES]).name
    account_id = None
    if original is not None:
        industry, account_id = original.industry, original.account_id
    elif rng.random() < 0.7:
        account = world.accounts.known(rng) if rng.random() < 0.1 else world.accounts.new(industry)
        industry, account_id = account.industry, account.account_id
    elif rng.random() < 0.3:
        industry = None
    owner_id: str | None = f"Q-{team.region.upper()}"
    if rng.random() < 0.85:
        owner_id = world.staff.next_rep(team.team_id, worktime.local_date(arrival.at), rng).rep_id
    return Lead(
        created_at=arrival.at,
        states=[LeadState(arrival.at, owner_id)],
        lead_id=arrival.lead_id,
        source=None if rng.random() < 0.015 else arrival.source.name,
        campaign=arrival.campaign,
        industry=industry,
        account_id=account_id,
    )


def _assign(lead: Lead, team: Team, world: World, rng: Random) -> Rep | None:
    """Whoever will work on the lead; one in forty is forgotten in a queue, or belongs to nobody any more."""
    if rng.random() < 0.025:
        forgotten = (None, f"Q-{team.region.upper()}", INTEGRATION_USER, UNKNOWN_OWNER)
        owner_id = rng.choices(forgotten, (40, 40, 15, 5))[0]
        if owner_id != lead.now.owner_id:
            lead.change(lead.created_at + timedelta(seconds=rng.randint(1, 60)), owner_id=owner_id)
        return None
    owner = world.staff.by_id.get(lead.now.owner_id or "")
    if owner is None:
        picked_at = worktime.add_working_seconds(lead.created_at, int(rng.lognormvariate(7.2, 0.9)))
        owner = world.staff.next_rep(team.team_id, worktime.local_date(picked_at), rng)
        lead.change(picked_at, owner_id=owner.rep_id)
    return owner


def _work(lead: Lead, source: Source, rep: Rep, world: World, rng: Random) -> None:
    """Answer the lead and keep at it until it is won over, let go or forgotten."""
    wait = int(rng.lognormvariate(0, 1.05) * rep.pace * source.delay)
    at = worktime.add_working_seconds(lead.now.changed_at, max(60, wait))
    if at > world.end or not world.settle_owner(lead, at, rng):
        return
    if source.rhythm == "fair" and rng.random() < 0.1:  # spoken to at the stand, entered afterwards
        spoken_at = lead.created_at - timedelta(seconds=rng.randint(1_800, 80_000))
        world.diary("meeting", spoken_at, rep.rep_id, Links(lead.lead_id), rng, direction="inbound")
    _contact(lead, at, _FIRST, world, rng)
    lead.change(at, status="working")

    day = worktime.local_date(lead.created_at)
    chance = source.conversion * (0.35 + 0.65 * rep.skill) * (0.7 + 0.3 * rep.ramp(day))
    chance *= 1.15 if wait < 3_600 else 0.82 if wait > 30_000 else 1.0
    if lead.industry:
        chance *= _INDUSTRY_BY_NAME[lead.industry].conversion
    fate = rng.random()
    if fate < chance:
        _win_over(lead, source, at, world, rng)
    elif fate < chance + (1 - chance) * 0.8:
        last = _follow_up(lead, at, rng.choices(range(6), (24, 24, 20, 16, 10, 6))[0], world, rng)
        if last is not None:
            let_go_at = worktime.office_moment(
                worktime.local_date(last) + timedelta(days=rng.randint(1, 16)), rng
            )
            _disqualify(lead, let_go_at, world, rng)
    else:
        last = _follow_up(lead, at, rng.randint(0, 3), world, rng)
        if last is not None and rng.random() < 0.2:
            lead.change(last, status="qualified")
        if last is not None and rng.random() < 0.85:
            _clean_up(lead, last, world, rng)


def _win_over(lead: Lead, source: Source, at: datetime, world: World, rng: Random) -> None:
    last = _follow_up(lead, at, rng.choices(range(1, 7), (22, 28, 22, 14, 9, 5))[0], world, rng)
    if last is None:
        return
    if rng.random() < 0.4:
        lead.change(last, status="qualified")
        last = worktime.office_moment(worktime.local_date(last) + timedelta(days=rng.randint(1, 6)), rng)
        if last > world.end or not world.settle_owner(lead, last, rng):
            return
    contact_id = f"C{lead.lead_id[1:]}"
    lead.change(last, status="converted", converted_at=last, contact_id=contact_id)
    deal_life.from_lead(lead, source, last, world, rng)
    if rng.random() < 0.03:  # a second chance with the same customer, months later
        later = worktime.office_moment(worktime.local_date(last) + timedelta(days=rng.randint(60, 240)), rng)
        deal_life.from_lead(lead, source, later, world, rng)


def _follow_up(lead: Lead, at: datetime, count: int, world: World, rng: Random) -> datetime | None:
    """`count` contact moments after `at`; the last one's instant, none if the lead is dropped on the way."""
    for _ in range(count):
        gap = rng.choices((1, 2, 3, 4, 6, 8, 11), (18, 20, 18, 14, 13, 10, 7))[0]
        at = worktime.office_moment(worktime.local_date(at) + timedelta(days=gap), rng)
        if at > world.end or not world.settle_owner(lead, at, rng):
            return None
        if rng.random() < 0.015:  # handed to a colleague
            other = world.staff.colleague(lead.now.owner_id, worktime.local_date(at), rng)
            lead.change(at - timedelta(seconds=rng.randint(60, 1_500)), owner_id=other.rep_id)
        _contact(lead, at, _LATER, world, rng)
    return at


def _contact(lead: Lead, at: datetime, kinds: Kinds, world: World, rng: Random) -> None:
    world.contact(kinds, at, lead.now.owner_id, Links(lead.lead_id), rng)


def _clean_up(lead: Lead, after: datetime, world: World, rng: Random) -> None:
    """Some months later somebody closes what nobody works on."""
    day = worktime.local_date(after) + timedelta(days=rng.randint(25, 110))
    _disqualify(lead, worktime.office_moment(day, rng), world, rng)


def _disqualify(lead: Lead, at: datetime, world: World, rng: Random) -> None:
    if world.settle_owner(lead, at, rng):
        lead.change(at, status="disqualified", disqualified_at=at)


def _merge(lead: Lead, original: Lead, world: World, rng: Random) -> None:
    """The same question again: perhaps somebody answers it, then the two records become one.

    As a rule the older record stays; sometimes, when nothing has come of it, the younger one.
    """
    rep = world.staff.by_id.get(lead.now.owner_id or "")
    if rep is not None and rng.random() < 0.35:
        _contact(
            lead, worktime.add_working_seconds(lead.created_at, rng.randint(300, 20_000)), _FIRST, world, rng
        )
    day = worktime.local_date(lead.created_at) + timedelta(days=rng.randint(1, 9))
    merged_at = worktime.office_moment(day, rng)
    is_open = original.now.status in ("new", "working") and not original.now.is_deleted
    if is_open and original.now.duplicate_of is None and rng.random() < 0.4:
        original.change(merged_at, duplicate_of=lead.lead_id)
    else:
        lead.change(merged_at, duplicate_of=original.lead_id)
