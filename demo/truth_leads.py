"""What the ledger says of leads beyond their number: answers in office time, follow-ups, customers.

Belongs here: more definitions in plain loops over `truth.lead_contacts`. Does not belong here: which contact
moments a lead has (`truth.py`), or anything the pipeline could share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from demo.ledger import Ledger
from demo.truth import Cell, LeadContact, View, cells, is_contact_moment


@dataclass(frozen=True)
class Office:
    """Opening hours in minutes of the local day, from Monday to Friday but for holidays."""

    opens: int
    closes: int
    holidays: frozenset[date]

    def minutes_between(self, view: View, start: datetime, end: datetime) -> float:
        """How long the office was open between two instants."""
        seconds = 0.0
        day = view.day(start)
        while day <= view.day(end):
            if day.isoweekday() <= 5 and day not in self.holidays:
                opens, closes = (_at(view, day, minutes) for minutes in (self.opens, self.closes))
                seconds += max(0.0, (min(closes, end) - max(opens, start)).total_seconds())
            day += timedelta(days=1)
        return seconds / 60


@dataclass
class MadeContacts:
    """By who made them, whoever owns the lead."""

    contact_moments: int = 0
    first_responses: int = 0
    follow_ups: int = 0


@dataclass
class Cohort:
    """The leads that came in during a period, and how many of them are customers by `as_of`."""

    leads: int = 0
    customers: int = 0


def made_contacts(
    ledger: Ledger, view: View, contacts: Mapping[str, LeadContact]
) -> dict[Cell, MadeContacts]:
    """Contact moments by their day; those that belong to no lead too."""
    first = {lead.contacts[0].activity_id for lead in contacts.values() if lead.contacts}
    follow_ups = {
        activity.activity_id
        for lead in contacts.values()
        for activity in lead.contacts[1:]
        if activity.occurred_at <= lead.ended_at
    }
    found: dict[Cell, MadeContacts] = {}
    for activity in ledger.activities:
        if is_contact_moment(activity, view):
            for cell in cells(ledger, view, view.day(activity.occurred_at), activity.owner_id):
                made = found.setdefault(cell, MadeContacts())
                made.contact_moments += 1
                made.first_responses += activity.activity_id in first
                made.follow_ups += activity.activity_id in follow_ups
    return found


def cohorts(ledger: Ledger, view: View, contacts: Mapping[str, LeadContact]) -> dict[Cell, Cohort]:
    """Leads and customers by the period in which the lead came in."""
    found: dict[Cell, Cohort] = {}
    for lead in contacts.values():
        for cell in cells(ledger, view, view.day(lead.created_at), lead.rep_id):
            cohort = found.setdefault(cell, Cohort())
            cohort.leads += 1
            cohort.customers += lead.is_customer
    return found


def _at(view: View, day: date, minutes: int) -> datetime:
    return datetime.combine(day, time(*divmod(minutes, 60)), tzinfo=view.zone).astimezone(UTC)
