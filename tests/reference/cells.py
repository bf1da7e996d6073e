"""The cells of a table: which period, member and breakdown value a record counts in, and which rows exist.

Belongs here: the shape that all seven tables share. Does not belong here: a metric.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Generic, NamedTuple, TypeVar

from tests.reference.company import Company
from tests.reference.members import Member
from tests.reference.periods import PERIOD_TYPES, Period

T = TypeVar("T")
Row = dict[str, Any]
Values = Mapping[str, Iterable[str]]
"""The values of a record by breakdown."""


class Key(NamedTuple):
    period: Period
    member: Member
    breakdown: str
    value: str


class Cells(Generic[T]):
    """Records by cell."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._items: dict[Key, list[T]] = {}

    def add(self, day: date, rep_id: str, values: Values, item: T) -> None:
        """Into the total and its breakdowns, of every period that the day lies in."""
        for period in self._company.calendar.containing(day):
            self.add_to(period, rep_id, {"total": ["total"], **values}, item)

    def add_to(self, period: Period, rep_id: str, values: Values, item: T) -> None:
        for member in self._company.members.counting(rep_id):
            for breakdown, of_record in values.items():
                for value in of_record:
                    self._items.setdefault(Key(period, member, breakdown, value), []).append(item)

    def at(self, key: Key) -> list[T]:
        return self._items.get(key, [])

    def keys(self) -> Iterable[Key]:
        return self._items.keys()

    def before(self, key: Key) -> list[T] | None:
        """The records of the same cell one period earlier; None where there is no such period."""
        return self._moved(key, self._company.calendar.before(key.period))

    def year_before(self, key: Key) -> list[T] | None:
        return self._moved(key, self._company.calendar.year_before(key.period))

    def _moved(self, key: Key, period: Period | None) -> list[T] | None:
        return None if period is None else self.at(key._replace(period=period))


def rows(
    company: Company,
    cells: Iterable[Cells[Any]],
    measure: Callable[[Key], Row],
    period_types: tuple[str, ...] = PERIOD_TYPES,
) -> list[Row]:
    """A row for every member and period, and one for each other cell that holds something."""
    keys = set(_totals(company, period_types))
    for some in cells:
        keys.update(key for key in some.keys() if key.period.period_type in period_types)  # noqa: SIM118
    ordered = sorted(keys, key=lambda key: tuple(map(str, (*key.period, *key.member, *key[2:]))))
    return [_frame(company, key) | measure(key) for key in ordered]


def _totals(company: Company, period_types: tuple[str, ...]) -> Iterator[Key]:
    for period_type in period_types:
        for period in company.calendar.by_type[period_type]:
            for member in company.members.all:
                yield Key(period, member, "total", "total")


def _frame(company: Company, key: Key) -> Row:
    return {
        "period_type": key.period.period_type,
        "period_start": key.period.start,
        "period_end": key.period.end,
        "is_complete": is_complete(company, key.period),
        "level": key.member.level,
        "team_id": key.member.team_id,
        "rep_id": key.member.rep_id,
        "breakdown": key.breakdown,
        "breakdown_value": key.value,
    }


def is_complete(company: Company, period: Period) -> bool:
    return period.end < company.clock.today


def last_day(company: Company, period: Period) -> date:
    """The last day of a period that has come."""
    return min(period.end, company.clock.today)
