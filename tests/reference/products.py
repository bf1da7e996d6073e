"""What share of a deal each of its products has, and which product a contact moment goes to.

Belongs here: weights, parts of an amount, one product for each contact moment. Does not belong here: sums.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from tests.reference.arithmetic import ZERO, share_of
from tests.reference.contacts import ContactMoment
from tests.reference.lead_facts import LeadFacts
from tests.reference.members import UNKNOWN
from tests.reference.records import Opportunity

GOLDEN = 0.6180339887498949
Shares = list[tuple[str, float, float]]
"""Product, from, to: neighbours on the way from 0 to 1."""


class Products:
    def __init__(self, lines: list[tuple[str, str, Decimal | None]]) -> None:
        self._lines: dict[str, list[tuple[str, Decimal]]] = {}
        for opportunity_id, product_id, amount in lines:
            weight = max(amount or ZERO, ZERO)
            self._lines.setdefault(opportunity_id, []).append((product_id, weight))
        for weights in self._lines.values():
            weights.sort()

    def shares(self, opportunity: Opportunity) -> Shares:
        """In the order of product ids; equal where no line has an amount above 0."""
        weights = self._lines.get(opportunity.opportunity_id)
        if not weights:
            return [(opportunity.product_id or UNKNOWN, 0.0, 1.0)]
        if not any(weight for _, weight in weights):
            weights = [(product, Decimal(1)) for product, _ in weights]
        whole = Fraction(sum(weight for _, weight in weights))
        shares, reached = [], Fraction(0)
        for product, weight in weights:
            start, reached = reached, reached + Fraction(weight)
            shares.append((product, float(start / whole), float(reached / whole)))
        return shares

    def parts(self, opportunity: Opportunity, amount: Decimal) -> dict[str, Decimal]:
        """Differences of rounded running totals: they add up to the cent."""
        return {
            product: share_of(amount, end) - share_of(amount, start)
            for product, start, end in self.shares(opportunity)
        }

    def main(self, opportunity: Opportunity | None) -> str:
        """The product with the largest share, then the first of them."""
        if opportunity is None:
            return UNKNOWN
        weights = dict(self._lines.get(opportunity.opportunity_id, []))
        products = [product for product, _, _ in self.shares(opportunity)]
        return max(products, key=lambda product: weights.get(product, ZERO))

    def of_moments(
        self,
        moments: list[ContactMoment],
        leads: dict[str, LeadFacts],
        opportunities: dict[str, Opportunity],
    ) -> dict[str, str]:
        """Product by activity id. `moments` are in their order: number k of a deal is its k-th here."""
        numbers: dict[str, int] = {}
        products = {}
        for moment in moments:
            deal = opportunities.get(moment.opportunity_id or "")
            if deal is None and moment.lead_id is not None:
                deal = leads[moment.lead_id].deal
            if deal is None:
                products[moment.activity_id] = UNKNOWN
                continue
            number = numbers[deal.opportunity_id] = numbers.get(deal.opportunity_id, 0) + 1
            products[moment.activity_id] = _product_at(number * GOLDEN % 1, self.shares(deal))
        return products


def _product_at(point: float, shares: Shares) -> str:
    for product, start, end in shares:
        if start <= point < end:
            return product
    raise AssertionError(f"no share holds {point}")
