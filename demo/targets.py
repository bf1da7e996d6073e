"""The sales targets of the made-up company.

Belongs here: targets per rep and month, of one team, and of the company. Does not belong here: how they are
met.

They are set with hindsight, in part from what a rep with such an experience sells, more from what this one
sold, so that attainment looks like that of a company whose targets are sensible, whatever the seed.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal
from math import fsum
from random import Random

from demo.ledger import Ledger, Rep, Target
from demo.truth import to_company_currency

COMPANY_ATTAINMENT = 0.97
"""What the company reaches of its targets in a year that is over, about."""

_HINDSIGHT = 0.7
_SEASON = (0.92, 0.95, 1.10, 1.05, 1.02, 1.08, 0.92, 0.70, 1.00, 1.08, 1.13, 1.05)
_STEP = 500


def make_targets(ledger: Ledger) -> list[Target]:
    """Targets from the ledger's first month through the end of the running year."""
    sold = _sold(ledger)
    months = _months(ledger)
    reps = [rep for rep in ledger.reps if rep.team_id is not None]
    effort = {(rep.rep_id, month): _effort(rep, month) for rep in reps for month in months}
    known = {month: _share_known(month, ledger) for month in months}
    total_effort = fsum(effort[rep.rep_id, month] * known[month] for rep in reps for month in months)
    per_effort = fsum(sold.values()) / total_effort if total_effort else 0.0
    targets: list[Target] = []
    for year in sorted({month.year for month in months}):
        of_year = [month for month in months if month.year == year]
        targets += _year_of_reps(ledger, reps, of_year, effort, known, sold, per_effort)
    return targets + _of_a_team(ledger, targets) + _of_the_company(targets)


def _year_of_reps(
    ledger: Ledger,
    reps: list[Rep],
    months: list[date],
    effort: dict[tuple[str, date], float],
    known: dict[date, float],
    sold: dict[tuple[str, date], float],
    per_effort: float,
) -> list[Target]:
    """The reps' monthly targets of one year; the level of all of them is that of the company."""
    rng = Random(f"{ledger.seed}/targets/{months[0].year}")
    year_sold = year_effort = plan_total = 0.0
    plans: dict[str, float] = {}
    for rep in reps:
        done = sold_effort = 0.0
        for month in months:
            done += sold.get((rep.rep_id, month), 0.0)
            sold_effort += effort[rep.rep_id, month] * known[month]
        ambition = min(1.25, max(0.8, rng.gauss(1.0, 0.08)))
        own_level = done / sold_effort if sold_effort > 2 else per_effort
        plans[rep.rep_id] = ambition * (_HINDSIGHT * own_level + (1 - _HINDSIGHT) * per_effort)
        year_sold += done
        year_effort += sold_effort
        plan_total += plans[rep.rep_id] * sold_effort
    attained = COMPANY_ATTAINMENT + rng.uniform(-0.03, 0.03)
    level = year_sold / plan_total / attained if year_sold and plan_total and year_effort > 2 else 1.0
    return [
        Target(
            "month", month, _rounded(level * plans[rep.rep_id] * effort[rep.rep_id, month]), rep_id=rep.rep_id
        )
        for rep in reps
        for month in months
        if effort[rep.rep_id, month] > 0
    ]


def _of_a_team(ledger: Ledger, targets: list[Target]) -> list[Target]:
    """The first of several teams has targets of its own, a little above the sum of its reps'."""
    if len(ledger.teams) < 2:
        return []
    team = ledger.teams[0]
    members = {rep.rep_id for rep in ledger.reps if rep.team_id == team.team_id}
    sums: dict[date, Decimal] = {}
    for target in targets:
        if target.rep_id in members:
            sums[target.period_start] = sums.get(target.period_start, Decimal(0)) + target.amount
    return [
        Target("month", month, _rounded(float(amount) * 1.04), team_id=team.team_id)
        for month, amount in sorted(sums.items())
    ]


def _of_the_company(targets: list[Target]) -> list[Target]:
    """One target a year, in round figures."""
    sums: dict[int, Decimal] = {}
    for target in targets:
        sums[target.period_start.year] = sums.get(target.period_start.year, Decimal(0)) + target.amount
    return [
        Target("year", date(year, 1, 1), _rounded(float(amount) * 1.01, 10_000))
        for year, amount in sorted(sums.items())
    ]


def _sold(ledger: Ledger) -> dict[tuple[str, date], float]:
    """EUR by rep and month of the close."""
    sold: dict[tuple[str, date], float] = {}
    for deal in ledger.opportunities:
        state = deal.now
        if (
            state.is_won
            and state.closed_on
            and state.amount is not None
            and state.owner_id
            and not state.is_deleted
        ):
            key = (state.owner_id, state.closed_on.replace(day=1))
            sold[key] = sold.get(key, 0.0) + float(
                to_company_currency(ledger, state.amount, deal.currency, state.closed_on)
            )
    return sold


def _months(ledger: Ledger) -> list[date]:
    months, month = [], ledger.start.replace(day=1)
    while month <= ledger.until.replace(month=12, day=31):
        months.append(month)
        month = (month + timedelta(days=31)).replace(day=1)
    return months


def _effort(rep: Rep, month: date) -> float:
    """What a rep is expected to do in a month: nothing before and after, less when new."""
    middle = month + timedelta(days=14)
    return rep.ramp(middle) * _SEASON[month.month - 1] if rep.works_on(middle) else 0.0


def _share_known(month: date, ledger: Ledger) -> float:
    """The share of a month that lies between the ledger's first and last day."""
    days = monthrange(month.year, month.month)[1]
    first, last = max(month, ledger.start), min(month + timedelta(days=days - 1), ledger.until)
    return max(0, (last - first).days + 1) / days


def _rounded(amount: float, step: int = _STEP) -> Decimal:
    return Decimal(max(1, round(amount / step)) * step).quantize(Decimal("0.01"))
