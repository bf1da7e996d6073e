"""When people of the made-up company work: its time zone, its holidays, its office hours.

Belongs here: turning a local day and time into an instant and back, and stepping through working time.
Does not belong here: what anybody does in that time. Every instant is a UTC datetime of whole seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from zoneinfo import ZoneInfo

TIME_ZONE = "Europe/Amsterdam"
OPENS = 8 * 3600 + 1800
CLOSES = 17 * 3600 + 1800
"""Office hours, in seconds of the local day."""

_LAST_SECOND = 24 * 3600 - 1
_ONE_DAY = timedelta(days=1)


@cache
def zone() -> ZoneInfo:
    return ZoneInfo(TIME_ZONE)


def local_date(instant: datetime) -> date:
    """The day on the company's wall calendar."""
    return instant.astimezone(zone()).date()


def at_local(day: date, seconds: int) -> datetime:
    """The instant at which the wall clock shows `seconds` after midnight on `day`."""
    hours, rest = divmod(seconds, 3600)
    minutes, second = divmod(rest, 60)
    local = datetime(day.year, day.month, day.day, hours, minutes, second, tzinfo=zone())
    return local.astimezone(UTC)


def end_of_day(day: date) -> datetime:
    """The last second of `day`."""
    return at_local(day, _LAST_SECOND)


def clock_changes(day: date) -> bool:
    """Whether the wall clock jumps in the course of `day`."""
    return at_local(day + _ONE_DAY, 0) - at_local(day, 0) != _ONE_DAY


@cache
def holidays(year: int) -> frozenset[date]:
    """The public holidays on which a Dutch office is closed."""
    easter = _easter_sunday(year)
    kings_day = date(year, 4, 27)
    if kings_day.weekday() == 6:
        kings_day -= _ONE_DAY
    return frozenset(
        {
            date(year, 1, 1),
            easter + _ONE_DAY,
            kings_day,
            easter + timedelta(days=39),  # Ascension Day
            easter + timedelta(days=50),  # Whit Monday
            date(year, 12, 25),
            date(year, 12, 26),
        }
    )


def _easter_sunday(year: int) -> date:
    """The anonymous Gregorian computus."""
    golden = year % 19
    century, rest = divmod(year, 100)
    leap, short = divmod(century, 4)
    moon = (19 * golden + century - leap - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    quarter, odd = divmod(rest, 4)
    weekday = (32 + 2 * short + 2 * quarter - moon - odd) % 7
    shift = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)


@cache
def is_working_day(day: date) -> bool:
    return day.weekday() < 5 and day not in holidays(day.year)


def working_day_from(day: date) -> date:
    """`day` itself, or the first working day after it."""
    while not is_working_day(day):
        day += _ONE_DAY
    return day


def working_day_until(day: date) -> date:
    """`day` itself, or the last working day before it."""
    while not is_working_day(day):
        day -= _ONE_DAY
    return day


def add_working_seconds(instant: datetime, seconds: int) -> datetime:
    """The instant after which the office has been open for `seconds` since `instant`."""
    local = instant.astimezone(zone())
    day = local.date()
    now = local.hour * 3600 + local.minute * 60 + local.second
    if not is_working_day(day) or now >= CLOSES:
        day, now = working_day_from(day + _ONE_DAY), OPENS
    now = max(now, OPENS)
    while now + seconds > CLOSES:
        seconds -= CLOSES - now
        day, now = working_day_from(day + _ONE_DAY), OPENS
    return at_local(day, now + seconds)


def office_moment(day: date, rng: Random) -> datetime:
    """Some moment in office hours on `day`, or the first working day after it; few in the lunch break."""
    day = working_day_from(day)
    second = rng.randint(OPENS, CLOSES - 60)
    if 12 * 3600 <= second < 13 * 3600 and rng.random() < 0.7:
        second += 3600 * rng.choice((-2, 2))
    return at_local(day, second)


def days_from(first: date, last: date) -> Iterator[date]:
    """Every day from `first` up to and including `last`."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)
