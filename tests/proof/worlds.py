"""Made-up companies, small and odd.

Belongs here: what the records of a CRM may hold. Does not belong here: how chance draws it (`chance.py`), or
what follows from it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from random import Random

from tests.proof.chance import Chance, draw_days, draw_instants
from tests.reference.world import Holiday, Record, Rules, Sighting, Stage, World

STAGES = {
    "qualification": Stage(False, None, 0.1),
    "discovery": Stage(True, None, 0.25),
    "proposal": Stage(True, None, None),
    "negotiation": Stage(True, None, 0.75),
    "on hold": Stage(False, None, 0.0),
    "won": Stage(True, "won", 1.0),
    "lost": Stage(True, "lost", 0.0),
}
LEAD_STATUSES = {
    "new": "new",
    "open": "new",
    "working": "working",
    "qualified": "qualified",
    "sql": "qualified",
    "converted": "converted",
    "customer": "converted",
    "disqualified": "disqualified",
    "junk": "disqualified",
}
ACTIVITY_TYPES = {
    "call": "call",
    "phone call": "call",
    "email": "email",
    "meeting": "meeting",
    "message": "message",
    "task": "task",
    "note": "note",
}
DIRECTIONS = {"outbound": "outbound", "out": "outbound", "inbound": "inbound"}

_ALWAYS = date(2000, 1, 1)
"""Rates are known since then, so that no day lacks one."""


def make_world(rules: Rules, seed: int) -> World:
    """The company of a seed."""
    return draw_world(rules, Random(seed))


def draw_world(rules: Rules, rng: Random) -> World:
    """A company under the compiled part of `rules`; what seeds say is drawn too.

    `rng` may be Hypothesis's: it draws other companies than chance does, of the same values again and again.
    What is wrong with one is cut out by `smaller.py`, which knows what a company is.
    """
    days = draw_days(rng, is_long=rng.random() < 0.06)
    as_of, observed_at = draw_instants(rng, rules, days)
    make = Chance(rng, rules, days, as_of, observed_at)
    make.rules = _with_seeds(make)
    return _Company(make).world()


def draw_world_of_two(rules: Rules, rng: Random) -> World:
    """Two companies of the same days in one, of two sources, in which some people are leads of both.

    The second has no history, targets and rates: those are of the company and not of a person.
    """
    days = draw_days(rng, is_long=False)
    as_of, observed_at = draw_instants(rng, rules, days)
    make = Chance(rng, rules, days, as_of, observed_at)
    make.rules = _with_seeds(make)
    world, other = _Company(make).world(), _Company(make).world()
    tables = dict(world.tables)
    for name in ("teams", "reps", "accounts", "products", "leads", "opportunities", "activities"):
        rows = [row | {"_source": "web"} for row in other.tables[name]]
        tables[name] = tables[name] + [row | {"currency": None} if "currency" in row else row for row in rows]
    addresses = ("ann@example.com", " Ann@Example.com", "bob@example.com", "bob@example.com", "none", None)
    tables["leads"] = [row | {"email": make.one(addresses)} for row in tables["leads"]]
    return replace(world, tables=tables)


def _with_seeds(make: Chance) -> Rules:
    holidays: dict[date, Holiday] = {}
    for day in make.days:
        if make.often(0.2):
            holidays[day] = Holiday("a holiday", make.maybe(0.4, ((9 * 60, 13 * 60), (60, 3 * 60 + 30))))
    targets = {
        name: make.one((0.0, 0.1, 0.25, 1.0))
        for name in ("website", "fair", "unknown", "default")
        if make.often(0.5)
    }
    return replace(
        make.rules,
        holidays=holidays,
        stage_map={name: stage for name, stage in STAGES.items() if make.often(0.95)},
        lead_statuses=dict(LEAD_STATUSES),
        activity_types=dict(ACTIVITY_TYPES),
        directions=dict(DIRECTIONS),
        conversion_targets=targets,
    )


class _Company:
    """Who and what there is, and every record of it."""

    def __init__(self, make: Chance) -> None:
        self.make = make
        self.teams = make.ids("T", 3)
        self.reps = make.ids("R", 4)
        self.owners: list[str | None] = [*self.reps, *self.reps, None, "R9", "queue"]
        self.accounts = make.ids("A", 3)
        self.products = make.ids("P", 3)
        self.leads = make.ids("L", 15)
        self.deals = make.ids("O", 10)
        self.contacts = ["C1", "C2", "C3"]
        self.currencies: list[str | None] = [None, None, make.rules.currency]
        if make.often(0.5):
            self.currencies += [code for code in ("EUR", "USD", "GBP") if code.upper() != make.rules.currency]
        self.moved = make.one((0.0, 0.3, 0.8))
        """How many deals have a history, and how many were seen before."""

    def world(self) -> World:
        make = self.make
        tables = {
            "teams": make.records(self.teams, self._team),
            "reps": make.records(self.reps, self._rep),
            "accounts": make.records(self.accounts, self._account),
            "products": make.records(self.products, self._product),
            "leads": make.records(self.leads, self._lead),
            "opportunities": make.records(self.deals, self._deal),
            "opportunity_history": self._history(),
            "opportunity_products": self._lines(),
            "activities": make.records(make.ids("E", make.one((0, 12, 40))), self._activity, 0.05),
            "targets": self._targets(),
            "exchange_rates": self._rates(),
        }
        return World(
            tables, make.as_of, make.observed_at, make.rules, self._sightings(tables["opportunities"])
        )

    def _team(self, team_id: str) -> Record:
        return {"team_id": team_id, "team_name": f"Team {team_id}"}

    def _rep(self, rep_id: str) -> Record:
        make = self.make
        return {
            "rep_id": rep_id,
            "team_id": make.maybe(0.85, [*self.teams, *self.teams, "T8"]),
            "hired_on": make.maybe(0.4, [make.day(), make.instant()]),
            "is_active": make.one((True, True, None, False)),
            "lead_capacity": make.maybe(0.4, (1, 2, 10)),
        }

    def _account(self, account_id: str) -> Record:
        return {"account_id": account_id, "industry": self.make.maybe(0.6, ("Retail", "Logistics"))}

    def _product(self, product_id: str) -> Record:
        return {"product_id": product_id, "product_name": f"Product {product_id}"}

    def _lead(self, lead_id: str) -> Record:
        make = self.make
        return {
            "lead_id": lead_id,
            "created_at": make.moment(),
            "owner_id": make.one(self.owners),
            "source": make.maybe(
                0.85, ("website", "website", "fair", "referral", "outbound", "test", "spam")
            ),
            "campaign": make.maybe(0.4, ("spring", "autumn")),
            "industry": make.maybe(0.4, ("Retail", "Care")),
            "account_id": make.maybe(0.4, [*self.accounts, "A9"]),
            "status": make.maybe(0.8, (*LEAD_STATUSES, "New", " Working_", "strange")),
            "converted_at": make.maybe(0.2, [make.moment()]),
            "disqualified_at": make.maybe(0.2, [make.moment()]),
            "became_customer_at": make.maybe(0.15, [make.moment()]),
            "contact_id": make.maybe(0.3, self.contacts),
            "duplicate_of": make.maybe(0.15, [*self.leads, "L99"]),
            "is_deleted": make.maybe(0.2, (True, False, False)),
            "updated_at": make.maybe(0.7, [make.moment(0.05)]),
        }

    def _deal(self, deal_id: str) -> Record:
        make = self.make
        is_over = make.often(0.5)
        return {
            "opportunity_id": deal_id,
            "created_at": make.moment(),
            "stage": self._stage(is_over),
            "lead_id": make.maybe(0.7, [*self.leads, *self.leads, "L98"]),
            "account_id": make.maybe(0.5, [*self.accounts, "A9"]),
            "owner_id": make.one(self.owners),
            "source": make.maybe(0.3, ("website", "partner")),
            "amount": self._amount(),
            "currency": make.one(self.currencies),
            "probability": make.maybe(0.4, (0.0, 0.5, 0.35, 1.0)),
            "expected_close_on": make.maybe(0.7, [make.day(), make.day(), make.instant()]),
            "closed_on": make.maybe(0.85 if is_over else 0.05, [make.day(), make.day(), make.instant()]),
            "is_won": make.maybe(0.6 if is_over else 0.03, (True, False)),
            "product_id": make.maybe(0.4, [*self.products, "P9"]),
            "is_deleted": make.maybe(0.2, (True, False)),
            "updated_at": make.maybe(0.7, [make.moment(0.05)]),
        }

    def _stage(self, is_over: bool) -> str:
        if self.make.often(0.8 if is_over else 0.05):
            return self.make.one(("won", "won", "lost", "Won "))
        return self.make.one(
            ("qualification", "discovery", "discovery", "proposal", "negotiation", "on hold", "mystery")
        )

    def _amount(self) -> Decimal | None:
        make = self.make
        fixed = tuple(map(Decimal, ("0.00", "0.01", "0.05", "100.00", "1000.00", "999.99", "12345.67")))
        return make.maybe(0.85, (*fixed, Decimal(make.rng.randint(0, 10**7)) / 100))

    def _history(self) -> list[Record]:
        make = self.make
        told = [
            name for name in ("amount", "probability", "expected_close_on", "owner_id") if make.often(0.75)
        ]
        rows = []
        for deal_id in [*self.deals, "O99"]:
            for _ in range(make.rng.randint(1, 4) if make.often(self.moved) else 0):
                change: Record = {
                    "stage": make.maybe(0.8, [self._stage(make.often(0.3))]),
                    "amount": self._amount(),
                    "currency": make.one(self.currencies),
                    "probability": make.maybe(0.5, (0.0, 0.5, 0.9)),
                    "expected_close_on": make.maybe(0.8, [make.day()]),
                    "owner_id": make.one(self.owners),
                }
                kept = {name: value for name, value in change.items() if name in (*told, "stage", "currency")}
                rows.append({"opportunity_id": deal_id, "changed_at": make.moment(0.1), **kept})
        make.rng.shuffle(rows)
        return rows

    def _lines(self) -> list[Record]:
        make = self.make
        amounts = tuple(map(Decimal, ("0.00", "0.00", "100.00", "70.00", "30.00", "33.33", "-50.00")))
        return [
            {"opportunity_id": deal_id, "product_id": product_id, "amount": make.maybe(0.9, amounts)}
            for deal_id in [*self.deals, "O97"]
            if make.often(0.4)
            for product_id in [*self.products, "P9"]
            for _ in range(make.one((0, 1, 1, 1, 2)))
        ]

    def _activity(self, activity_id: str) -> Record:
        make = self.make
        return {
            "activity_id": activity_id,
            "activity_type": make.one(
                ("call", "call", "email", "meeting", "message", "note", "Phone_Call", "fax")
            ),
            "occurred_at": make.moment(),
            "owner_id": make.one(self.owners),
            "lead_id": make.maybe(0.6, [*self.leads, *self.leads, "L97"]),
            "opportunity_id": make.maybe(0.35, [*self.deals, *self.deals, "O96"]),
            "contact_id": make.maybe(0.25, self.contacts),
            "direction": make.maybe(0.5, ("outbound", "Out", "outbound", "inbound", "sideways")),
            "is_automated": make.maybe(0.3, (False, False, True)),
            "is_completed": make.maybe(0.3, (True, True, False)),
            "is_deleted": make.maybe(0.1, (True, False)),
            "updated_at": make.maybe(0.4, [make.moment(0.05)]),
        }

    def _targets(self) -> list[Record]:
        make = self.make
        rows: list[Record] = []
        for _ in range(make.one((0, 2, 8, 16))):
            day = make.day()
            period_type = make.one(("month", "month", "quarter", "year"))
            rep_id = make.maybe(0.5, [*self.reps, "R9"])
            rows.append(
                {
                    "period_type": period_type,
                    "period_start": _period_start(period_type, day, make.rules.fiscal_year_start_month),
                    "target_amount": make.one(tuple(map(Decimal, ("0.00", "100.00", "1000.00", "2500.50")))),
                    "currency": make.one(self.currencies),
                    "rep_id": rep_id,
                    "team_id": make.maybe(0.1 if rep_id else 0.5, [*self.teams, "T8"]),
                }
            )
        return rows

    def _rates(self) -> list[Record]:
        make = self.make
        rows: list[Record] = []
        for currency in ("EUR", "USD", "GBP"):
            if currency == make.rules.currency:
                continue
            for valid_from in [_ALWAYS, *(make.day() for _ in range(make.one((0, 1, 3))))]:
                rate = Decimal(make.rng.randint(50_000_000, 200_000_000)) / 10**8
                written = currency
                rows.append(
                    {"currency": written, "valid_from": valid_from, "rate": make.one((rate, Decimal("1.5")))}
                )
        make.rng.shuffle(rows)
        return rows

    def _sightings(self, deals: list[Record]) -> tuple[Sighting, ...]:
        """What runs before this one saw, each only where it differs from the sighting before."""
        make = self.make
        runs = sorted(
            {
                at
                for at in (make.instant().replace(microsecond=0) for _ in range(make.one((0, 0, 2, 3))))
                if at < make.observed_at
            }
        )
        found = []
        for deal_id, deal in {str(deal["opportunity_id"]): deal for deal in deals}.items():
            last: Sighting | None = None
            for observed_at in runs:
                if not make.often(self.moved + 0.1):
                    continue
                seen = self._sighting(deal_id, observed_at)
                if make.often(0.3):
                    seen = self._as_it_is(deal, seen)
                if (
                    last is None
                    or replace(seen, observed_at=last.observed_at, updated_at=last.updated_at) != last
                ):
                    found.append(seen)
                    last = seen
        return tuple(found)

    def _as_it_is(self, deal: Record, seen: Sighting) -> Sighting:
        """A sight of the record as it still is; only of its days is not said how they were written."""
        days = {
            name: day
            for name in ("expected_close_on", "closed_on")
            if not isinstance(day := deal[name], datetime)
        }
        values = {name: deal[name] for name in ("stage", "owner_id", "amount", "probability", "is_won")}
        currency = str(deal["currency"] or self.make.rules.currency).upper()
        return replace(seen, **values, **days, currency=currency, is_deleted=bool(deal["is_deleted"]))

    def _sighting(self, deal_id: str, observed_at: datetime) -> Sighting:
        make = self.make
        before = [at for at in (make.instant(), make.instant()) if at <= observed_at]
        return Sighting(
            observed_at,
            deal_id,
            self._stage(make.often(0.2)),
            make.one(self.owners),
            (make.one(self.currencies) or make.rules.currency).upper(),
            self._amount(),
            make.maybe(0.4, (0.0, 0.5)),
            make.maybe(0.6, [make.day()]),
            make.maybe(0.6, before) if before else None,
            make.often(0.1),
        )


def _period_start(period_type: str, day: date, fiscal_month: int) -> date:
    months = {"month": 1, "quarter": 3, "year": 12}[period_type]
    number = day.year * 12 + day.month - 1
    number -= (number - (fiscal_month - 1)) % months
    return date(number // 12, number % 12 + 1, 1)
