"""The world in which leads and deals live: people, companies, currencies, and the diary of contacts.

Belongs here: what several lives share. Does not belong here: a decision about one lead (`lead_life.py`) or
one deal (`deal_life.py`).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

from demo import worktime
from demo.company import INTEGRATION_USER, Accounts, Staff
from demo.ledger import Activity, Lead, Opportunity, Rate

Kinds = dict[str, int]
"""Activity types and how often each is used."""


@dataclass(frozen=True, slots=True)
class Links:
    """What an activity is tied to."""

    lead_id: str | None = None
    opportunity_id: str | None = None
    contact_id: str | None = None


_RATES = {"USD": 0.92, "GBP": 1.16, "CHF": 1.04}


class World:
    """`end` is the last second at which anything happens."""

    def __init__(self, seed: int, staff: Staff, rates: list[Rate], start: date, end: datetime) -> None:
        self.seed = seed
        self.staff = staff
        self.accounts = Accounts(seed)
        self.start = start
        self.end = end
        self.activities: list[Activity] = []
        self.opportunities: list[Opportunity] = []
        self._rates: dict[str, tuple[list[date], list[Decimal]]] = {}
        for rate in rates:
            days, values = self._rates.setdefault(rate.currency, ([], []))
            days.append(rate.valid_from)
            values.append(rate.rate)

    def rate(self, currency: str, day: date) -> Decimal:
        """EUR per unit on `day`."""
        if currency == "EUR":
            return Decimal(1)
        days, values = self._rates[currency]
        return values[bisect_right(days, day) - 1]

    def diary(
        self,
        activity_type: str,
        at: datetime,
        owner_id: str | None,
        links: Links,
        rng: Random,
        *,
        direction: str = "outbound",
        is_automated: bool = False,
        is_completed: bool = True,
    ) -> None:
        """Write down an activity; some are planned ahead, and now and then one is deleted afterwards."""
        planned_at = deleted_at = None
        if activity_type in ("meeting", "task") or not is_completed:
            planned_at = at - timedelta(seconds=rng.randint(7_200, 400_000))
        if rng.random() < 0.005:
            deleted_at = at + timedelta(seconds=rng.randint(600, 200_000))
        self.activities.append(
            Activity(
                activity_id="",
                activity_type=activity_type,
                occurred_at=at,
                owner_id=owner_id,
                lead_id=links.lead_id,
                opportunity_id=links.opportunity_id,
                contact_id=links.contact_id,
                direction=direction,
                is_automated=is_automated,
                is_completed=is_completed,
                planned_at=planned_at,
                deleted_at=deleted_at,
            )
        )

    def contact(
        self,
        kinds: Kinds,
        at: datetime,
        owner_id: str | None,
        links: Links,
        rng: Random,
        *,
        colleague: float = 0.04,
    ) -> None:
        """One contact moment and what comes with it: a note, an answer, a task or call that is never done.

        `kinds` are activity types and their weights; with the chance `colleague` somebody else of the team
        steps in.
        """
        day = worktime.local_date(at)
        if rng.random() < colleague:
            owner_id = self.staff.colleague(owner_id, day, rng).rep_id
        kind = rng.choices(list(kinds), list(kinds.values()))[0]
        direction = "inbound" if kind == "meeting" and rng.random() < 0.2 else "outbound"
        self.diary(kind, at, owner_id, links, rng, direction=direction)
        if rng.random() < 0.12:
            self.diary("note", at + timedelta(seconds=rng.randint(60, 900)), owner_id, links, rng)
        if rng.random() < 0.22:
            answered_at = at + timedelta(seconds=60 + int(rng.lognormvariate(9.2, 1.4)))
            kind = rng.choices(("email", "call", "message"), (6, 3, 1))[0]
            self.diary(kind, answered_at, owner_id, links, rng, direction="inbound")
        if rng.random() < 0.05:
            kind = rng.choice(("task", "task", "call"))
            later = worktime.office_moment(day + timedelta(days=rng.randint(1, 7)), rng)
            is_completed = kind == "task" and rng.random() < 0.3
            self.diary(kind, later, owner_id, links, rng, is_completed=is_completed)

    def auto_reply(self, lead: Lead, rng: Random) -> None:
        """The website thanks for the question a minute later; nobody has answered by that."""
        at = lead.created_at + timedelta(seconds=rng.randint(20, 150))
        self.diary("email", at, INTEGRATION_USER, Links(lead.lead_id), rng, is_automated=True)

    def settle_owner(self, record: Lead | Opportunity, at: datetime, rng: Random) -> bool:
        """Hand the record on if its owner has left before `at`; false if nobody works on it any more."""
        owner_id, day = record.now.owner_id, worktime.local_date(at)
        if not self.staff.is_gone(owner_id, day):
            return True
        owner = self.staff.by_id[owner_id or ""]
        if not owner.work_is_reassigned or owner.left_on is None:
            return False
        handed_at = worktime.at_local(owner.left_on, worktime.CLOSES + rng.randint(60, 3_600))
        record.change(handed_at, owner_id=self.staff.colleague(owner_id, day, rng).rep_id)
        return True


def make_rates(seed: int, first: date, last: date) -> list[Rate]:
    """A rate for every currency and month from the one before `first` up to the one of `last`."""
    rates = []
    for currency, level in _RATES.items():
        rng = Random(f"{seed}/rates/{currency}")
        value = level
        month = (first.replace(day=1) - timedelta(days=1)).replace(day=1)
        while month <= last:
            rates.append(Rate(currency, month, Decimal(round(value * 10_000)).scaleb(-4)))
            value += rng.gauss(0, 0.012) * level + 0.08 * (level - value)
            month = (month + timedelta(days=31)).replace(day=1)
    return rates
