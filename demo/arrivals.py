"""When leads come in: season, growth, weekday and hour, each source in its own rhythm.

Belongs here: how many, when, from which source and campaign. Does not belong here: what becomes of them
(`lead_life.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from random import Random

from demo import worktime
from demo.company import SOURCES, Rhythm, Source

LEADS_PER_DAY = 6.3
"""At scale 1, averaged over the year in the middle of the ledger."""

GROWTH_PER_YEAR = 1.07

_HALF_MONTHS = (
    *(0.85, 1.00, 1.00, 1.02, 1.10, 1.18, 1.20, 1.12, 1.00, 1.05, 1.05, 1.00),
    *(0.95, 0.72, 0.55, 0.68, 1.00, 1.12, 1.20, 1.25, 1.20, 1.12, 0.95, 0.60),
)
"""The Dutch year from early January to late December: spring and autumn high, the summer holidays low."""

_CHRISTMAS = 0.35
_WEB_WEEK = (1.25, 1.35, 1.30, 1.22, 1.00, 0.40, 0.48)
_WEB_HOURS = (1, 1, 0.5, 0.5, 0.5, 0.5, 1, 3, 7, 12, 13, 12, 9, 10, 11, 10, 9, 6, 4, 5, 7, 8, 6, 3)
_DUPLICATES = 0.03
_DUPLICATES_OF_DUPLICATES = 0.15


@dataclass(slots=True)
class Arrival:
    """`again` is the lead of which this one is a duplicate entry."""

    at: datetime
    source: Source
    campaign: str | None
    again: Arrival | None = None
    lead_id: str = ""


def arrivals(seed: int, scale: float, first: date, start: date, until: date, end: datetime) -> list[Arrival]:
    """Every lead from `first` on, in order of time. Before `start`, no duplicates."""
    middle = start + (until - start) / 2
    found: list[Arrival] = []
    for day in worktime.days_from(first, until):
        rng = Random(f"{seed}/arrivals/{day}")
        growth = float(GROWTH_PER_YEAR ** ((day - middle).days / 365.25))
        level = scale * LEADS_PER_DAY * growth * season(day) * _mood(seed, day)
        today: list[Arrival] = []
        for source in SOURCES:
            for _ in range(_poisson(level * source.share * _day_weight(source.rhythm, day), rng)):
                today.append(Arrival(_moment(source.rhythm, day, rng), source, _campaign(source, day, rng)))
        if worktime.clock_changes(day):
            in_the_night = worktime.at_local(day, 0) + timedelta(seconds=rng.randint(3600, 3 * 3600))
            today.append(Arrival(in_the_night, SOURCES[0], None))
        found.extend(today)
        if day >= start:
            found.extend(_entered_again(today, rng))
    return sorted((arrival for arrival in found if arrival.at <= end), key=lambda arrival: arrival.at)


def season(day: date) -> float:
    """How busy the time of year is; 1 on average."""
    if (day.month, day.day) >= (12, 23) or (day.month, day.day) <= (1, 2):
        return _CHRISTMAS
    return _HALF_MONTHS[2 * (day.month - 1) + (day.day > 15)]


@cache
def _mood(seed: int, day: date) -> float:
    """What the season does not explain: one week is busier than another."""
    week = day - timedelta(days=day.weekday())
    if day != week:
        return _mood(seed, week)
    return Random(f"{seed}/week/{week}").lognormvariate(0, 0.1)


def _entered_again(today: list[Arrival], rng: Random) -> Iterator[Arrival]:
    for original in today:
        if rng.random() < _DUPLICATES:
            second = Arrival(_soon_after(original.at, rng), SOURCES[0], None, original)
            yield second
            if rng.random() < _DUPLICATES_OF_DUPLICATES:
                yield Arrival(_soon_after(second.at, rng), SOURCES[0], None, second)


def _soon_after(at: datetime, rng: Random) -> datetime:
    return at + timedelta(seconds=60 + int(rng.lognormvariate(9.5, 1.5)))


def _poisson(mean: float, rng: Random) -> int:
    """Knuth's method, in pieces that keep the exponential well above zero."""
    count = 0
    while mean > 0:
        limit, product = math.exp(-min(mean, 30.0)), rng.random()
        while product > limit:
            count += 1
            product *= rng.random()
        mean -= 30.0
    return count


def _day_weight(rhythm: Rhythm, day: date) -> float:
    """The day's share of what the source brings, 1 on average over the year."""
    if rhythm == "web":
        return _WEB_WEEK[day.weekday()] * (1.0 if worktime.is_working_day(day) or day.weekday() > 4 else 0.45)
    if rhythm == "office":
        return 1.44 if worktime.is_working_day(day) else 0.0
    if rhythm == "list":
        return 7.0 if day == worktime.working_day_from(day - timedelta(days=day.weekday())) else 0.0
    if rhythm == "fair":
        return next(
            (weight for first, weight in _fair_days(day.year) if 0 <= (day - first).days < 3), 0.0
        ) or (
            5.0
            if any(3 <= (day - first).days < 10 and day.weekday() < 5 for first, _ in _fair_days(day.year))
            else 0.0
        )
    return _webinar_weight(day)


@cache
def _fair_days(year: int) -> tuple[tuple[date, float], ...]:
    """The first day of each three-day fair, a Tuesday, and the weight of its days."""
    return tuple(
        (date(year, month, day) + timedelta(days=(1 - date(year, month, day).weekday()) % 7), weight)
        for month, day, weight in ((3, 10, 46.0), (6, 3, 12.0), (10, 1, 46.0))
    )


@cache
def _webinar_day(year: int, month: int) -> date | None:
    """The third Thursday, but not in the holidays."""
    if month in (7, 8, 12):
        return None
    return date(year, month, 15) + timedelta(days=(3 - date(year, month, 15).weekday()) % 7)


def _webinar_weight(day: date) -> float:
    webinar = _webinar_day(day.year, day.month)
    return {0: 22.0, 1: 12.0, 4: 5.0, 5: 2.0}.get((day - webinar).days, 0.0) if webinar else 0.0


def _moment(rhythm: Rhythm, day: date, rng: Random) -> datetime:
    if rhythm == "web":
        hour = rng.choices(range(24), _WEB_HOURS)[0]
        return worktime.at_local(day, hour * 3600 + rng.randrange(3600))
    if rhythm == "fair":
        return worktime.at_local(day, rng.randint(34_200, 61_200))
    if rhythm == "webinar":
        return worktime.at_local(day, rng.randint(52_200, 59_400))
    if rhythm == "list":
        return worktime.at_local(day, rng.randint(32_400, 33_600))
    return worktime.office_moment(day, rng)


def _campaign(source: Source, day: date, rng: Random) -> str | None:
    quarter = f"{day.year} Q{(day.month + 2) // 3}"
    if source.rhythm == "webinar":
        return f"Webinar {day.year}-{day.month:02}"
    if source.rhythm == "fair":
        return f"Fair {_FAIRS[day.month]} {day.year}"
    if source.rhythm == "list":
        return f"List {quarter}"
    if source.name == "advertising":
        return f"{rng.choices(('Search', 'Social', 'Trade press'), (5, 3, 1))[0]} {quarter}"
    return f"Newsletter {quarter}" if source.name == "website" and rng.random() < 0.15 else None


_FAIRS = {3: "Utrecht spring", 6: "Antwerp", 10: "Utrecht autumn"}
