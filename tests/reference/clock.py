"""The company's clock: local days, comparison of moments, working days, business minutes.

Belongs here: everything that needs the time zone, `as_of`, the business hours or the holidays. Does not
belong here: periods (`periods.py`), records.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tests.reference.world import Rules

Moment = date | datetime
"""A naive `datetime` is an instant in UTC, any other `date` a local day without a time."""

MomentOrder = tuple[date, int, datetime]
ONE_DAY = timedelta(days=1)


class Clock:
    def __init__(self, rules: Rules, as_of: datetime) -> None:
        self.as_of = as_of
        self._zone = ZoneInfo(rules.time_zone)
        self._hours = rules.business_hours
        self._holidays = rules.holidays
        self._opening: dict[date, tuple[datetime, datetime] | None] = {}
        self._midnights: dict[date, datetime] = {}
        self.today = self.day_of(as_of)

    def day_of(self, moment: Moment) -> date:
        if isinstance(moment, datetime):
            return moment.replace(tzinfo=UTC).astimezone(self._zone).date()
        return moment

    def midnight(self, day: date) -> datetime:
        """The instant at which a local day begins."""
        if day not in self._midnights:
            self._midnights[day] = self._instant(day, 0)
        return self._midnights[day]

    def last_second(self, day: date) -> datetime:
        """23:59:59: from then on the day is over."""
        return self.midnight(day + ONE_DAY) - timedelta(seconds=1)

    def is_over(self, day: date) -> bool:
        return self.last_second(day) <= self.as_of

    def start_of(self, moment: Moment) -> datetime:
        """The instant since which something is true that is known since a moment: a day from its start."""
        return moment if isinstance(moment, datetime) else self.midnight(moment)

    def is_after(self, moment: Moment, other: Moment) -> bool:
        """Two instants compare as instants; where one is a plain day, both compare as days."""
        if isinstance(moment, datetime) and isinstance(other, datetime):
            return moment > other
        return self.day_of(moment) > self.day_of(other)

    def by_as_of(self, moment: Moment) -> bool:
        return not self.is_after(moment, self.as_of)

    def order(self, moment: Moment) -> MomentOrder:
        """By day, on one day a moment without time first, then by instant."""
        if isinstance(moment, datetime):
            return self.day_of(moment), 1, moment
        return moment, 0, self.midnight(moment)

    def is_working_day(self, day: date) -> bool:
        return self._hours_of(day) is not None

    def working_days(self, first: date, last: date) -> int:
        days = (last - first).days + 1
        return sum(self.is_working_day(first + timedelta(days=i)) for i in range(days))

    def business_minutes(self, start: datetime, end: datetime) -> float:
        """Minutes from start to end that lie inside the business hours of working days."""
        inside = timedelta(0)
        day, last = self.day_of(start), self.day_of(end)
        while day <= last:
            opening = self._opening_of(day)
            if opening is not None:
                inside += max(min(end, opening[1]) - max(start, opening[0]), timedelta(0))
            day += ONE_DAY
        return inside.total_seconds() / 60

    def _opening_of(self, day: date) -> tuple[datetime, datetime] | None:
        if day not in self._opening:
            hours = self._hours_of(day)
            opening = None if hours is None else (self._instant(day, hours[0]), self._instant(day, hours[1]))
            self._opening[day] = opening
        return self._opening[day]

    def _hours_of(self, day: date) -> tuple[int, int] | None:
        holiday = self._holidays.get(day)
        return self._hours.get(day.isoweekday()) if holiday is None else holiday.hours

    def _instant(self, day: date, minute: int) -> datetime:
        """The instant of a minute of the local day, by the clock on the wall."""
        wall = datetime.combine(day, time.min) + timedelta(minutes=minute)
        return wall.replace(tzinfo=self._zone).astimezone(UTC).replace(tzinfo=None)


def minutes_between(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds() / 60
