"""Who is a lead in several sources, and what the leads of one person say together.

Belongs here: which lead a lead of another source is counted as, and the one lead that comes of them. Does not
belong here: merges within a CRM, or whether a lead counts at all (`counted.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tests.reference.clock import Clock, Moment, MomentOrder
from tests.reference.records import Lead

LEADS_OF_ONE_PERSON = 20
"""An address of more leads is no one person's."""
_FURTHEST = ("converted", "qualified", "", "new", "disqualified")
"""A status that is not in it stands where the empty one does."""


def matches(leads: Iterable[Lead], clock: Clock) -> dict[str, str]:
    """By lead of another source than the person's first: the lead that it is counted as."""
    persons: dict[str, list[Lead]] = {}
    for lead in leads:
        if lead.email is not None:
            persons.setdefault(lead.email, []).append(lead)
    found = {}
    for same in persons.values():
        if len(same) > LEADS_OF_ONE_PERSON:
            continue
        same.sort(key=lambda lead: _order(lead, clock))
        home = [lead for lead in same if _source(lead) == _source(same[0])]
        for lead in same:
            if lead not in home:
                before = [one for one in home if not clock.is_after(one.created, lead.created)]
                found[lead.lead_id] = before[-1].lead_id
    return found


def combined(lead: Lead, others: Iterable[Lead], clock: Clock) -> Lead:
    """The lead with what those know that are counted as it."""
    all_ = [lead, *sorted(others, key=lambda other: _order(other, clock))]

    def told(column: str) -> str | None:
        return next((text for one in all_ if (text := getattr(one, column)) is not None), None)

    def first(moments: Iterable[Moment | None]) -> Moment | None:
        return min((moment for moment in moments if moment is not None), key=clock.order, default=None)

    return replace(
        lead,
        owner_id=told("owner_id"),
        account_id=told("account_id"),
        source=told("source"),
        campaign=told("campaign"),
        industry=told("industry"),
        status=min((one.status for one in all_), key=_place),
        converted=first(one.converted for one in all_),
        became_customer=first(one.became_customer for one in all_),
        disqualified=_last_disqualified(all_, clock),
    )


def _last_disqualified(leads: list[Lead], clock: Clock) -> Moment | None:
    """Of the moments that are known; None where one of them is not disqualified."""
    if any(lead.disqualified is None and lead.status != "disqualified" for lead in leads):
        return None
    moments = [lead.disqualified for lead in leads if lead.disqualified is not None]
    return max(moments, key=clock.order, default=None)


def _order(lead: Lead, clock: Clock) -> tuple[MomentOrder, str]:
    return clock.order(lead.created), lead.lead_id


def _source(lead: Lead) -> str:
    return lead.lead_id.partition(":")[0]


def _place(status: str) -> int:
    return _FURTHEST.index(status if status in _FURTHEST else "")
