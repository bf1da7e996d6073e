"""Dates that PostgreSQL keeps and Python has none for: `infinity`, and what lies after 9999 or before Christ.

Belongs here: the values that stand for them on their way into DuckDB, which knows `infinity` too, and back
into a condition. Does not belong here: what becomes of a row that holds one (`values.py` puts it aside, as
any date outside of 1900 to 2200).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]


class EndlessDay(date):
    """After every date, or before every one: `date.max` or `date.min`, told from a date that is really so."""


class EndlessMoment(datetime):
    """The same of a timestamp."""


_OF_DAYS, _OF_MOMENTS = 2**31 - 1, 2**63 - 1
"""What DuckDB keeps for `infinity`, in days and in microseconds; the opposite is `-infinity`."""


def accept_endless(connection: Any) -> None:
    """Let a psycopg connection give and take endless dates; without it, one makes the select fail.

    Its dates are then read in Python, which takes some microseconds for each.
    """
    from psycopg import DataError
    from psycopg.adapt import Dumper
    from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader

    def is_after(data: Any) -> bool:
        text = bytes(data)
        return not (text.startswith(b"-") or text.endswith(b"BC"))

    class Days(DateLoader):
        def load(self, data: Any) -> date:
            try:
                return super().load(data)
            except DataError:
                return EndlessDay(*(date.max if is_after(data) else date.min).timetuple()[:3])

    class Moments(TimestampLoader):
        def load(self, data: Any) -> datetime:
            try:
                return super().load(data)
            except DataError:
                return _endless(is_after(data))

    class Instants(TimestamptzLoader):
        def load(self, data: Any) -> datetime:
            try:
                return super().load(data)
            except DataError:
                return _endless(is_after(data)).replace(tzinfo=UTC)

    class Infinity(Dumper):
        def dump(self, obj: Any) -> bytes:
            return b"infinity" if obj.year == date.max.year else b"-infinity"

    for name, loader in (("date", Days), ("timestamp", Moments), ("timestamptz", Instants)):
        connection.adapters.register_loader(name, loader)
    for endless in (EndlessDay, EndlessMoment):
        connection.adapters.register_dumper(endless, Infinity)


def _endless(is_after: bool) -> EndlessMoment:
    return EndlessMoment(*(date.max if is_after else date.min).timetuple()[:3])


def arrow_dates(values: Sequence[date | None], type_: pa.DataType) -> pa.Array:
    """Dates or timestamps as Arrow; an endless one as the number that DuckDB keeps for infinity."""
    import pyarrow as pa

    places = [place for place, value in enumerate(values) if isinstance(value, EndlessDay | EndlessMoment)]
    if not places:
        return pa.array(values, type_)
    greatest, integers = (_OF_DAYS, pa.int32()) if pa.types.is_date(type_) else (_OF_MOMENTS, pa.int64())
    known = [None if isinstance(value, EndlessDay | EndlessMoment) else value for value in values]
    numbers = pa.array(known, type_).cast(integers).to_pylist()
    for place in places:
        value = values[place]
        assert value is not None
        numbers[place] = greatest if value.year == date.max.year else -greatest
    return pa.array(numbers, integers).cast(type_)
