"""Who and what the made-up company consists of: stages, sources, industries, products, teams and people.

Belongs here: what is there before anything happens, at any scale. Does not belong here: leads, deals and
anything else with a date of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Literal, TypeVar

from demo.ledger import Account, Product, Rep, Team
from demo.names import COMPANY_NAMES, COMPANY_TRADES, FIRST_NAMES, LAST_NAMES

Rhythm = Literal["web", "office", "fair", "webinar", "list"]


@dataclass(frozen=True, slots=True)
class Stage:
    """`probability` is the default of deals in the stage."""

    name: str
    is_qualified: bool
    is_won: bool | None
    probability: Decimal


STAGES = {
    stage.name: stage
    for stage in (
        Stage("Qualification", False, None, Decimal("0.10")),
        Stage("Discovery", True, None, Decimal("0.25")),
        Stage("Proposal", True, None, Decimal("0.50")),
        Stage("Negotiation", True, None, Decimal("0.75")),
        Stage("Closed Won", False, True, Decimal("1.00")),
        Stage("Closed Lost", False, False, Decimal("0.00")),
    )
}
"""In the order in which a deal goes through them. A closed deal is in no pipeline: not qualified."""


@dataclass(frozen=True, slots=True)
class Source:
    """`share` of all leads; `conversion` to an opportunity; `wins`, `deal_size` and `delay` are factors."""

    name: str
    share: float
    conversion: float
    wins: float
    deal_size: float
    delay: float
    rhythm: Rhythm
    auto_reply: bool = False


SOURCES = (
    Source("website", 0.33, 0.27, 1.0, 0.9, 1.0, "web", auto_reply=True),
    Source("advertising", 0.18, 0.18, 0.85, 0.8, 1.0, "web", auto_reply=True),
    Source("referral", 0.10, 0.50, 1.35, 1.15, 0.6, "office"),
    Source("webinar", 0.10, 0.28, 0.95, 1.0, 2.0, "webinar", auto_reply=True),
    Source("trade fair", 0.09, 0.27, 0.9, 1.1, 3.0, "fair"),
    Source("partner", 0.08, 0.44, 1.2, 1.35, 0.8, "office"),
    Source("outbound list", 0.12, 0.15, 0.8, 1.0, 6.0, "list"),
)
EXISTING_CUSTOMER = Source("existing customer", 0.0, 1.0, 1.5, 0.7, 1.0, "office")
"""Of deals that no lead came before."""


@dataclass(frozen=True, slots=True)
class Industry:
    name: str
    weight: float
    conversion: float
    deal_size: float


INDUSTRIES = (
    Industry("Manufacturing", 0.20, 1.10, 1.15),
    Industry("Logistics", 0.17, 1.15, 1.0),
    Industry("Professional services", 0.16, 1.0, 0.8),
    Industry("Construction", 0.12, 0.9, 0.9),
    Industry("Retail", 0.11, 0.8, 0.75),
    Industry("Healthcare", 0.10, 0.9, 1.2),
    Industry("Food and agriculture", 0.08, 1.05, 1.0),
    Industry("Financial services", 0.06, 0.95, 1.5),
)

PRODUCTS = (
    Product("P1", "Atlas Start", "Atlas", 3_600, 0.24, 3),
    Product("P2", "Atlas Team", "Atlas", 11_500, 0.28, 3),
    Product("P3", "Atlas Enterprise", "Atlas", 34_000, 0.10, 2),
    Product("P4", "Care Basic", "Care", 2_800, 0.14, 3),
    Product("P5", "Care Plus", "Care", 8_200, 0.13, 2),
    Product("P6", "Academy Training", "Academy", 1_900, 0.11, 6),
)

COUNTRIES = {"NL": 0.66, "BE": 0.09, "DE": 0.06, "US": 0.08, "GB": 0.08, "CH": 0.03}
CURRENCIES = {"US": "USD", "GB": "GBP", "CH": "CHF"}
"""Of the countries that do not pay in EUR."""

REGIONS = (
    ("West", 1.3),
    ("North", 0.9),
    ("South", 1.05),
    ("East", 1.0),
    ("Utrecht", 1.1),
    ("Brabant", 1.0),
    ("Gelderland", 0.9),
    ("Flanders", 1.1),
    ("Limburg", 0.8),
    ("Friesland", 0.7),
    ("Zeeland", 0.7),
    ("Rhineland", 1.0),
)
"""One team in each, with its weight in the market; a small company has the first few."""

INTEGRATION_USER = "R000"
"""The account under which the website writes into the CRM; it is a rep of no team."""

UNKNOWN_OWNER = "R999999"
"""The id of somebody whom the CRM no longer knows."""

_LEGAL_FORMS = {"NL": "B.V.", "BE": "NV", "DE": "GmbH", "US": "Inc.", "GB": "Ltd", "CH": "AG"}

Choice = TypeVar("Choice")


def pick(rng: Random, options: Sequence[Choice], weights: Sequence[float]) -> Choice:
    """One of `options` by weight."""
    return rng.choices(options, weights)[0]


def make_teams(size: int) -> list[Team]:
    """About one team for every four people, each in its own region."""
    count = max(1, min(len(REGIONS), round(size / 4)))
    return [
        Team(f"T{number:02}", f"Team {region}", region)
        for number, (region, _) in enumerate(REGIONS[:count], 1)
    ]


def make_reps(seed: int, size: int, teams: list[Team], start: date, until: date) -> list[Rep]:
    """`size` salespeople, then one who was hired last week and one integration user.

    The first is the star, the second slow to answer; the last fifth joins on the way, and about one in eight
    leaves: every second one hands nothing over.
    """
    rng = Random(f"{seed}/reps")
    names = [f"{first} {last}" for first in FIRST_NAMES for last in LAST_NAMES]
    rng.shuffle(names)
    span = (until - start).days
    joiners, leavers = round(size * 0.2), round(size * 0.13)
    reps = []
    for index in range(size):
        pace, answer_rate, skill = (
            round(3600 * rng.uniform(0.5, 2.2)),
            rng.uniform(0.9, 0.97),
            rng.uniform(0.82, 1.12),
        )
        if index == 0:
            pace, answer_rate, skill = 800, 0.985, 1.4
        elif index == 1:
            pace, answer_rate, skill = 29_000, 0.82, 0.85
        hired_on = start - timedelta(days=rng.randint(300, 3000))
        left_on = None
        if index >= size - joiners:
            share = (index - (size - joiners) + 1) / (joiners + 1)
            hired_on = start + timedelta(days=round(span * (0.1 + 0.75 * share)))
        elif 2 <= index < 2 + leavers:
            left_on = start + timedelta(days=round(span * (0.12 + 0.9 * (index - 1) / (leavers + 1))))
        reps.append(
            Rep(
                rep_id=f"R{index + 1:03}",
                name=names[index % len(names)],
                team_id=teams[index % len(teams)].team_id,
                hired_on=hired_on.replace(day=1),
                left_on=left_on,
                lead_capacity=rng.choice((None, 35, 40, 45, 50)),
                pace=pace,
                answer_rate=answer_rate,
                skill=skill,
                work_is_reassigned=index % 2 == 0,
            )
        )
    hired_on = until - timedelta(days=8)
    team_id = teams[size % len(teams)].team_id
    reps.append(Rep(f"R{size + 1:03}", names[size % len(names)], team_id, hired_on, lead_capacity=20))
    reps.append(Rep(INTEGRATION_USER, "Website integration", None, start - timedelta(days=400)))
    return reps


class Staff:
    """Who is at work on a day, and who gets the next lead."""

    def __init__(self, reps: list[Rep], teams: list[Team], until: date) -> None:
        self.by_id = {rep.rep_id: rep for rep in reps}
        self._sellers = [
            rep for rep in reps if rep.team_id is not None and rep.hired_on < until - timedelta(days=14)
        ]
        self._teams = teams
        self._on_day: dict[tuple[str | None, date], tuple[list[Rep], list[float]]] = {}

    def _at_work(self, team_id: str | None, day: date) -> tuple[list[Rep], list[float]]:
        found = self._on_day.get((team_id, day))
        if found is None:
            reps = [rep for rep in self._sellers if team_id in (None, rep.team_id) and rep.works_on(day)]
            found = self._on_day[team_id, day] = (reps, [rep.ramp(day) for rep in reps])
        return found

    def team_for(self, rng: Random) -> Team:
        """The team in whose region a new lead lies."""
        return pick(rng, self._teams, [weight for _, weight in REGIONS[: len(self._teams)]])

    def next_rep(self, team_id: str | None, day: date, rng: Random) -> Rep:
        """Somebody of the team who works on `day`, newcomers more rarely; of any team if there is nobody."""
        reps, weights = self._at_work(team_id, day)
        if not reps:
            reps, weights = self._at_work(None, day)
        return pick(rng, reps, weights)

    def colleague(self, owner_id: str | None, day: date, rng: Random) -> Rep:
        """Somebody else of the owner's team."""
        owner = self.by_id.get(owner_id or "")
        team_id = owner.team_id if owner else None
        reps = [rep for rep in self._at_work(team_id, day)[0] if rep.rep_id != owner_id]
        if not reps:
            reps = [rep for rep in self._at_work(None, day)[0] if rep.rep_id != owner_id]
        return rng.choice(reps) if reps else self.next_rep(None, day, rng)

    def is_gone(self, owner_id: str | None, day: date) -> bool:
        """Whether the owner has left before `day`."""
        owner = self.by_id.get(owner_id or "")
        return owner is not None and owner.left_on is not None and owner.left_on < day


class Accounts:
    """The companies that the made-up company knows, made as they turn up."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(f"{seed}/accounts")
        self._names: set[str] = set()
        self.all: list[Account] = []
        self.by_id: dict[str, Account] = {}

    def new(self, industry: str | None = None) -> Account:
        rng = self._rng
        if industry is None:
            industry = pick(rng, INDUSTRIES, [entry.weight for entry in INDUSTRIES]).name
        country = pick(rng, list(COUNTRIES), list(COUNTRIES.values()))
        account = Account(f"AC{len(self.all) + 1:06}", self._name(industry, country), industry, country)
        self.all.append(account)
        self.by_id[account.account_id] = account
        return account

    def known(self, rng: Random) -> Account:
        """One of the companies that turned up before, or a new one where there is none."""
        return rng.choice(self.all) if self.all else self.new()

    def _name(self, industry: str, country: str) -> str:
        rng = self._rng
        first, second = rng.choice(COMPANY_NAMES), rng.choice(COMPANY_TRADES[industry])
        name = f"{first} {second} {_LEGAL_FORMS[country]}"
        if name in self._names:
            name = f"{first} & {rng.choice(LAST_NAMES).split()[-1]} {second} {_LEGAL_FORMS[country]}"
        number = 2
        unnumbered = name
        while name in self._names:
            name = f"{unnumbered} {number}"
            number += 1
        self._names.add(name)
        return name
