"""What holds for the published metrics whatever the records are.

Belongs here: a sentence with "always" or "never" in it, tried on records that chance makes up and run through
the real models. Does not belong here: a case with one right answer (`test_known_errors.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from math import inf, isclose
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.proof.asked import Row, Tables, published
from tests.proof.worlds import make_world
from tests.reference.world import Holiday, Record, Rules, World
from tests.unit.reference_cases import STAGES, eur, utc

pytestmark = pytest.mark.xdist_group("asked")

few = settings(max_examples=10, deadline=None, derandomize=True, database=None)
very_few = settings(few, max_examples=6)
"""Where an example is the whole company, twice."""

AS_OF = utc("2026-05-31T22:30")
RULES = Rules(stage_map=STAGES)

KEYS = {
    "opportunity_history": ("opportunity_id", "changed_at"),
    "opportunity_products": ("opportunity_id", "product_id"),
    "targets": ("period_type", "period_start", "rep_id", "team_id"),
    "exchange_rates": ("currency", "valid_from"),
}
"""By what a row of a table is known where it is not the first column. Of several rows with one key the last
one holds where nothing says which is newer, so the order of those is no accident."""

ADDITIVE = {
    "kpi_number_of_leads": ("leads", "qualified_leads", "disqualified_leads", "open_leads"),
    "kpi_lead_response_time": (
        "leads",
        "responded_leads",
        "unanswered_leads",
        "within_sla_leads",
        "sla_eligible_leads",
    ),
    "kpi_number_of_follow_ups": (
        "contact_moments",
        "first_responses",
        "follow_ups",
        "won_leads",
        "lost_leads",
        "abandoned_leads",
    ),
    "kpi_conversion_ratio": (
        "leads",
        "opportunity_leads",
        "customers",
        "customers_within_90_days",
        "converted_in_period",
    ),
    "kpi_target_attainment": ("closed_amount",),
    "kpi_open_pipeline": (
        "created_amount",
        "reopened_amount",
        "changed_amount",
        "won_amount",
        "lost_amount",
        "removed_amount",
    ),
    "kpi_closed_sales": (
        "won_opportunities",
        "won_without_amount",
        "closed_amount",
        "lost_opportunities",
        "lost_amount",
    ),
}
STOCKS = {
    "kpi_number_of_leads": ("workload_leads",),
    "kpi_target_attainment": ("pipeline_amount", "weighted_pipeline_amount"),
    "kpi_open_pipeline": (
        "open_opportunities",
        "stale_opportunities",
        "overdue_opportunities",
        "opportunities_without_amount",
        "open_amount",
        "weighted_amount",
        "opening_amount",
    ),
}
"""These add up as well, but not over months."""

COUNTS_OF_DEALS = {
    "open_opportunities",
    "stale_opportunities",
    "overdue_opportunities",
    "opportunities_without_amount",
    "won_opportunities",
    "lost_opportunities",
    "won_without_amount",
}
"""A deal with two products is a deal of each: these do not add up over products."""

METRICS = tuple(ADDITIVE)


# Business minutes

NIGHTS_THAT_CHANGE = (date(2026, 3, 28), date(2026, 3, 29), date(2025, 10, 25), date(2025, 10, 26))
instants = st.one_of(
    st.datetimes(utc("2025-09-01"), utc("2026-05-30")).map(lambda at: at.replace(microsecond=0)),
    st.builds(
        lambda day, minute: utc(day.isoformat()) + timedelta(minutes=minute),
        st.sampled_from(NIGHTS_THAT_CHANGE),
        st.integers(0, 24 * 60 - 1),
    ),
)
triples = st.lists(st.tuples(instants, instants, instants).map(sorted), min_size=1, max_size=25)


def waits(spans: list[tuple[datetime, datetime]], rules: Rules) -> list[tuple[float, float]]:
    """Calendar and business minutes of leads that came in at the one instant, answered at the other."""
    leads: list[Record] = [
        {"lead_id": f"L{number}", "created_at": created} for number, (created, _) in enumerate(spans)
    ]
    calls: list[Record] = [
        {
            "activity_id": f"E{number}",
            "activity_type": "call",
            "occurred_at": called,
            "lead_id": f"L{number}",
        }
        for number, (_, called) in enumerate(spans)
    ]
    world = World({"leads": leads, "activities": calls}, AS_OF, AS_OF, rules)
    rows = {row["lead_id"]: row for row in published(world, "fct_leads")["fct_leads"]}
    found = [rows[f"crm:L{number}"] for number in range(len(spans))]
    return [(row["response_minutes"], row["business_response_minutes"]) for row in found]


@few
@given(triples)
def test_business_minutes_fit_into_calendar_minutes_and_add_up(triples: list[list[datetime]]) -> None:
    """With a part day in the night of the clock change, and a holiday."""
    holidays = {
        date(2026, 3, 29): Holiday("night work", (60, 5 * 60)),
        date(2025, 10, 26): Holiday("night work", (60, 5 * 60)),
        date(2026, 4, 27): Holiday("King's Day"),
    }
    spans = [
        span
        for first, second, third in triples
        for span in ((first, second), (second, third), (first, third))
    ]
    found = waits(spans, replace(RULES, holidays=holidays))
    for calendar, business in found:
        assert 0 <= business <= calendar + 1e-5
    for number in range(0, len(found), 3):
        for one, other, both in zip(*found[number : number + 3], strict=True):
            assert isclose(one + other, both, abs_tol=1e-5), spans[number]


# One company, told in other ways


@cache
def made(seed: int) -> World:
    """A company of chance in which no key stands twice."""
    world = make_world(Rules(), seed)
    tables = {}
    for name, records in world.tables.items():
        columns = KEYS.get(name) or tuple(records[0])[:1] if records else ()
        tables[name] = list({tuple(row.get(column) for column in columns): row for row in records}.values())
    return replace(world, tables=tables)


@cache
def told(seed: int) -> Tables:
    return tables_of(made(seed))


def tables_of(world: World) -> Tables:
    return published(world, *METRICS, "fct_leads", "fct_opportunities", "fct_opportunity_history")


def retold(seed: int, change: Callable[[list[Record]], list[Record]]) -> None:
    world = made(seed)
    changed = replace(world, tables={name: change(records) for name, records in world.tables.items()})
    for table, rows in tables_of(changed).items():
        before = told(seed)[table]
        assert sorted(map(repr, rows)) == sorted(map(repr, before)), f"{table}, company {seed}"


seeds = st.integers(0, 11)
"""Few companies, so that what they publish is computed once for all properties."""

shuffles = st.integers(1, 2**32)
"""Each a whole shuffle: Hypothesis's own begin with the order as it is, and seldom get away from it."""


@very_few
@given(seeds, shuffles)
def test_the_order_of_rows_changes_nothing(seed: int, shuffle: int) -> None:
    rng = Random(shuffle)

    def turned(records: list[Record]) -> list[Record]:
        return rng.sample(records, len(records))

    retold(seed, turned)


@very_few
@given(seeds, shuffles)
def test_a_row_that_comes_twice_changes_nothing(seed: int, shuffle: int) -> None:
    """Some come again later on, as a file that is delivered again does."""

    rng = Random(shuffle)

    def again(records: list[Record]) -> list[Record]:
        return [*records, *rng.sample(records, (len(records) + 1) // 2)]

    retold(seed, again)


# Measures add up


@few
@given(seeds)
def test_measures_add_up_over_every_dimension(seed: int) -> None:
    """Reps to teams, teams to the company, values of a breakdown to the total, months to longer periods."""
    for table, flows in ADDITIVE.items():
        rows = told(seed)[table]
        for measure in (*flows, *STOCKS.get(table, ())):
            for lower, upper in (("rep", ("team", "team_id")), ("team", ("company",))):
                parts = sums([row for row in rows if row["level"] == lower], measure, *upper[1:], *SLICE)
                whole = sums([row for row in rows if row["level"] == upper[0]], measure, *upper[1:], *SLICE)
                assert_same(parts, whole, f"{table}.{measure} of {lower}s, company {seed}")
            totals = [row for row in rows if row.get("breakdown", "total") == "total"]
            for breakdown in {row.get("breakdown", "total") for row in rows} - {"total"}:
                values = [row for row in rows if row["breakdown"] == breakdown]
                is_told = any(row[measure] is not None for row in values)
                if is_told and not (breakdown == "product" and measure in COUNTS_OF_DEALS):
                    parts, whole = (sums(some, measure, *MEMBER) for some in (values, totals))
                    assert_same(parts, whole, f"{table}.{measure} by {breakdown}, company {seed}")
        for measure in flows:
            months = [row for row in rows if row["period_type"] == "month"]
            for period_type in ("quarter", "year"):
                shift = {"quarter": 3, "year": 12}[period_type]
                parts = sums([shifted(row, period_type, shift) for row in months], measure, *MEMBER, *SLICE)
                periods = [row for row in rows if row["period_type"] == period_type]
                whole = sums(periods, measure, *MEMBER, *SLICE)
                assert_same(parts, whole, f"{table}.{measure} of months, company {seed}")


Sums = dict[tuple[Any, ...], Decimal]
MEMBER = ("level", "team_id", "rep_id")
SLICE = ("breakdown", "breakdown_value")


def sums(rows: list[Row], measure: str, *key: str) -> Sums:
    """By period and the columns of the key."""
    found: Sums = defaultdict(Decimal)
    for row in rows:
        if row[measure] is not None:
            found[tuple(row.get(column) for column in ("period_type", "period_start", *key))] += row[measure]
    return found


def shifted(row: Row, period_type: str, months: int) -> Row:
    """A month as part of its quarter or year."""
    start = row["period_start"]
    first = start.replace(month=(start.month - 1) // months * months + 1)
    return row | {"period_type": period_type, "period_start": first}


def assert_same(parts: Sums, whole: Sums, of: str) -> None:
    """A key that only one side has is 0 on the other: a breakdown holds only what occurs."""
    pairs = {key: (parts.get(key, 0), whole.get(key, 0)) for key in {*parts, *whole}}
    assert {key: pair for key, pair in pairs.items() if pair[0] != pair[1]} == {}, of


# The Kaplan-Meier median


minutes = st.integers(0, 300)
groups = st.lists(
    st.tuples(st.lists(minutes, max_size=5), st.lists(minutes, max_size=5), minutes), max_size=8
)


@few
@given(groups)
def test_one_more_unanswered_lead_never_lowers_the_median(
    groups: list[tuple[list[int], list[int], int]],
) -> None:
    """Two reps for each group of leads: one with it as it is, one with an unanswered lead more."""
    start = utc("2026-05-04T09:00")
    leads: list[Record] = []
    calls: list[Record] = []

    def add(rep_id: str, answered: list[int], unanswered: list[int]) -> None:
        for is_answered, wait in [
            *((True, wait) for wait in answered),
            *((False, wait) for wait in unanswered),
        ]:
            lead_id, after = f"L{len(leads)}", start + timedelta(minutes=wait)
            record: Record = {"lead_id": lead_id, "created_at": start, "owner_id": rep_id}
            leads.append(record if is_answered else record | {"disqualified_at": after})
            if is_answered:
                calls.append(
                    {
                        "activity_id": lead_id,
                        "activity_type": "call",
                        "occurred_at": after,
                        "lead_id": lead_id,
                    }
                )

    for number, (answered, unanswered, more) in enumerate(groups):
        add(f"before{number}", answered, unanswered)
        add(f"after{number}", answered, [*unanswered, more])
    reps: list[Record] = [
        {"rep_id": f"{when}{number}"} for when in ("before", "after") for number in range(len(groups))
    ]
    world = World({"reps": reps, "leads": leads, "activities": calls}, AS_OF, AS_OF, RULES)
    rows = published(world, "kpi_lead_response_time")["kpi_lead_response_time"]
    medians = {
        row["rep_id"]: inf if row["km_median_response_minutes"] is None else row["km_median_response_minutes"]
        for row in rows
        if (row["period_type"], row["period_start"]) == ("month", date(2026, 5, 1))
        and (row["level"], row["breakdown"]) == ("rep", "total")
    }
    for number, group in enumerate(groups):
        assert medians[f"crm:before{number}"] <= medians[f"crm:after{number}"], group


# Rates


rates = st.decimals(Decimal("0.01"), Decimal("99"), places=4)
closes = st.dates(date(2026, 1, 1), date(2026, 3, 31))


@few
@given(
    st.lists(closes, min_size=1, max_size=6),
    rates,
    st.lists(st.tuples(st.integers(1, 60), rates), min_size=1),
)
def test_later_rates_move_no_closed_sale(
    closes: list[date], rate: Decimal, later: list[tuple[int, Decimal]]
) -> None:
    deals: list[Record] = [
        {
            "opportunity_id": f"O{number}",
            "created_at": utc("2026-01-01T09:00"),
            "stage": "Won",
            "amount": eur("1234.56"),
            "currency": "GBP",
            "closed_on": closed_on,
        }
        for number, closed_on in enumerate(closes)
    ]
    known: list[Record] = [{"currency": "GBP", "valid_from": date(2026, 1, 1), "rate": rate}]
    new: list[Record] = [
        {"currency": "GBP", "valid_from": max(closes) + timedelta(days=days), "rate": other}
        for days, other in later
    ]
    before, after = (
        published(
            World({"opportunities": deals, "exchange_rates": given}, AS_OF, AS_OF, RULES),
            "kpi_closed_sales",
            "fct_opportunities",
        )
        for given in (known, [*known, *new])
    )
    for table in before:
        assert sorted(map(repr, after[table])) == sorted(map(repr, before[table])), table
