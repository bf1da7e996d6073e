"""Periods: which there are, which one a day lies in, which one comes before.

Belongs here: cutting days into weeks, months, fiscal quarters and fiscal years. Does not belong here: what
happened in them.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

PERIOD_TYPES = ("week", "month", "quarter", "year")
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_FINER = {"year": "quarter", "quarter": "month"}


class Period(NamedTuple):
    period_type: str
    start: date
    end: date


def months_later(first: date, months: int) -> date:
    """The first of a month some months after another first."""
    years, month = divmod(first.month - 1 + months, 12)
    return date(first.year + years, month + 1, 1)


class Calendar:
    """The periods of each type from a first day to a last one."""

    def __init__(self, fiscal_start_month: int, first: date, last: date) -> None:
        self._fiscal_start_month = fiscal_start_month
        self.by_type = {kind: self._from_to(kind, first, last) for kind in PERIOD_TYPES}
        self._listed = {period for periods in self.by_type.values() for period in periods}
        self._cache: dict[date, list[Period]] = {}

    @property
    def all(self) -> list[Period]:
        return [period for periods in self.by_type.values() for period in periods]

    def of(self, period_type: str, day: date) -> Period:
        """The period that a day lies in, whether it is in the list or not."""
        if period_type == "week":
            monday = day - timedelta(days=day.weekday())
            return Period("week", monday, monday + timedelta(days=6))
        length = _MONTHS[period_type]
        into = 0 if length == 1 else (day.month - self._fiscal_start_month) % length
        start = months_later(day.replace(day=1), -into)
        return Period(period_type, start, months_later(start, length) - timedelta(days=1))

    def containing(self, day: date) -> list[Period]:
        """The listed periods that a day lies in, one of each type."""
        if day not in self._cache:
            periods = [self.of(kind, day) for kind in PERIOD_TYPES]
            self._cache[day] = [period for period in periods if period in self._listed]
        return self._cache[day]

    def before(self, period: Period) -> Period | None:
        """The one before in the list; None before the first."""
        return self._if_listed(self.of(period.period_type, period.start - timedelta(days=1)))

    def year_before(self, period: Period) -> Period | None:
        """12 months earlier, for weeks 52 weeks; None where that is not in the list."""
        if period.period_type == "week":
            return self._if_listed(self.of("week", period.start - timedelta(days=364)))
        return self._if_listed(self.of(period.period_type, months_later(period.start, -12)))

    def finer(self, period: Period) -> list[Period]:
        """The quarters of a year, the months of a quarter."""
        kind = _FINER.get(period.period_type)
        return [] if kind is None else self._from_to(kind, period.start, period.end)

    def _if_listed(self, period: Period) -> Period | None:
        return period if period in self._listed else None

    def _from_to(self, period_type: str, first: date, last: date) -> list[Period]:
        periods = [self.of(period_type, first)]
        while periods[-1].end < last:
            periods.append(self.of(period_type, periods[-1].end + timedelta(days=1)))
        return periods
