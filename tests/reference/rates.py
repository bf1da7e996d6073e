"""Amounts in company currency.

Belongs here: the rate of a day, and the rounding that goes with it. Does not belong here: which day.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from decimal import Decimal
from typing import Any

from tests.reference.arithmetic import ZERO, cents


class NoRateError(LookupError):
    """A currency has no rate on a day on which one is needed."""


class Rates:
    def __init__(self, company_currency: str, rows: list[dict[str, Any]]) -> None:
        self._own = company_currency
        self._of: dict[str, list[tuple[date, Decimal]]] = {}
        for row in rows:
            self._of.setdefault(row["currency"], []).append((row["valid_from"], row["rate"]))
        for rates in self._of.values():
            rates.sort()

    def convert(self, amount: Decimal | None, currency: str, day: date) -> Decimal:
        """At the rate with the newest `valid_from` at or before the day; no amount is 0.00."""
        if amount is None:
            return ZERO
        return cents(amount if currency == self._own else amount * self._rate(currency, day))

    def _rate(self, currency: str, day: date) -> Decimal:
        rates = self._of.get(currency, [])
        at = bisect_right(rates, day, key=lambda rate: rate[0])
        if at == 0:
            raise NoRateError(f"no rate for {currency} on {day}")
        return rates[at - 1][1]
