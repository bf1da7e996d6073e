"""Contact moments, and the lead and the opportunity that each belongs to.

Belongs here: which activity is a contact moment, and its links. Does not belong here: what it is to its lead
(first response, follow-up: `lead_facts.py`), or the product it counts for (`products.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tests.reference.clock import Clock, Moment, MomentOrder
from tests.reference.counted import Counted
from tests.reference.members import Members
from tests.reference.records import Activity, Lead

CHANNELS = ("call", "email", "meeting", "message")


@dataclass(frozen=True)
class ContactMoment:
    activity_id: str
    channel: str
    occurred: Moment
    day: date
    order: tuple[MomentOrder, str]
    rep_id: str
    lead_id: str | None
    opportunity_id: str | None


def contact_moments(
    activities: list[Activity], counted: Counted, members: Members, clock: Clock
) -> list[ContactMoment]:
    """In order: by day, on one day those without time first, then by instant, then by id."""
    leads_of_contact = _leads_by_contact(counted, clock)
    moments = []
    for activity in activities:
        if not _is_contact_moment(activity, clock):
            continue
        opportunity = counted.opportunities.get(activity.opportunity_id or "")
        day = clock.day_of(activity.occurred)
        lead = (
            counted.lead(activity.lead_id)
            or (counted.lead(opportunity.lead_id) if opportunity else None)
            or _lead_of_contact(leads_of_contact.get(activity.contact_id or "", []), day, clock)
        )
        moments.append(
            ContactMoment(
                activity_id=activity.activity_id,
                channel=activity.activity_type,
                occurred=activity.occurred,
                day=day,
                order=(clock.order(activity.occurred), activity.activity_id),
                rep_id=members.rep_of(activity.owner_id),
                lead_id=lead.lead_id if lead else None,
                opportunity_id=opportunity.opportunity_id if opportunity else None,
            )
        )
    return sorted(moments, key=lambda moment: moment.order)


def _is_contact_moment(activity: Activity, clock: Clock) -> bool:
    return (
        activity.activity_type in CHANNELS
        and (activity.direction == "outbound" or activity.activity_type == "meeting")
        and activity.is_completed
        and not activity.is_automated
        and not activity.is_deleted
        and clock.by_as_of(activity.occurred)
    )


def _leads_by_contact(counted: Counted, clock: Clock) -> dict[str, list[Lead]]:
    leads: dict[str, list[Lead]] = {}
    for contact_id, lead in counted.contacts():
        leads.setdefault(contact_id, []).append(lead)
    for shared in leads.values():
        shared.sort(key=lambda lead: (clock.order(lead.created), lead.lead_id))
    return leads


def _lead_of_contact(leads: list[Lead], day: date, clock: Clock) -> Lead | None:
    """A contact stands for the first of its leads until the day on which the next is created, and so on."""
    standing = leads[0] if leads else None
    for lead in leads:
        if clock.day_of(lead.created) <= day:
            standing = lead
    return standing
