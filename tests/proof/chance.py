"""Draws by chance, from what coincides.

Belongs here: on which few days a made-up company lives, and drawing instants, days and ids that meet. Does
not belong here: what its records hold (`worlds.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import TypeVar
from zoneinfo import ZoneInfo

from tests.reference.world import Record, Rules, Value

T = TypeVar("T")

_NIGHTS = (date(2026, 3, 29), date(2025, 10, 26), date(2026, 10, 25), date(2026, 3, 8), date(2026, 4, 5))
"""Days on which clocks change: in Amsterdam, in New York, in Auckland."""

_TURNS = (date(2020, 12, 31), date(2021, 1, 3), date(2026, 12, 31), date(2025, 12, 31), date(2024, 2, 29))
"""Ends of years, of years of 53 weeks, and a day that not every year has."""

_SECONDS = tuple(
    time.fromisoformat(text)
    for text in (
        "00:00",
        "00:00:01",
        "23:59:59",
        "23:59:58",
        "09:00",
        "17:00",
        "08:59",
        "16:50",
        "12:30",
        "02:30",
        "03:00",
    )
)


@dataclass
class Chance:
    """`days` are the few on which all happens."""

    rng: Random
    rules: Rules
    days: list[date]
    as_of: datetime
    observed_at: datetime

    def one(self, options: Sequence[T]) -> T:
        return self.rng.choice(options)

    def often(self, share: float) -> bool:
        return self.rng.random() < share

    def maybe(self, share: float, options: Sequence[T]) -> T | None:
        return self.one(options) if self.often(share) else None

    def day(self) -> date:
        if self.often(0.8):
            return self.one(self.days)
        return self.one(self.days) + timedelta(days=self.rng.randint(-9, 9))

    def instant(self) -> datetime:
        if self.often(0.06):
            return self.as_of + timedelta(seconds=self.one((-1, 0, 0, 1)))
        clock = (
            self.one(_SECONDS) if self.often(0.7) else time(self.rng.randint(0, 23), self.rng.randint(0, 59))
        )
        at = utc(datetime.combine(self.day(), clock), self.rules.time_zone)
        return at.replace(microsecond=self.rng.randint(1, 999_999)) if self.often(0.03) else at

    def moment(self, days: float = 0.15) -> Value:
        """An instant, or in a share of the cases a plain day."""
        return self.day() if self.often(days) else self.instant()

    def ids(self, front: str, most: int) -> list[str]:
        return [f"{front}{number}" for number in range(1, self.rng.randint(0, most) + 1)]

    def records(
        self, ids: Sequence[str], make: Callable[[str], Record], versions: float = 0.12
    ) -> list[Record]:
        """A record of each id, some with further versions or repeated, in any order."""
        rows = [make(one) for one in ids]
        for row in list(rows):
            if self.often(versions):
                key = next(iter(row))
                rows.append(dict(row) if self.often(0.3) else make(str(row[key])))
        self.rng.shuffle(rows)
        return rows


def utc(local: datetime, time_zone: str) -> datetime:
    """The naive UTC instant of a wall clock; of a time that does not exist, the one after the gap."""
    return local.replace(tzinfo=ZoneInfo(time_zone)).astimezone(UTC).replace(tzinfo=None)


def draw_days(rng: Random, is_long: bool) -> list[date]:
    """The few days on which all happens."""
    around = rng.choice((*_NIGHTS, *_TURNS, date(2025, 6, 30), date(2026, 1, 31)))
    span = rng.randint(730, 1100) if is_long else rng.choice((0, 3, 10, 40, 90, 200, 420))
    count = 26 if is_long else rng.randint(1, 7)
    days = [around - timedelta(days=rng.randint(0, span)) for _ in range(count)]
    return sorted({around, *days, *(day for day in (around - timedelta(days=1),) if rng.random() < 0.5)})


def draw_instants(rng: Random, rules: Rules, days: list[date]) -> tuple[datetime, datetime]:
    """`as_of`, in or after the days, and when the run read its sources."""
    day = rng.choice(
        (days[-1], days[-1], days[-1] + timedelta(days=rng.choice((1, 3, 30, 91))), rng.choice(days))
    )
    clock = rng.choice((time(23, 59, 59), time(23, 59, 59), time(23, 59, 58), time(0), time(12, 30), time(9)))
    as_of = utc(datetime.combine(day, clock), rules.time_zone)
    after = rng.choice((0, 0, 60, 3600, 86_400, 40 * 86_400, -3600, -86_000))
    return as_of, as_of + timedelta(seconds=after)
