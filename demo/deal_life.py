"""The life of one deal: stages, amounts, hand-overs, the decision, and what comes after a win.

Belongs here: everything from an opportunity's creation on. Does not belong here: the lead before it
(`lead_life.py`).
"""

from __future__ import annotations

import calendar
import math
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from demo import worktime
from demo.company import COUNTRIES, CURRENCIES, EXISTING_CUSTOMER, INDUSTRIES, PRODUCTS, STAGES, Source, pick
from demo.ledger import Account, Lead, Opportunity, OpportunityState, ProductLine
from demo.world import Kinds, Links, World

LOST_REASONS = ("Price", "No decision", "Competitor", "No budget", "Missing feature", "Timing")
_REASON_WEIGHTS = (27, 22, 20, 13, 10, 8)

_OPEN_STAGES = ("Discovery", "Proposal", "Negotiation")
_TALKS: Kinds = {"call": 42, "email": 30, "meeting": 22, "message": 6}
_ONBOARDING: Kinds = {"call": 60, "meeting": 30, "email": 10}
_WIN_CHANCE = 0.215
_INDUSTRY_BY_NAME = {industry.name: industry for industry in INDUSTRIES}

_Step = tuple[datetime, int, Callable[[datetime], None]]
"""When, a number that keeps steps of one instant in order, and what then happens."""


def from_lead(lead: Lead, source: Source, at: datetime, world: World, rng: Random) -> None:
    """The deal that a lead becomes. One from before the ledger's start knows its lead no longer."""
    if at > world.end or not world.settle_owner(lead, at, rng):
        return
    if lead.account_id is None and rng.random() < 0.93:
        lead.account_id = world.accounts.new(lead.industry).account_id
    is_remembered = worktime.local_date(lead.created_at) >= world.start
    account = world.accounts.by_id.get(lead.account_id or "")
    owner_id = lead.now.owner_id
    if rng.random() < 0.12:  # somebody else of the team closes it
        owner_id = world.staff.colleague(owner_id, worktime.local_date(at), rng).rep_id
    _Deal(world, rng, source, lead.source, lead if is_remembered else None, account, owner_id, at).live()


def with_customer(day: date, number: int, world: World) -> None:
    """A deal that no lead came before, with a company that is known already."""
    rng = Random(f"{world.seed}/customer deal/{day}/{number}")
    at = worktime.office_moment(day, rng)
    if at > world.end:
        return
    owner_id: str | None = world.staff.next_rep(world.staff.team_for(rng).team_id, day, rng).rep_id
    if rng.random() < 0.04:
        owner_id = None
    source = None if rng.random() < 0.05 else EXISTING_CUSTOMER.name
    _Deal(world, rng, EXISTING_CUSTOMER, source, None, world.accounts.known(rng), owner_id, at).live()


class _Deal:
    """One deal while it is being lived."""

    def __init__(
        self,
        world: World,
        rng: Random,
        source: Source,
        source_name: str | None,
        lead: Lead | None,
        account: Account | None,
        owner_id: str | None,
        at: datetime,
    ) -> None:
        self.world, self.rng, self.source = world, rng, source
        self.contact_id = lead.now.contact_id if lead else None
        day = worktime.local_date(at)
        country = account.country if account else pick(rng, list(COUNTRIES), list(COUNTRIES.values()))
        currency = CURRENCIES.get(country, "EUR")
        industry = account.industry if account else lead.industry if lead else None
        size = source.deal_size * (_INDUSTRY_BY_NAME[industry].deal_size if industry else 1.0)
        lines = _lines(size / float(world.rate(currency, day)), rng)
        total = sum((line.amount for line in lines), Decimal(0))
        self.agreed = _agreed(total, rng)
        self.has_amount = rng.random() >= 0.03
        self.tells_probability = rng.random() < 0.7
        worth = float(total * world.rate(currency, day))
        self.cycle = min(
            120.0, max(20.0, (22 + 20 * math.log(max(worth, 3_000) / 3_000)) * rng.lognormvariate(0, 0.25))
        )
        self.will_win = rng.random() < self._win_chance(owner_id, day, worth)
        guess = _rounded(self.agreed * Decimal(str(round(rng.uniform(0.75, 1.2), 2))), 500)
        self.deal = Opportunity(
            created_at=at,
            states=[
                OpportunityState(
                    changed_at=at,
                    owner_id=owner_id,
                    stage="Qualification",
                    amount=guess if self.has_amount else None,
                    probability=self._probability("Qualification"),
                    expected_close_on=day + timedelta(days=round(self.cycle * rng.uniform(0.6, 1.05))),
                )
            ],
            opportunity_id=f"new-{len(world.opportunities)}",
            lead_id=lead.lead_id if lead else None,
            account_id=account.account_id if account else None,
            source=source_name,
            currency=currency,
            lines=lines,
        )
        world.opportunities.append(self.deal)

    def _win_chance(self, owner_id: str | None, day: date, worth: float) -> float:
        owner = self.world.staff.by_id.get(owner_id or "")
        skill = owner.skill * (0.55 + 0.45 * owner.ramp(day)) if owner else 0.7
        ease = 1.2 - 0.09 * math.log(max(worth, 3_000) / 3_000)
        return min(0.8, _WIN_CHANCE * self.source.wins * skill * ease)

    def _probability(self, stage: str) -> Decimal | None:
        """The stage's default, now and then what the owner believes instead."""
        if not self.tells_probability:
            return None
        default = STAGES[stage].probability
        if STAGES[stage].is_won is None and self.rng.random() < 0.2:
            return min(
                Decimal("0.95"),
                max(Decimal("0.05"), default + Decimal(self.rng.choice((-10, -5, 5, 10))).scaleb(-2)),
            )
        return default

    def live(self) -> None:
        deal, rng, created = self.deal, self.rng, self.deal.created_at
        if rng.random() < 0.012:  # entered by mistake
            deal.change(created + timedelta(seconds=rng.randint(900, 90_000)), is_deleted=True)
            return
        length = self.cycle if self.will_win else self.cycle * rng.uniform(0.35, 1.3)
        has_stalled = not self.will_win and rng.random() < 0.07
        if has_stalled:
            length = rng.uniform(150, 330)
        decided_on = _decision_day(worktime.local_date(created) + timedelta(days=max(4, round(length))), rng)
        decided_at = worktime.office_moment(decided_on, rng)
        steps = self._stage_steps(decided_at, has_stalled)
        steps += self._edits(decided_at)
        talks_until = created + (decided_at - created) * (0.4 if has_stalled else 1.0)
        at = created
        while (at := self._next_talk(at)) < talks_until:
            steps.append((at, 9, self._talk))
        if not self._go_through(steps) or decided_at > self.world.end:
            self.world.settle_owner(deal, self.world.end, rng)
            return
        if not self.world.settle_owner(deal, decided_at, rng):
            return
        self._close(decided_at, self.will_win)
        if self.will_win:
            self._after_the_win(decided_at)
        elif rng.random() < 0.04:
            self._reopen(decided_at)

    def _go_through(self, steps: list[_Step]) -> bool:
        """Let the steps happen in order of time; false where the ledger ends or nobody goes on with it."""
        for at, _, happen in sorted(steps, key=lambda step: step[:2]):
            if at > self.world.end or not self.world.settle_owner(self.deal, at, self.rng):
                return False
            happen(at)
        return True

    def _stage_steps(self, decided_at: datetime, has_stalled: bool) -> list[_Step]:
        """How far the deal gets: a won one through all stages, a lost one through some."""
        reached = 3 if self.will_win else self.rng.choices((0, 1, 2, 3), (16, 30, 32, 22))[0]
        shares = (self.rng.uniform(0.1, 0.25), self.rng.uniform(0.32, 0.55), self.rng.uniform(0.62, 0.88))
        span = (decided_at - self.deal.created_at) * (0.4 if has_stalled else 1.0)
        # in a short deal two stages may fall on one day
        moments = sorted(self._moment(self.deal.created_at + span * share) for share in shares[:reached])
        return [
            (moment, order, lambda at, stage=stage: self._advance(at, stage))  # type: ignore[misc]
            for order, (stage, moment) in enumerate(zip(_OPEN_STAGES, moments, strict=False))
            if moment < decided_at
        ]

    def _advance(self, at: datetime, stage: str) -> None:
        fields: dict[str, object] = {"stage": stage, "probability": self._probability(stage)}
        if self.has_amount and stage == "Proposal":
            fields["amount"] = _rounded(self.agreed * Decimal(str(round(self.rng.uniform(1.0, 1.12), 2))), 50)
        if self.has_amount and stage == "Negotiation":
            fields["amount"] = self.agreed
        self.deal.change(at, **fields)

    def _edits(self, decided_at: datetime) -> list[_Step]:
        """An expected close that moves, and a hand-over."""
        rng, created = self.rng, self.deal.created_at
        steps: list[_Step] = []
        for _ in range(rng.choices((0, 1, 2, 3), (45, 32, 16, 7))[0]):
            steps.append(
                (self._moment(created + (decided_at - created) * rng.uniform(0.3, 0.97)), 5, self._postpone)
            )
        if rng.random() < 0.05:
            steps.append(
                (self._moment(created + (decided_at - created) * rng.uniform(0.15, 0.8)), 6, self._hand_over)
            )
        return [step for step in steps if step[0] < decided_at]

    def _postpone(self, at: datetime) -> None:
        soonest = max(worktime.local_date(at), self.deal.now.expected_close_on)
        self.deal.change(
            at, expected_close_on=soonest + timedelta(days=self.rng.choice((7, 14, 14, 30, 30, 60)))
        )

    def _hand_over(self, at: datetime) -> None:
        if self.deal.now.owner_id is not None:
            other = self.world.staff.colleague(self.deal.now.owner_id, worktime.local_date(at), self.rng)
            self.deal.change(at, owner_id=other.rep_id)

    def _moment(self, instant: datetime) -> datetime:
        return worktime.office_moment(worktime.local_date(instant) + timedelta(days=1), self.rng)

    def _next_talk(self, at: datetime) -> datetime:
        return worktime.office_moment(
            worktime.local_date(at) + timedelta(days=self.rng.randint(5, 17)), self.rng
        )

    def _talk(self, at: datetime) -> None:
        self.world.contact(_TALKS, at, self.deal.now.owner_id, self._links(), self.rng)

    def _links(self) -> Links:
        """People tie an activity to the deal, to the contact, to both, or to the lead and the deal."""
        deal_id, lead_id, contact_id = self.deal.opportunity_id, self.deal.lead_id, self.contact_id
        if contact_id is None:
            return Links(opportunity_id=deal_id)
        return self.rng.choices(
            (
                Links(opportunity_id=deal_id),
                Links(opportunity_id=deal_id, contact_id=contact_id),
                Links(contact_id=contact_id),
                Links(lead_id=lead_id, opportunity_id=deal_id),
            ),
            (58, 20, 15, 7),
        )[0]

    def _close(self, at: datetime, is_won: bool) -> None:
        """The decision. Now and then it is entered only days after the day it was made on."""
        closed_on = worktime.local_date(at)
        earlier = worktime.working_day_until(closed_on - timedelta(days=self.rng.randint(1, 4)))
        if self.rng.random() < 0.04 and worktime.local_date(self.deal.now.changed_at) < earlier:
            closed_on = earlier
        stage = "Closed Won" if is_won else "Closed Lost"
        self.deal.change(
            at,
            stage=stage,
            amount=self.agreed if self.has_amount and is_won else self.deal.now.amount,
            probability=self._probability(stage),
            closed_on=closed_on,
            is_won=is_won,
            lost_reason=None if is_won else self.rng.choices(LOST_REASONS, _REASON_WEIGHTS)[0],
        )

    def _reopen(self, lost_at: datetime) -> None:
        """The customer comes back; half of these deals are won after all."""
        rng, deal = self.rng, self.deal
        at = self._moment(lost_at + timedelta(days=rng.randint(12, 60)))
        if at > self.world.end or not self.world.settle_owner(deal, at, rng):
            return
        expected = worktime.local_date(at) + timedelta(days=30)
        deal.change(
            at,
            stage="Negotiation",
            probability=self._probability("Negotiation"),
            expected_close_on=expected,
            closed_on=None,
            is_won=None,
            lost_reason=None,
        )
        self._talk(at)
        decided_at = self._moment(at + timedelta(days=rng.randint(10, 45)))
        if decided_at <= self.world.end and self.world.settle_owner(deal, decided_at, rng):
            self._close(decided_at, rng.random() < 0.5)

    def _after_the_win(self, won_at: datetime) -> None:
        """Onboarding, and at times a hand-over to whoever looks after the customer; the sale stays."""
        rng, at = self.rng, won_at
        for _ in range(rng.randint(1, 4)):
            at = worktime.office_moment(worktime.local_date(at) + timedelta(days=rng.randint(2, 9)), rng)
            if at <= self.world.end and not self.world.staff.is_gone(
                self.deal.now.owner_id, worktime.local_date(at)
            ):
                self.world.contact(_ONBOARDING, at, self.deal.now.owner_id, self._links(), rng, colleague=0.3)
        if rng.random() < 0.08:
            self._hand_over(self._moment(won_at + timedelta(days=rng.randint(3, 30))))


def _lines(size: float, rng: Random) -> tuple[ProductLine, ...]:
    """One to three products with their amounts; `size` is in the deal's currency per EUR of list price."""
    count = rng.choices((1, 2, 3), (45, 37, 18))[0]
    chosen = [pick(rng, PRODUCTS, [product.weight for product in PRODUCTS])]
    while len(chosen) < count:
        product = pick(rng, PRODUCTS, [product.weight for product in PRODUCTS])
        if product not in chosen:
            chosen.append(product)
    lines = []
    for product in chosen:
        quantity = min(rng.randint(1, product.most), rng.randint(1, product.most))
        price = product.list_price * quantity * size * rng.uniform(0.88, 1.08)
        lines.append(
            ProductLine(
                product.product_id, quantity, Decimal(10 * round(price / 10)).quantize(Decimal("0.01"))
            )
        )
    return tuple(lines)


def _agreed(total: Decimal, rng: Random) -> Decimal:
    """What is agreed on: as a rule what the lines add up to, else a discount or a round figure."""
    fate = rng.random()
    if fate < 0.75:
        return total
    if fate < 0.9:
        return (total * Decimal(100 - rng.randint(3, 12)) / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return _rounded(total, 500)


def _rounded(amount: Decimal, step: int) -> Decimal:
    return (max(1, round(amount / step)) * Decimal(step)).quantize(Decimal("0.01"))


def _decision_day(day: date, rng: Random) -> date:
    """Nobody decides in the holidays, and many want it done before the month ends."""
    if (7, 18) <= (day.month, day.day) <= (8, 22) and rng.random() < 0.55:
        day += timedelta(days=rng.randint(18, 40))
    elif (day.month, day.day) >= (12, 21) or (day.month, day.day) <= (1, 4):
        day += timedelta(days=rng.randint(8, 20))
    if rng.random() < 0.3:
        last = day.replace(day=calendar.monthrange(day.year, day.month)[1])
        hurried = worktime.working_day_until(last - timedelta(days=rng.choice((0, 0, 1, 2, 4))))
        if hurried >= day:
            return hurried
    return worktime.working_day_from(day)
