"""kpi_closed_sales.

Belongs here: won and lost opportunities by close period. Does not belong here: whether and when one was
closed (`counted.py`), for what amount and by whom (`deals.py`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from tests.reference.arithmetic import median, ratio, total
from tests.reference.cells import Cells, Key, Row, rows
from tests.reference.company import Company
from tests.reference.deals import Deal


class Close(NamedTuple):
    is_won: bool
    amount: Decimal
    cycle_days: int
    has_amount: bool


def closed_sales(company: Company) -> list[Row]:
    closes: Cells[Close] = Cells(company)
    for deal in company.deals:
        if deal.closed_on is None or deal.closed_amount is None:
            continue
        whole = _close(deal, deal.closed_amount)
        values = {"source": [deal.source], "industry": [deal.industry], "lead_owner": [deal.lead_owner]}
        closes.add(deal.closed_on, deal.rep_id, values, whole)
        for product, part in company.products.parts(deal.opportunity, deal.closed_amount).items():
            for period in company.calendar.containing(deal.closed_on):
                closes.add_to(period, deal.rep_id, {"product": [product]}, whole._replace(amount=part))

    def measure(key: Key) -> Row:
        here = closes.at(key)
        won = [close for close in here if close.is_won]
        lost = [close for close in here if not close.is_won]
        closed_amount = total(close.amount for close in won)
        return {
            "won_opportunities": len(won),
            "closed_amount": closed_amount,
            "mean_deal_amount": float(closed_amount) / len(won) if won else None,
            "median_deal_amount": median(float(close.amount) for close in won),
            "lost_opportunities": len(lost),
            "lost_amount": total(close.amount for close in lost),
            "win_ratio": ratio(len(won), len(here)),
            "median_sales_cycle_days": median(close.cycle_days for close in won),
            "won_without_amount": sum(not close.has_amount for close in won),
            "previous_closed_amount": _won_amount(closes.before(key)),
            "same_period_last_year_closed_amount": _won_amount(closes.year_before(key)),
        }

    return rows(company, [closes], measure)


def _close(deal: Deal, amount: Decimal) -> Close:
    return Close(
        is_won=deal.outcome == "won",
        amount=amount,
        cycle_days=(deal.closed_on - deal.created_on).days if deal.closed_on else 0,
        has_amount=deal.has_amount,
    )


def _won_amount(closes: list[Close] | None) -> Decimal | None:
    return None if closes is None else total(close.amount for close in closes if close.is_won)
