"""What the ledger says of targets: how much each member was asked to sell in each period.

Belongs here: whose rows a target is made of. Does not belong here: what was sold (`truth.closed_sales`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from demo.ledger import Ledger
from demo.truth import Cell, View, team_and_rep

_FINER = {"year": ("quarter", "month"), "quarter": ("month",), "month": ()}


def targets(ledger: Ledger, view: View) -> dict[Cell, Decimal]:
    """From the period of the first lead or deal to that of `as_of`; targets of 0 are left out."""
    own: dict[Cell, Decimal] = {}
    for target in ledger.targets:
        cell = _cell(ledger, target.period_type, target.period_start, target.team_id, target.rep_id)
        own[cell] = own.get(cell, Decimal(0)) + target.amount
    found: dict[Cell, Decimal] = {}
    for period_type in _FINER:
        for start in _starts(ledger, view, period_type):
            for member in _members(ledger):
                amount = _amount(
                    ledger, view, own, member._replace(period_type=period_type, period_start=start)
                )
                if amount:
                    found[member._replace(period_type=period_type, period_start=start)] = amount
    return found


def _amount(ledger: Ledger, view: View, own: dict[Cell, Decimal], cell: Cell) -> Decimal | None:
    """The own row; else all finer periods, where one of them has one; else the members below."""
    if cell in own:
        return own[cell]
    for period_type in _FINER[cell.period_type]:
        parts = list(_parts(view, cell, period_type))
        if any(part in own for part in parts):
            return _sum([_amount(ledger, view, own, part) or Decimal(0) for part in parts])
    below = {"company": "team", "team": "rep"}.get(cell.level)
    members = [
        member._replace(period_type=cell.period_type, period_start=cell.period_start)
        for member in _members(ledger)
        if member.level == below and cell.team_id in (None, member.team_id)
    ]
    amounts = [_amount(ledger, view, own, member) for member in members]
    if any(amount is not None for amount in amounts):
        return _sum([amount for amount in amounts if amount is not None])
    return None


def _parts(view: View, cell: Cell, period_type: str) -> Iterator[Cell]:
    start = cell.period_start
    while start < view.next_start(cell.period_type, cell.period_start):
        yield cell._replace(period_type=period_type, period_start=start)
        start = view.next_start(period_type, start)


def _members(ledger: Ledger) -> Iterator[Cell]:
    """Every member, with a period to be replaced."""
    nobody = team_and_rep(ledger, None)
    yield Cell("", date.min, "company", None, None)
    for team_id in dict.fromkeys([*(team.team_id for team in ledger.teams), nobody[0]]):
        yield Cell("", date.min, "team", team_id, None)
    for rep_id in [*(rep.rep_id for rep in ledger.reps), nobody[1]]:
        yield Cell("", date.min, "rep", *team_and_rep(ledger, rep_id))


def _cell(ledger: Ledger, period_type: str, start: date, team_id: str | None, rep_id: str | None) -> Cell:
    if rep_id:
        return Cell(period_type, start, "rep", *team_and_rep(ledger, rep_id))
    return Cell(period_type, start, "team" if team_id else "company", team_id, None)


def _starts(ledger: Ledger, view: View, period_type: str) -> Iterator[date]:
    created = [lead.created_at for lead in ledger.leads] + [deal.created_at for deal in ledger.opportunities]
    start = view.period_start(period_type, view.day(min(created)))
    while start <= view.day(view.as_of):
        yield start
        start = view.next_start(period_type, start)


def _sum(amounts: list[Decimal]) -> Decimal:
    total = Decimal(0)
    for amount in amounts:
        total += amount
    return total
