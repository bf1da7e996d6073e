"""kpi_open_pipeline.

Belongs here: stock and movement of the pipeline by period. Does not belong here: one opportunity's way in and
out (`deals.py`), its value in a stock (`stock.py`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from tests.reference.arithmetic import ZERO, mean, share_of, total
from tests.reference.cells import Cells, Key, Row, is_complete, rows
from tests.reference.company import Company
from tests.reference.deals import Deal
from tests.reference.members import UNKNOWN
from tests.reference.periods import Period
from tests.reference.stock import InStock, Stock

WITHOUT_MOVEMENT = ("stage", "expected_close_month")
KINDS = ("created", "reopened", "won", "lost", "removed")


class Passage(NamedTuple):
    """One opportunity, or a product's part of it, in one period. `moved` are amounts by kind."""

    stock: InStock | None
    open_amount: Decimal
    weighted: Decimal
    opening: Decimal
    moved: dict[str, Decimal]

    def part(self, start: float, end: float) -> Passage:
        def of(amount: Decimal) -> Decimal:
            return share_of(amount, end) - share_of(amount, start)

        moved = {kind: of(amount) for kind, amount in self.moved.items()}
        return Passage(self.stock, of(self.open_amount), of(self.weighted), of(self.opening), moved)


def open_pipeline(company: Company, stock: Stock) -> list[Row]:
    cells: Cells[Passage] = Cells(company)
    for deal in company.deals_ever:
        for period in company.calendar.all:
            passage = _passage(deal, period, stock)
            if passage is not None:
                _add(company, cells, deal, period, passage)

    def measure(key: Key) -> Row:
        passages = cells.at(key)
        stocks = [passage.stock for passage in passages if passage.stock is not None]
        is_past = is_complete(company, key.period)
        row: Row = {
            "open_opportunities": len(stocks),
            "open_amount": total(passage.open_amount for passage in passages),
            "weighted_amount": total(passage.weighted for passage in passages),
            "mean_age_days": mean([item.age_days for item in stocks]),
            "stale_opportunities": sum(item.is_stale for item in stocks),
            "overdue_opportunities": sum(item.is_overdue for item in stocks),
            "opportunities_without_amount": sum(item.state.source_amount is None for item in stocks),
        }
        row |= _movement(passages, row["open_amount"])
        if key.breakdown in WITHOUT_MOVEMENT:
            row |= dict.fromkeys(_movement([], ZERO))
        return row | {"is_reconstructed": is_past and any(item.state.is_reconstructed for item in stocks)}

    return rows(company, [cells], measure)


def _passage(deal: Deal, period: Period, stock: Stock) -> Passage | None:
    """None where the opportunity was neither in the opening nor in the stock and did not move."""
    opening = stock.opening(deal, period)
    closing = stock.closing(deal, period)
    movements = [move for move in deal.movements if period.start <= move.day <= period.end]
    if opening is None and closing is None and not movements:
        return None
    return Passage(
        stock=closing,
        open_amount=ZERO if closing is None else closing.amount,
        weighted=ZERO if closing is None else closing.weighted,
        opening=ZERO if opening is None else opening,
        moved={kind: total(move.amount for move in movements if move.kind == kind) for kind in KINDS},
    )


def _add(company: Company, cells: Cells[Passage], deal: Deal, period: Period, passage: Passage) -> None:
    values = {"total": ["total"], "source": [deal.source], "industry": [deal.industry]}
    if passage.stock is not None:
        expected = passage.stock.state.expected_close_on
        values["stage"] = [passage.stock.state.stage or UNKNOWN]
        values["expected_close_month"] = [UNKNOWN if expected is None else f"{expected:%Y-%m}"]
    cells.add_to(period, deal.rep_id, values, passage)
    for product, start, end in company.products.shares(deal.opportunity):
        cells.add_to(period, deal.rep_id, {"product": [product]}, passage.part(start, end))


def _movement(passages: list[Passage], open_amount: Decimal) -> Row:
    """What opening and movements leave unexplained was changed: edits and exchange rates."""
    opening = total(passage.opening for passage in passages)
    moved = {kind: total(passage.moved[kind] for passage in passages) for kind in KINDS}
    in_and_out = moved["created"] + moved["reopened"] - moved["won"] - moved["lost"] - moved["removed"]
    return {
        "opening_amount": opening,
        "created_amount": moved["created"],
        "reopened_amount": moved["reopened"],
        "changed_amount": open_amount - opening - in_and_out,
        "won_amount": moved["won"],
        "lost_amount": moved["lost"],
        "removed_amount": moved["removed"],
    }
