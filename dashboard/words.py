"""What the pages say, in their reader's language: messages, numbers, money, durations, days, periods.

Belongs here: turning a value into text. Does not belong here: which value stands where. The messages are in
`messages/<language>.toml`; names and definitions of metrics come from the release (`metric_catalog`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers

from dashboard.view import Language, Period

Kind = Literal["text", "count", "number", "money", "ratio", "minutes", "days", "date", "row"]
"""How a value is written; `row`: as the row's own `kind` says."""

NOTHING = "–"
"""Stands where there is no value: nothing to divide by, or nothing known. Never a zero."""

_LOCALES = {"en": "en_GB", "nl": "nl_NL"}
_FOLDER = Path(__file__).parent / "messages"


@cache
def messages(language: Language) -> dict[str, str]:
    return tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Words:
    """One language, one company: its currency (ISO 4217) and its time zone (IANA)."""

    language: Language
    currency: str
    time_zone: str

    @property
    def locale(self) -> str:
        return _LOCALES[self.language]

    @property
    def browser_locale(self) -> str:
        """As JavaScript spells it, for the axes that a chart draws itself."""
        return self.locale.replace("_", "-")

    def say(self, key: str, **values: Any) -> str:
        """A message with its values put in; a key that does not exist is an error of ours."""
        return messages(self.language)[key].format(**values)

    def heading(self, column: str) -> str:
        """What a published column is called at the head of a table; its own name where we have no other."""
        return messages(self.language).get(f"col_{column}", column.replace("_", " "))

    def plural(self, key: str, number: int) -> str:
        """`key_one` or `key_other`, with the number."""
        return self.say(f"{key}_{'one' if number == 1 else 'other'}", number=self.count(number))

    def of_catalog(self, row: Any, column: str) -> str:
        """A text that the release gives in both languages, such as `name`."""
        return str(row[f"{column}_{self.language}"])

    def count(self, value: Any) -> str:
        return NOTHING if value is None else numbers.format_decimal(value, "#,##0", locale=self.locale)

    def number(self, value: Any) -> str:
        """A mean, with one digit behind the separator."""
        return NOTHING if value is None else numbers.format_decimal(value, "#,##0.0", locale=self.locale)

    def money(self, value: Any) -> str:
        if value is None:
            return NOTHING
        return numbers.format_currency(
            value, self.currency, "¤ #,##0;-¤ #,##0", locale=self.locale, currency_digits=False
        )

    def short_money(self, value: Any) -> str:
        """For narrow places: `€ 2.2M`, `€ 2,2 mln`."""
        if value is None:
            return NOTHING
        if abs(value) < 10_000:
            return self.money(value)
        symbol = numbers.get_currency_symbol(self.currency, locale=self.locale)
        short = numbers.format_compact_decimal(abs(value), locale=self.locale, fraction_digits=1)
        return f"{'-' if value < 0 else ''}{symbol} {short}".replace("\xa0", " ")

    def ratio(self, value: Any) -> str:
        if value is None:
            return NOTHING
        return numbers.format_percent(value, self._percent, locale=self.locale)

    @property
    def _percent(self) -> str:
        return "#,##0.0 %" if self.language == "nl" else "#,##0.0%"

    def points(self, value: Any) -> str:
        """A difference between two ratios, in percentage points."""
        if value is None:
            return NOTHING
        shown = numbers.format_decimal(100 * value, "+#,##0.0;-#,##0.0", locale=self.locale)
        return self.say("points", number=shown)

    def change(self, value: Any) -> str:
        """A relative change, with its sign."""
        if value is None:
            return NOTHING
        pattern = "+#,##0 %;-#,##0 %" if self.language == "nl" else "+#,##0%;-#,##0%"
        return numbers.format_percent(value, pattern, locale=self.locale)

    def minutes(self, value: Any) -> str:
        """`33 min`, `1 h 05 min`; from two days' worth on in whole hours."""
        if value is None:
            return NOTHING
        whole = round(value)
        hours, rest = divmod(whole, 60)
        unit = self.say("hour_unit")
        if whole < 60:
            return f"{whole} min"
        if rest == 0:
            return f"{self.count(hours)} {unit}"
        if hours >= 48:
            return f"{self.count(round(value / 60))} {unit}"
        return f"{hours} {unit} {rest:02d} min"

    def short_minutes(self, value: int) -> str:
        """Whole minutes for narrow places: `5m`, `4h`."""
        hours, rest = divmod(value, 60)
        return f"{value}m" if rest or not hours else f"{hours}{self.say('hour_unit')}"

    def days(self, value: Any) -> str:
        return NOTHING if value is None else self.say("days", number=self.count(round(value)))

    def day(self, value: date) -> str:
        return dates.format_date(value, "d MMM y", locale=self.locale)

    def short_day(self, value: date) -> str:
        return dates.format_date(value, "d MMM", locale=self.locale)

    def moment(self, value: datetime) -> str:
        """An instant as the company's clock shows it: `22 Nov 05:00`."""
        local = value.astimezone(ZoneInfo(self.time_zone))
        return dates.format_datetime(local, "d MMM HH:mm", locale=self.locale)

    def period(self, period: Period) -> str:
        """`November 2026`, `Q4 2026`, `2026`, `Week 48, 2026`; `Apr 2025 – Mar 2026` off the calendar."""
        return self.period_of(period.type, period.start, period.end)

    @lru_cache(2_000)  # noqa: B019 (there are as many as languages)
    def period_of(self, period_type: str, start: date, end: date) -> str:
        if period_type == "month":
            return dates.format_date(start, "MMMM y", locale=self.locale)
        if period_type == "week":
            year, week, _ = start.isocalendar()
            return self.say("week_name", week=week, year=year)
        if start.month in (1, 4, 7, 10) and period_type == "quarter":
            return self.say("quarter_name", quarter=(start.month + 2) // 3, year=start.year)
        if period_type == "year" and start.month == 1:
            return str(start.year)
        first = dates.format_date(start, "MMM y", locale=self.locale)
        return f"{first} – {dates.format_date(end, 'MMM y', locale=self.locale)}"

    def month_of(self, value: str) -> str:
        """A month as breakdowns spell it (`2026-11` or its first day), for an axis."""
        try:
            first = date.fromisoformat(value if len(value) > 7 else f"{value}-01")
        except ValueError:
            return value
        return self.short_period("month", first)

    @lru_cache(2_000)  # noqa: B019
    def short_period(self, period_type: str, start: date) -> str:
        """For an axis: `Nov`, `Jan ’26`, `w48`; a quarter or year that follows no calendar by its start."""
        if period_type == "week":
            return self.say("week_short", week=start.isocalendar().week)
        if period_type == "year":
            return str(start.year) if start.month == 1 else f"{start.year}/{(start.year + 1) % 100:02d}"
        if period_type == "quarter" and start.month in (1, 4, 7, 10):
            return self.say("quarter_short", quarter=(start.month + 2) // 3, year=f"{start.year % 100:02d}")
        short = dates.format_date(start, "MMM", locale=self.locale).rstrip(".")
        is_dated = start.month == 1 or period_type == "quarter"
        return f"{short} ’{start.year % 100:02d}" if is_dated else short

    def dated_period(self, period_type: str, start: date) -> str:
        """A short name that tells the year: `Oct ’26`, `w48 ’25`."""
        if period_type == "week":
            year, week, _ = start.isocalendar()
            return f"{self.say('week_short', week=week)} ’{year % 100:02d}"
        if period_type == "month":
            short = dates.format_date(start, "MMM", locale=self.locale).rstrip(".")
            return f"{short} ’{start.year % 100:02d}"
        return self.short_period(period_type, start)

    def value(self, value: Any, kind: str) -> str:
        """A value of a kind: `text`, `count`, `number`, `money`, `ratio`, `minutes`, `days` or `date`."""
        if value is None:
            return NOTHING
        return _written(self, value, kind)

    @property
    def language_name(self) -> str:
        return str(Locale.parse(self.locale).get_language_name(self.locale))


@lru_cache(20_000, typed=True)
def _written(words: Words, value: Any, kind: str) -> str:
    """Kept, as the next view shows most of them again: a page has 200, of some 25 microseconds each."""
    return str(_WRITERS[kind](words, value))


_WRITERS: dict[str, Any] = {
    "text": lambda _, value: str(value),
    "count": Words.count,
    "number": Words.number,
    "money": Words.money,
    "ratio": Words.ratio,
    "minutes": Words.minutes,
    "days": Words.days,
    "date": Words.day,
}
KIND_OF_UNIT: dict[str, Kind] = {
    "leads": "count",
    "follow_ups": "count",
    "business_minutes": "minutes",
    "ratio": "ratio",
    "currency": "money",
}
"""How a unit of `metric_catalog` is written."""


def kind_of(metric: Mapping[str, Any]) -> Kind:
    """How a metric of the catalog is written; one of a unit that we do not know as a `number`."""
    return KIND_OF_UNIT.get(str(metric["unit"]), "number")
