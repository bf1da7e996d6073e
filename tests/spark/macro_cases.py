"""What the macros that differ between the engines must give, on both.

Belongs here: cases; one makes one value of one macro, or a few. Does not belong here: how they are run
(`test_macros.py`), or what a model makes of them (the unit tests beside the models).

The time zone is Europe/Amsterdam: winter is UTC+1, summer UTC+2, and the clocks change at 01:00 UTC on
2026-03-29 and on 2026-10-25.
"""

from __future__ import annotations

from dataclasses import dataclass

SPARK_TYPES = {
    "VARCHAR": "string",
    "BIGINT": "bigint",
    "INTEGER": "int",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
    "DECIMAL(18,2)": "decimal(18,2)",
}
"""How Spark calls what DuckDB calls otherwise. A published table has DuckDB's types on both."""


@dataclass(frozen=True)
class Case:
    """A query, in Jinja, that gives a column `got`, and the texts of its values in their order as texts."""

    name: str
    query: str
    data_type: str
    expected: tuple[str | None, ...]


def value(name: str, expression: str, data_type: str, expected: str | None, **columns: str) -> Case:
    """An expression, in Jinja, over a row of the columns given, each an expression itself."""
    row = ", ".join(f"{column} as {name}" for name, column in columns.items()) or "1 as one"
    return Case(name, f"select {expression} as got from (select {row}) as t", data_type, (expected,))


def instant(text: str) -> str:
    return f"cast('{text}' as timestamp)"


def day(text: str) -> str:
    return f"cast('{text}' as date)"


NULL_INSTANT = "cast(null as timestamp)"
NULL_DAY = "cast(null as date)"

_LOCAL = [
    ("in winter", "2026-01-15 12:00:00", "2026-01-15 13:00:00"),
    ("in summer", "2026-07-15 12:00:00", "2026-07-15 14:00:00"),
    ("past midnight", "2026-03-31 22:30:00", "2026-04-01 00:30:00"),
    ("a second before the clocks go forward", "2026-03-29 00:59:59", "2026-03-29 01:59:59"),
    ("when the clocks have gone forward", "2026-03-29 01:00:00", "2026-03-29 03:00:00"),
    ("in the hour that comes twice, first", "2026-10-25 00:30:00", "2026-10-25 02:30:00"),
    ("in the hour that comes twice, again", "2026-10-25 01:30:00", "2026-10-25 02:30:00"),
    ("with parts of a second", "2026-07-15 12:00:00.123456", "2026-07-15 14:00:00.123456"),
    ("before there was summer time", "1970-07-01 12:00:00", "1970-07-01 13:00:00"),
]
_UTC = [
    ("in the hour that comes twice", "2026-10-25 02:30:00", "2026-10-25 01:30:00"),
    ("before the hour that comes twice", "2026-10-25 01:59:59", "2026-10-24 23:59:59"),
    ("after the hour that comes twice", "2026-10-25 03:00:00", "2026-10-25 02:00:00"),
    ("in winter", "2026-01-15 09:00:00", "2026-01-15 08:00:00"),
    ("in summer", "2026-07-15 09:00:00", "2026-07-15 07:00:00"),
    ("on the day of the change", "2026-03-29 09:00:00", "2026-03-29 07:00:00"),
    ("at the end of the short day", "2026-03-29 23:59:59", "2026-03-29 21:59:59"),
    ("in the hour that does not exist", "2026-03-29 02:30:00", "2026-03-29 01:30:00"),
]
_WEEKDAYS = [("2026-03-02", 1), ("2026-03-03", 2), ("2026-03-07", 6), ("2026-03-08", 7), ("1969-12-31", 3)]
_DAYS = [
    ("2026-03-01", "2026-03-01", "0"),
    ("2026-02-28", "2026-03-01", "1"),
    ("2026-03-29", "2026-03-28", "-1"),
]
_MINUTES = [
    ("2026-03-01 10:00:00", "2026-03-01 10:00:30", "0.5"),
    ("2026-03-28 12:00:00", "2026-03-29 12:00:00", "1440.0"),
    ("2026-03-01 10:00:30", "2026-03-01 10:00:00", "-0.5"),
    ("1969-12-31 23:59:00", "1970-01-01 00:01:00", "2.0"),
]
_NUMBERS = [
    ("0.0", 0, "0"),
    ("1234567.0", 0, "1,234,567"),
    ("1234.5", 1, "1,234.5"),
    ("-999999.0", 0, "-999,999"),
]
_WORDS = [
    ("1234.0", "number", "1,234", "1.234"),
    ("0.125", "number", "0.1", "0,1"),
    ("2.5", "number", "2.5", "2,5"),
    ("0.0185", "ratio", "1.9 %", "1,9 %"),
    ("-0.2", "number", "-0.2", "-0,2"),
    ("0.031", "ratio", "3.1 %", "3,1 %"),
    ("0.125", "ratio", "13 %", "13 %"),
    ("-0.8", "change", "80 %", "80 %"),
    ("1234567.5", "currency", "€ 1,234,568", "€ 1.234.568"),
    ("59.4", "minutes", "59 min", "59 min"),
    ("125.0", "minutes", "2 h 5 min", "2 uur 5 min"),
    ("120.0", "minutes", "2 h", "2 uur"),
    ("60061.0", "minutes", "1,001 h 1 min", "1.001 uur 1 min"),
]
_CENTS = [
    ("2.505", "2.51"),
    ("-2.505", "-2.51"),
    ("1.004999", "1.00"),
    ("0.0", "0.00"),
    ("1e11", "100000000000.00"),
]
_CONVERTED = [
    ("1000000000000.01", "0.9", "900000000000.01"),
    ("0.01", "0.49999999", "0.00"),
    ("-2.5", "0.5", "-1.25"),
    ("0.01", "0.5", "0.01"),
    ("null", "0.5", "0.00"),
]
_ROUNDED = [
    ("1.8499999999999999", 1, "1.9"),
    ("-0.25", 1, "-0.3"),
    ("2.5", 0, "3.0"),
    ("10.1234565", 6, "10.123457"),
]
_RATIOS = [("1", "4", "0.25"), ("1", "0", None), ("0", "5", "0.0"), ("cast(null as bigint)", "5", None)]
_TOLD = """
select {{ value_told_last('stage') }} as got
from (
    select 1 as n, true as tells_stage, 'a' as stage
    union all select 2, false, cast(null as {{ dbt.type_string() }})
    union all select 3, true, cast(null as {{ dbt.type_string() }})
    union all select 4, false, 'x'
) as numbered
cross join (select 'now' as stage) as opportunities
window
    so_far as (order by n rows between unbounded preceding and current row),
    from_here as (order by n rows between current row and unbounded following)
"""
_TEXTS = r"""['it\'s\\new']"""
"""A text with an apostrophe and a backslash, in Jinja: it's\\new."""
_LITERAL = f"{{{{ text_literal({_TEXTS}[0]) }}}}"

CASES = [
    *(
        value(f"local_time {name}", "{{ local_time('moment') }}", "TIMESTAMP", local, moment=instant(utc))
        for name, utc, local in _LOCAL
    ),
    value("local_time of null", "{{ local_time('moment') }}", "TIMESTAMP", None, moment=NULL_INSTANT),
    *(
        value(
            f"utc_from_local {name}",
            "{{ utc_from_local('moment') }}",
            "TIMESTAMP",
            utc,
            moment=instant(local),
        )
        for name, local, utc in _UTC
    ),
    value(
        "utc_from_local of a day",
        "{{ utc_from_local('a_day') }}",
        "TIMESTAMP",
        "2026-03-31 22:00:00",
        a_day=day("2026-04-01"),
    ),
    value("utc_from_local of null", "{{ utc_from_local('a_day') }}", "TIMESTAMP", None, a_day=NULL_DAY),
    value(
        "end_of_day", "{{ end_of_day('a_day') }}", "TIMESTAMP", "2026-03-29 21:59:59", a_day=day("2026-03-29")
    ),
    value(
        "local_day that is known",
        "{{ local_day('made') }}",
        "DATE",
        "2026-01-01",
        made_on=day("2026-01-01"),
        made_at=instant("2026-05-05 12:00:00"),
    ),
    value(
        "local_day of an instant",
        "{{ local_day('made') }}",
        "DATE",
        "2026-04-01",
        made_on=NULL_DAY,
        made_at=instant("2026-03-31 22:30:00"),
    ),
    *(
        value(
            f"iso_weekday {number} of {text}",
            "{{ iso_weekday('a_day') }}",
            "INTEGER",
            str(number),
            a_day=day(text),
        )
        for text, number in _WEEKDAYS
    ),
    *(
        value(
            f"days_between {first} {last}",
            "{{ days_between('a', 'b') }}",
            "BIGINT",
            expected,
            a=day(first),
            b=day(last),
        )
        for first, last, expected in _DAYS
    ),
    value(
        "days_between with a null",
        "{{ days_between('a', 'b') }}",
        "BIGINT",
        None,
        a=NULL_DAY,
        b=day("2026-01-01"),
    ),
    *(
        value(
            f"minutes_between {first} {last}",
            "{{ minutes_between('a', 'b') }}",
            "DOUBLE",
            expected,
            a=instant(first),
            b=instant(last),
        )
        for first, last, expected in _MINUTES
    ),
    value(
        "minutes_between with a null",
        "{{ minutes_between('a', 'b') }}",
        "DOUBLE",
        None,
        a=NULL_INSTANT,
        b=instant("2026-01-01"),
    ),
    value("month_key", "{{ month_key('a_day') }}", "VARCHAR", "2026-03", a_day=day("2026-03-31")),
    value("month_key of null", "{{ month_key('a_day') }}", "VARCHAR", None, a_day=NULL_DAY),
    value(
        "fiscal_start of a quarter",
        "{{ fiscal_start('quarter', 'a_day') }}",
        "DATE",
        "2026-01-01",
        a_day=day("2026-03-31"),
    ),
    value(
        "fiscal_start of a year",
        "{{ fiscal_start('year', 'a_day') }}",
        "DATE",
        "2026-01-01",
        a_day=day("2026-12-31"),
    ),
    Case(
        "date_spine",
        "select date_day as got from ({{ date_spine(relation, 'a', 'b') }}) as days".replace(
            "relation", "\"(select date '2026-03-28' as a, date '2026-03-30' as b) as bounds\""
        ),
        "DATE",
        ("2026-03-28", "2026-03-29", "2026-03-30"),
    ),
    Case("every_number", "select {{ every_number(2, 4) }} as got", "INTEGER", ("2", "3", "4")),
    *(
        value(
            f"grouped_in_english {number}",
            f"{{{{ grouped_in_english('cast({number} as double)', {decimals}) }}}}",
            "VARCHAR",
            expected,
        )
        for number, decimals, expected in _NUMBERS
    ),
    *(
        value(
            f"in_words {language} {number} {unit}",
            f"{{{{ in_words('n', 'unit', '{language}') }}}}",
            "VARCHAR",
            expected,
            n=f"cast({number} as double)",
            unit=f"'{unit}'",
        )
        for number, unit, english, dutch in _WORDS
        for language, expected in (("en", english), ("nl", dutch))
    ),
    value(
        "month_in_words",
        "{{ month_in_words('a_day', 'nl') }}",
        "VARCHAR",
        "maart 2026",
        a_day=day("2026-03-05"),
    ),
    *(
        value(
            f"to_cents {number}",
            "{{ to_cents('n') }}",
            "DECIMAL(18,2)",
            expected,
            n=f"cast({number} as double)",
        )
        for number, expected in _CENTS
    ),
    *(
        value(f"ratio {one} {other}", "{{ ratio('a', 'b') }}", "DOUBLE", expected, a=one, b=other)
        for one, other, expected in _RATIOS
    ),
    *(
        value(
            f"rounded {text}",
            f"{{{{ rounded('n', {decimals}) }}}}",
            "DOUBLE",
            expected,
            n=f"cast({text} as double)",
        )
        for text, decimals, expected in _ROUNDED
    ),
    value(
        "share_of",
        "{{ share_of('amount', '1', '3') }}",
        "DECIMAL(18,2)",
        "33.33",
        amount="cast(100 as decimal(18, 2))",
    ),
    value(
        "part_of",
        "{{ part_of('amount', '0.25', '0.5') }}",
        "DECIMAL(18,2)",
        "0.01",
        amount="cast(0.03 as decimal(18, 2))",
    ),
    *(
        Case(
            f"converted {amount} {rate}",
            "select {{ converted('amount', \"'USD'\", 'a_day') }} as got"
            f" from (select cast({amount} as decimal(18, 2)) as amount, date '2026-01-01' as a_day) as t"
            f" cross join (select cast({rate} as decimal(18, 8)) as rate) as rates",
            "DECIMAL(18,2)",
            (expected,),
        )
        for amount, rate, expected in _CONVERTED
    ),
    Case(
        "mean",
        "select {{ mean('n') }} as got"
        " from (select cast(0.1 as double) as n union all select 0.2 union all select null) as t",
        "DOUBLE",
        ("0.15",),
    ),
    Case(
        "mean of nothing",
        "select {{ mean('n') }} as got from (select cast(null as double) as n) as t",
        "DOUBLE",
        (None,),
    ),
    Case(
        "percentiles",
        "select {{ percentile(percentiles('n', [0.5, 0.75]), 2) }} as got"
        " from (select cast(1 as double) as n union all select 2 union all select 3) as t",
        "DOUBLE",
        ("2.5",),
    ),
    Case(
        "percentiles of nothing",
        "select {{ percentile(percentiles('n', [0.5]), 1) }} as got"
        " from (select cast(null as double) as n) as t",
        "DOUBLE",
        (None,),
    ),
    Case("value_told_last", _TOLD, "VARCHAR", ("a", "a", None, None)),
    value("is_one_of", "{{ is_one_of('a', texts) }}".replace("texts", _TEXTS), "BOOLEAN", "true", a=_LITERAL),
    value(
        "is_one_of null",
        "{{ is_one_of('a', ['b']) }}",
        "BOOLEAN",
        "false",
        a="cast(null as {{ dbt.type_string() }})",
    ),
    value("is_one_of nothing", "{{ is_one_of('a', []) }}", "BOOLEAN", "false", a="'b'"),
    value("text_literal", "cast(length(a) as bigint)", "BIGINT", "8", a=_LITERAL),
]
