"""kpi_target_attainment.

Belongs here: the target of a member and period, and how far it is reached. Does not belong here: what was
closed (`deals.py`) or is in the pipeline (`stock.py`).
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from tests.reference.arithmetic import cents, ratio, total
from tests.reference.cells import Cells, Key, Row, last_day, rows
from tests.reference.company import Company
from tests.reference.members import COMPANY, UNASSIGNED, Member
from tests.reference.periods import Period
from tests.reference.stock import InStock, Stock

PERIOD_TYPES = ("month", "quarter", "year")


class Targets:
    """The target of every member and period; None without one."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._own: dict[tuple[Member, str, object], Decimal] = {}
        for target in company.records.targets:
            key = (self._member(target.rep_id, target.team_id), target.period_type, target.period_start)
            amount = company.rates.convert(target.amount, target.currency, target.period_start)
            self._own[key] = self._own.get(key, Decimal("0.00")) + amount
        self._known: dict[tuple[Member, Period], Decimal | None] = {}

    def of(self, member: Member, period: Period) -> Decimal | None:
        """Its own, else the sum of the members below it, else the sum of its finer periods."""
        key = (member, period)
        if key not in self._known:
            target = self._own_of(member, period)
            if target is None:
                target = _sum([self.of(below, period) for below in self._company.members.below(member)])
            if target is None:
                target = _sum([self.of(member, finer) for finer in self._company.calendar.finer(period)])
            self._known[key] = target
        return self._known[key]

    def _own_of(self, member: Member, period: Period) -> Decimal | None:
        """Its own row; else the sum of its own rows for finer periods."""
        own = self._own.get((member, period.period_type, period.start))
        if own is not None:
            return own
        return _sum([self._own_of(member, finer) for finer in self._company.calendar.finer(period)])

    def _member(self, rep_id: str | None, team_id: str | None) -> Member:
        members = self._company.members
        if rep_id is not None:
            return members.counting(members.rep_of(rep_id))[-1]
        if team_id is not None:
            return Member("team", team_id if team_id in members.team_ids else UNASSIGNED, None)
        return COMPANY


def target_attainment(company: Company, stock: Stock) -> list[Row]:
    targets = Targets(company)
    closed: Cells[Decimal] = Cells(company)
    pipeline: Cells[InStock] = Cells(company)
    for deal in company.deals:
        if deal.outcome == "won" and deal.closed_on is not None and deal.closed_amount is not None:
            closed.add(deal.closed_on, deal.rep_id, {}, deal.closed_amount)
    for deal in company.deals_ever:
        for kind in PERIOD_TYPES:
            for period in company.calendar.by_type[kind]:
                item = stock.closing(deal, period)
                expected = None if item is None else item.state.expected_close_on
                if item is not None and expected is not None and period.start <= expected <= period.end:
                    pipeline.add_to(period, deal.rep_id, {"total": ["total"]}, item)
    days = {period: _working_days(company, period) for period in company.calendar.all}

    def measure(key: Key) -> Row:
        closed_amount = total(closed.at(key))
        here = pipeline.at(key)
        return _attainment(
            targets.of(key.member, key.period),
            closed_amount,
            total(item.amount for item in here),
            total(item.weighted for item in here),
            *days[key.period],
            company.rules.at_risk_from,
        )

    return rows(company, [], measure, PERIOD_TYPES)


def _attainment(
    target: Decimal | None,
    closed: Decimal,
    pipeline: Decimal,
    weighted: Decimal,
    elapsed_days: int,
    working_days: int,
    at_risk_from: float,
) -> Row:
    elapsed = Fraction(elapsed_days, working_days) if working_days else None
    gap = None if target is None else target - closed
    expected = None if target is None or elapsed is None else cents(Fraction(target) * elapsed)
    projected = cents(Fraction(closed) / elapsed) if elapsed else None
    pace = ratio(closed, expected)
    return {
        "target_amount": target,
        "closed_amount": closed,
        "attainment_ratio": ratio(closed, target),
        "gap_amount": gap,
        "elapsed_ratio": None if elapsed is None else float(elapsed),
        "expected_amount": expected,
        "pace_ratio": pace,
        "projected_amount": projected,
        "projected_attainment_ratio": ratio(projected, target),
        "pipeline_amount": pipeline,
        "weighted_pipeline_amount": weighted,
        "coverage_ratio": ratio(pipeline, gap) if gap is not None and gap > 0 else None,
        "required_per_working_day": _required(gap, working_days - elapsed_days),
        "status": _status(target, closed, pace, at_risk_from),
    }


def _required(gap: Decimal | None, days_left: int) -> Decimal | None:
    if gap is None:
        return None
    if gap <= 0:
        return Decimal("0.00")
    return cents(Fraction(gap) / days_left) if days_left else None


def _status(target: Decimal | None, closed: Decimal, pace: float | None, at_risk_from: float) -> str | None:
    if target is None:
        return None
    if closed >= target:
        return "reached"
    if pace is None or pace >= 1:
        return "on_track"
    return "at_risk" if pace >= at_risk_from else "behind"


def _working_days(company: Company, period: Period) -> tuple[int, int]:
    """Elapsed, the day of `as_of` included; and all."""
    clock = company.clock
    elapsed = clock.working_days(period.start, last_day(company, period))
    return elapsed, clock.working_days(period.start, period.end)


def _sum(targets: list[Decimal | None]) -> Decimal | None:
    known = [target for target in targets if target is not None]
    return total(known) if known else None
