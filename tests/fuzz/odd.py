"""What the fuzzer makes: texts, values, expressions, settings that nobody would write, and nearly right ones.

Belongs here: strategies. Does not belong here: what must hold for them (`targets.py`).
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

CHARACTERS = st.characters(codec="utf-8") | st.sampled_from(
    "\x00\x01\t\r\n\x1b\x85\xa0\u200b\u2028\u202e\ufeff'\"\\"
)
TEXT = st.text(CHARACTERS, max_size=12)

DELIMITERS = (",", ";", "\t", "|", "§", " ", "\\", "'", "e", "0", "漢")
QUOTES = ('"', "'", "`", "|", "a", "0")
ENCODINGS = ("utf-8", "windows-1252", "latin-1", "utf-16")
DATE_FORMATS = (
    "%Y-%m-%d",
    "%d-%m-%Y",
    "%m/%d/%y",
    "%d.%m.%Y",
    "%Y%m%d",
    "%b %d %Y",
    "%j",
    "'%Y'",
    "%%",
    "%Y-%m-%d;",
)
TIMESTAMP_FORMATS = ("iso", "%d-%m-%Y %H:%M", "%Y-%m-%d %H:%M:%S%z", "%s", "%c", "%Y-%m-%dT%H:%M:%S.%f", "%Z")
ZONES = (
    "UTC",
    "Europe/Amsterdam",
    "America/New_York",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
)

DATES = st.one_of(
    st.dates().map(str),
    st.datetimes().map(str),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.builds("{}-{}-{}".format, *[st.integers(-1, 99)] * 3),
    st.sampled_from(
        ["now", "epoch", "infinity", "0000-00-00", "46082", "2026-02-30", "2026-03-29T02:30+25:00"]
    ),
)
NUMBERS = st.one_of(
    st.decimals(allow_nan=True).map(str),
    st.floats().map(repr),
    st.integers().map(str),
    st.from_regex(r"\A[€$ (]{0,2}-?[0-9.,' ]{1,20}(e[+-]?\d{1,4})?[)%]?\Z"),
)
BOOLEANS = st.sampled_from(["true", "FALSE", "yes", "n", "1", "0", "ja", "2", "İ"])
VALUES = st.one_of(DATES, NUMBERS, BOOLEANS, TEXT, st.just(""))


def options() -> st.SearchStrategy[dict[str, Any]]:
    """Settings of a source, some of which contradict each other."""
    return st.fixed_dictionaries(
        {},
        optional={
            "delimiter": st.sampled_from(DELIMITERS),
            "quote": st.sampled_from(QUOTES),
            "encoding": st.sampled_from(ENCODINGS),
            "decimal_separator": st.sampled_from([".", ","]),
            "date_format": st.sampled_from(DATE_FORMATS) | TEXT,
            "timestamp_format": st.sampled_from(TIMESTAMP_FORMATS) | TEXT,
            "time_zone": st.sampled_from(ZONES),
            "null_values": st.lists(st.sampled_from(["", "-", "N/A", "'", "0", "L1"]) | TEXT, max_size=3),
        },
    )


@st.composite
def csv_files(draw: st.DrawFn) -> tuple[bytes, dict[str, Any]]:
    """A file that a careless program wrote, and the settings that are said to fit it."""
    given = draw(options())
    delimiter, quote = given.get("delimiter", ","), given.get("quote", '"')
    plain = st.sampled_from(["L1", "2026-03-01", "a", "", " ", "15 inch"]) | VALUES
    odd = st.sampled_from([delimiter, quote, quote * 2, quote + "x", "\n", "\r\n", "\r", "\n" + quote])
    quoted = TEXT.map(lambda text: quote + text.replace(quote, quote * 2) + quote)
    value = st.one_of(plain, plain, plain, quoted, odd)
    end = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", "\n\n", ""])
    names = [
        "lead_id",
        "created_at",
        *draw(st.lists(st.sampled_from(["source", "Source", "memo", "", "_g0"]) | TEXT)),
    ]
    text = delimiter.join(names) + draw(st.sampled_from(["\n", "\r\n", "\r", ""]))
    for _ in range(draw(st.integers(0, 8))):
        width = len(names) + draw(st.sampled_from([0, 0, 0, 0, -1, 1]))
        row = [draw(value) for _ in range(max(width, 0))]
        if row and draw(st.booleans()):
            row[:2] = ["L1", "2026-03-01"][: len(row)]
        text += delimiter.join(row) + draw(end)
    return draw(damaged(text.encode(given.get("encoding", "utf-8"), "replace"))), given


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """The content as it is, mostly; else cut, or with a few bytes overwritten or put in between."""
    if not content or draw(st.integers(0, 3)):
        return content
    place = draw(st.integers(0, len(content) - 1))
    put = draw(st.binary(max_size=4))
    return content[:place] + put + content[place + draw(st.sampled_from([0, 1, len(put), len(content)])) :]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def json_files(draw: st.DrawFn) -> bytes:
    lines = []
    for _ in range(draw(st.integers(0, 6))):
        keys = st.sampled_from(["lead_id", "created_at", "source", "memo", "LEAD_ID", "", "a.b"]) | TEXT
        pairs = draw(st.lists(st.tuples(keys, JSON), max_size=4))
        if draw(st.integers(0, 3)):
            pairs = [("lead_id", draw(JSON)), ("created_at", draw(DATES)), *pairs]
        inside = ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs)
        lines.append(
            draw(st.sampled_from(["{%s}", "{%s}", "{%s}", "[%s]", "{%s", "%s", " {%s} ", "{%s}{%s}"]))
        )
        lines[-1] = lines[-1].replace("%s", inside)
    return draw(damaged(draw(st.sampled_from(["\n", "\r\n"])).join(lines).encode("utf-8", "surrogatepass")))


def expressions(functions: list[str]) -> st.SearchStrategy[str]:
    """SQL of columns `a` and `b`, every function there is, and pieces with which one would break out."""
    leaf = st.sampled_from(
        [
            "a",
            "b",
            '"a"',
            "A",
            "1",
            "'x'",
            "''",
            "null",
            "true",
            "'/etc/passwd'",
            "'select 1'",
            "$$x$$",
            "1e400",
        ]
        + [
            "interval 1 day",
            "date '2026-01-01'",
            "current_date",
            "localtime",
            "default",
            "*",
            "#1",
            "?",
            "$1",
        ]
    )
    name = st.integers(0, len(functions) - 1).map(functions.__getitem__)  # a list would be shown, all of it

    def bigger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        shapes = st.sampled_from(
            [
                "({0})",
                "{0} + {1}",
                "{0} || {1}",
                "{0} = {1}",
                "not {0}",
                "{0}::varchar",
                "[{0}, {1}]",
                "{0}[1]",
            ]
            + ["case when {0} then {1} end", "{{'k': {0}}}.k", "try({0})", "list_transform([{0}], x -> {1})"]
            + ["(select {0})", "exists(select {0})", "{0} in ({1})", "array(select {0})", "{0} over ()"]
            + [
                "{0}; {1}",
                "{0}) , ({1}",
                "{0} -- {1}",
                "/* {0} */ {1}",
                "{0}) from ({1}",
                "{0} as {1}",
                "({0}, {1})",
            ]
            + [
                "[{0} for x in [{1}]]",
                "{0} at time zone {1}",
                "{0} between {1} and {0}",
                "{0} collate nocase",
            ]
        )
        calls = st.builds(lambda f, xs: f"{f}({', '.join(xs)})", name, st.lists(inner, max_size=3))
        quoted = st.builds(lambda f, x: f'"{f.upper()}"({x})', name, inner)
        return st.builds(lambda shape, x, y: shape.format(x, y), shapes, inner, inner) | calls | quoted

    return st.recursive(leaf, bigger, max_leaves=6) | TEXT


@st.composite
def settings_files(draw: st.DrawFn, example: str) -> bytes:
    """The file that ships with one value, key or piece of it replaced."""
    lines = example.splitlines()
    odd = st.sampled_from(
        [
            '""',
            "0",
            "-1",
            "1e400",
            "nan",
            "[]",
            "{}",
            "true",
            "'\\u0000'",
            '"\\u0000"',
            "9" * 30,
            '"${HOME}"',
            '"~x/y"',
        ]
        + ['"a\\nb"', "1979-05-27", '"%Q"', '"UTC"', '"../../.."', '["a", 1]', '"(1)) from x --"']
    ) | TEXT.map(json.dumps)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(lines) - 1))
        key, equals, _value = lines[place].partition(" = ")
        lines[place] = draw(
            st.one_of(
                st.builds(f"{key}{equals or ' = '}{{}}".format, odd)
                if "{" not in key
                else st.just(lines[place]),
                st.builds("{} = {}".format, TEXT, odd),
                st.builds(
                    "[{}]".format, TEXT | st.sampled_from(["sources.x", "sources.demo.tables.leads", "run"])
                ),
                st.just(lines[place][2:]),
                TEXT,
            )
        )
    return draw(damaged("\n".join(lines).encode("utf-8", "surrogatepass")))
