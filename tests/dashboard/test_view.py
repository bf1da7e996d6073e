"""Addresses: what a release can answer of what was asked, and the way back to an address.

Belongs here: reading, resolving and writing an address. Does not belong here: what a page shows for it.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.view import (
    DEFAULT_PERIOD_TYPE,
    LANGUAGES,
    LONGEST_VALUE,
    PERIOD_TYPES,
    Asked,
    Outline,
    Period,
    Rep,
    View,
    address,
    read,
    resolve,
)


def periods(kind: str, starts: list[date]) -> tuple[Period, ...]:
    """One after the other; the last one runs."""
    found = [Period(kind, start, then - timedelta(days=1), True) for start, then in pairwise(starts)]
    return (*found[:-1], Period(kind, found[-1].start, found[-1].end, False))


OUTLINE = Outline(
    periods={
        "week": periods("week", [date(2026, 2, 2) + timedelta(days=7 * n) for n in range(5)]),
        "month": periods("month", [date(2025, 12, 1), *(date(2026, n, 1) for n in (1, 2, 3))]),
        "quarter": periods("quarter", [date(2025, 10, 1), date(2026, 1, 1), date(2026, 4, 1)]),
        "year": periods("year", [date(2025, 1, 1), date(2026, 1, 1), date(2027, 1, 1)]),
    },
    teams={"crm:T1": "West", "crm:T2": "Oost & Noord", "unassigned": "Unassigned"},
    reps={
        "crm:R1": Rep("crm:R1", "Ann", "crm:T1"),
        "crm:R2": Rep("crm:R2", "Ben", "crm:T2", is_active=False),
        "crm:R/3 ?&#é": Rep("crm:R/3 ?&#é", "Cleo", "crm:T2"),
    },
    sources=("partner", "trade fair", "a=b&c", "unknown"),
)
COMPANY = View((), OUTLINE.periods["month"][-1], "company", None, None, None, "en")
HOSTILE = (
    "' or 1=1 --",
    '"; drop table kpi_scorecard; --',
    "$team_id",
    "../../etc/passwd",
    "..",
    "%2e%2e%2f",
    "month\nSet-Cookie: a=b",
    "\x00",
    "<script>alert(1)</script>",
    "{0.__class__}",
    "%",
    "🙂" * 50,
    "x" * 10_000,
)


def opened(pathname: str = "/", **query: str) -> View:
    found = resolve(read(pathname, f"?{urlencode(query)}" if query else ""), OUTLINE, "en")
    assert found is not None
    return found


def test_an_empty_address_is_the_running_month_of_the_company() -> None:
    assert opened() == COMPANY
    assert resolve(read(None, None), OUTLINE, "en") == COMPANY
    assert resolve(read("", ""), OUTLINE, "nl") == View((), COMPANY.period, "company", None, None, None, "nl")


@pytest.mark.parametrize("name", ["period", "start", "team", "rep", "source", "lang"])
@pytest.mark.parametrize("value", ["", "nothing", *HOSTILE])
def test_what_the_release_does_not_have_falls_back(name: str, value: str) -> None:
    assert opened(**{name: value}) == COMPANY


@pytest.mark.parametrize("part", HOSTILE)
def test_any_path_is_read(part: str) -> None:
    found = opened(f"/metric/{quote(part, safe='')}")
    assert found.path == ("metric", part[:LONGEST_VALUE])
    assert opened(f"/rep/{quote(part, safe='')}").level == "company"


@pytest.mark.parametrize("search", ["?" + "a=1&" * 1000, "?&&&=", "?period", "?%ff=%fe", "?period=%00", "??"])
def test_any_query_is_read(search: str) -> None:
    assert resolve(read("/", search), OUTLINE, "en") == COMPANY


@pytest.mark.parametrize(
    ("kind", "start", "expected"),
    [
        ("month", "2026-01-01", date(2026, 1, 1)),
        ("month", "2026-01-31", date(2026, 1, 1)),
        ("week", "2026-02-10", date(2026, 2, 9)),
        ("week", "2026-02-15", date(2026, 2, 9)),
        ("quarter", "2025-12-31", date(2025, 10, 1)),
        ("year", "2025-07-04", date(2025, 1, 1)),
        ("month", "1999-01-01", date(2026, 2, 1)),
        ("month", "2026-03-01", date(2026, 2, 1)),
        ("month", "2026-02-30", date(2026, 2, 1)),
        ("month", "yesterday", date(2026, 2, 1)),
        ("week", "", date(2026, 2, 23)),
    ],
)
def test_a_day_means_the_period_it_lies_in(kind: str, start: str, expected: date) -> None:
    period = opened(period=kind, start=start).period
    assert (period.type, period.start) == (kind, expected)
    assert period in OUTLINE.periods[kind]


@pytest.mark.parametrize(
    ("query", "level", "team", "rep"),
    [
        ({"team": "crm:T1"}, "team", "crm:T1", None),
        ({"rep": "crm:R1"}, "rep", "crm:T1", "crm:R1"),
        ({"team": "crm:T1", "rep": "crm:R1"}, "rep", "crm:T1", "crm:R1"),
        ({"team": "crm:T2", "rep": "crm:R1"}, "team", "crm:T2", None),
        ({"team": "gone", "rep": "crm:R1"}, "rep", "crm:T1", "crm:R1"),
        ({"team": "crm:T1", "rep": "gone"}, "team", "crm:T1", None),
        ({"rep": "crm:R2"}, "rep", "crm:T2", "crm:R2"),
        ({"team": "unassigned"}, "team", "unassigned", None),
    ],
)
def test_whose_numbers(query: dict[str, str], level: str, team: str | None, rep: str | None) -> None:
    found = opened("/", **query)
    assert (found.level, found.team_id, found.rep_id) == (level, team, rep)
    assert found.member == {"level": level, "team_id": team, "rep_id": rep}


@pytest.mark.parametrize("query", [{}, {"rep": "crm:R2"}, {"team": "crm:T2"}, {"team": "gone"}])
def test_a_reps_page_is_about_that_rep_whatever_else_is_asked(query: dict[str, str]) -> None:
    found = opened("/rep/crm%3AR1", **query)
    assert (found.level, found.team_id, found.rep_id) == ("rep", "crm:T1", "crm:R1")


def test_a_rep_on_another_page_is_a_filter_only_there() -> None:
    there = opened("/metric/closed_sales", rep="crm:R1", period="week")
    assert parse_qs(urlsplit(there.href()).query)["rep"] == ["crm:R1"]
    own = urlsplit(there.href("rep", "crm:R1"))
    assert own.path == "/rep/crm%3AR1"
    assert "rep" not in parse_qs(own.query)
    assert parse_qs(own.query)["period"] == ["week"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_is_the_address_s_or_the_company_s(language: Any) -> None:
    assert opened(lang=language).language == language
    found = resolve(Asked(), OUTLINE, language)
    assert found is not None
    assert found.language == language


def test_a_release_without_a_period_answers_nothing() -> None:
    nothing = Outline(dict.fromkeys(PERIOD_TYPES, ()), {}, {}, ())
    assert resolve(Asked(), nothing, "en") is None
    assert resolve(read("/rep/x", "?period=week"), nothing, "en") is None
    assert resolve(Asked(), Outline({}, {}, {}, ()), "en") is None


def test_the_first_of_several_values_counts() -> None:
    found = resolve(read("/", "?period=week&period=year"), OUTLINE, "en")
    assert found is not None
    assert found.period.type == "week"


# --- there and back ---------------------------------------------------------------------------------------

PATHS = st.sampled_from(
    [
        (),
        ("findings",),
        ("metric", "closed_sales"),
        ("metric", "a b/c?d#é"),
        *(("rep", r) for r in OUTLINE.reps),
    ]
)
QUERIES = st.fixed_dictionaries(
    {
        "period": st.sampled_from(PERIOD_TYPES),
        "start": st.dates(date(2025, 1, 1), date(2026, 12, 31)).map(date.isoformat),
        "team": st.sampled_from(["", *OUTLINE.teams]),
        "rep": st.sampled_from(["", *OUTLINE.reps]),
        "source": st.sampled_from(["", *OUTLINE.sources]),
        "lang": st.sampled_from(LANGUAGES),
    }
)


@given(PATHS, QUERIES)
def test_an_address_opens_the_view_that_wrote_it(path: tuple[str, ...], query: dict[str, str]) -> None:
    pathname = "/" + "/".join(quote(part, safe="") for part in path)
    before = opened(pathname, **query)
    parts = urlsplit(address(before))
    after = resolve(read(parts.path, f"?{parts.query}"), OUTLINE, "nl")
    assert after == before
    assert before.href() == address(before)


@given(st.text(), st.text())
def test_no_address_raises(pathname: str, search: str) -> None:
    found = resolve(read(pathname, search), OUTLINE, "en")
    assert found is not None
    assert found.period in OUTLINE.periods[found.period.type]
    assert found.period.type in (DEFAULT_PERIOD_TYPE, *PERIOD_TYPES)
    assert {found.team_id} <= {None, *OUTLINE.teams}
    assert {found.rep_id} <= {None, *OUTLINE.reps}
    assert {found.source} <= {None, *OUTLINE.sources}
