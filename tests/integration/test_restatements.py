"""Two releases of one company: which closed numbers differ, and that the parts say all of it and only that.

By the real models, on records in memory. How a release brings its restatements along, and what the command
line says, is in `tests/unit/test_diff.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.restatements import compare
from orchestration.restatements.numbers import COMPARED
from orchestration.restatements.sides import Comparison
from tests.proof.restated import comparison, edited, results, side
from tests.proof.worlds import make_world
from tests.reference.world import Rules, World
from tests.unit.reference_cases import STAGES, call, deal, eur, lead, utc, won

pytestmark = pytest.mark.xdist_group("asked")

AS_OF = utc("2026-05-10T10:00")
APRIL = date(2026, 4, 1)
MEMBER = ("period_type", "period_start", "level", "team_id", "rep_id")
KEY = ("metric", "measure", *MEMBER, "breakdown", "breakdown_value")
Row = Mapping[str, Any]

BASE: dict[str, list[dict[str, Any]]] = {
    "teams": [{"team_id": "north"}, {"team_id": "south"}],
    "reps": [
        {"rep_id": "anna", "team_id": "north"},
        {"rep_id": "bram", "team_id": "north"},
        {"rep_id": "cleo", "team_id": "south"},
    ],
    "leads": [lead("L1", "2026-04-03T09:00", source="fair"), lead("L2", "2026-04-04T09:00", source="web")],
    "activities": [
        call("E1", "2026-04-03T10:00", lead_id="L1"),
        call("E2", "2026-04-05T10:00", lead_id="L1"),
        call("E3", "2026-04-06T10:00", lead_id="L1"),
    ],
    "opportunities": [
        won("W1", "2026-03-01T09:00", date(2026, 4, 10), amount=eur("1000.00"), source="fair"),
        won("W2", "2026-03-01T09:00", date(2026, 4, 20), amount=eur("500.00"), currency="GBP"),
        deal("D1", "2026-04-02T09:00", amount=eur("70.00"), expected_close_on=date(2026, 7, 1)),
    ],
    "opportunity_products": [
        {"opportunity_id": "W1", "product_id": "P1", "amount": eur("1.00")},
        {"opportunity_id": "W1", "product_id": "P2", "amount": eur("3.00")},
    ],
    "exchange_rates": [{"currency": "GBP", "valid_from": date(2026, 1, 1), "rate": Decimal("1.2")}],
    "targets": [
        {
            "period_type": "month",
            "period_start": APRIL,
            "rep_id": "anna",
            "team_id": None,
            "target_amount": eur("900.00"),
        }
    ],
}


def world(**changed: list[dict[str, Any]]) -> World:
    return World({**BASE, **changed}, AS_OF, AS_OF, Rules(stage_map=STAGES))


def with_(table: str, record_id: str, **values: Any) -> World:
    """The company with one record changed."""
    records = [record | values if record_id in record.values() else record for record in BASE[table]]
    assert records != BASE[table]
    return world(**{table: records})


def without(table: str, record_id: str) -> World:
    return world(**{table: [record for record in BASE[table] if record_id not in record.values()]})


def and_(table: str, record: dict[str, Any]) -> World:
    return world(**{table: [*BASE[table], record]})


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the earlier release is always `world()`."""
    return tmp_path_factory.mktemp("base")


def told(before: World, after: World, folder: Path, **changed: Any) -> list[Row]:
    with comparison(before, after, folder, **changed) as (con, _):
        found = results(con)
    assert_adds_up(found)
    return found


def assert_adds_up(rows: list[Row]) -> None:
    parts: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    differences = {}
    for row in rows:
        key = tuple(row[name] for name in KEY)
        parts[key] += row["part"]
        differences[key] = (row["value_after"] or 0) - (row["value_before"] or 0)
    assert parts == differences


def april(rows: list[Row], metric: str, measure: str, level: str = "company", **of: Any) -> list[Any]:
    """Reason, part and records of the month's number; of its total, unless `of` says otherwise."""
    wanted = {"breakdown": "total", **of, "metric": metric, "measure": measure, "level": level}
    wanted |= {"period_type": "month", "period_start": APRIL}
    return sorted(
        (row["reason"], str(row["part"]), row["record_ids"])
        for row in rows
        if all(row[name] == value for name, value in wanted.items())
    )


CASES: dict[str, tuple[World, list[Any]]] = {
    "late_entry": (
        and_("opportunities", won("W3", "2026-03-02T09:00", date(2026, 4, 29), amount=eur("7.05"))),
        ["late_entry", "7.05", "crm:W3"],
    ),
    "deleted": (with_("opportunities", "W1", is_deleted=True), ["deleted", "-1000.00", "crm:W1"]),
    "gone from the export": (without("opportunities", "W1"), ["deleted", "-1000.00", "crm:W1"]),
    "closed late": (
        with_("opportunities", "D1", stage="Won", closed_on=date(2026, 4, 30)),
        ["closed_late", "70.00", "crm:D1"],
    ),
    "reopened": (
        with_("opportunities", "W1", stage="Proposal", closed_on=None),
        ["reopened", "-1000.00", "crm:W1"],
    ),
    "lost after all": (
        with_("opportunities", "W1", stage="Lost"),
        ["outcome_edit", "-1000.00", "crm:W1"],
    ),
    "moved out": (
        with_("opportunities", "W1", closed_on=date(2026, 3, 31)),
        ["date_edit", "-1000.00", "crm:W1"],
    ),
    "amount": (with_("opportunities", "W1", amount=eur("1000.01")), ["amount_edit", "0.01", "crm:W1"]),
    "amount emptied": (with_("opportunities", "W1", amount=None), ["amount_edit", "-1000.00", "crm:W1"]),
    "foreign amount": (
        with_("opportunities", "W2", amount=eur("510.00")),
        ["amount_edit", "12.00", "crm:W2"],
    ),
    "currency": (with_("opportunities", "W2", currency="EUR"), ["amount_edit", "-100.00", "crm:W2"]),
    "rate": (with_("exchange_rates", "GBP", rate=Decimal("1.3")), ["exchange_rate", "50.00", "crm:W2"]),
}


@pytest.mark.parametrize("case", CASES)
def test_closed_sales_say_why_they_changed(case: str, base: Path) -> None:
    after, expected = CASES[case]
    rows = told(world(), after, base)
    assert april(rows, "closed_sales", "closed_amount") == [tuple(expected)]


def test_an_edit_and_a_rate_on_one_record_are_two_parts(base: Path) -> None:
    after = with_("opportunities", "W2", amount=eur("1000.00"))
    after.tables["exchange_rates"] = [{**BASE["exchange_rates"][0], "rate": Decimal("1.3")}]
    assert april(told(world(), after, base), "closed_sales", "closed_amount") == [
        ("amount_edit", "600.00", "crm:W2"),
        ("exchange_rate", "100.00", "crm:W2"),
    ]


def test_another_owner_moves_numbers_between_reps_and_teams_only(base: Path) -> None:
    rows = told(world(), with_("opportunities", "W1", owner_id="cleo"), base)
    assert april(rows, "closed_sales", "closed_amount") == []
    teams = {row["team_id"]: (row["reason"], row["part"]) for row in rows if _is_sales(row, "team")}
    reps = {row["rep_id"]: (row["reason"], row["part"]) for row in rows if _is_sales(row, "rep")}
    moved = [("owner_change", Decimal(-1000)), ("owner_change", Decimal(1000))]
    assert teams == dict(zip(("crm:north", "crm:south"), moved, strict=True))
    assert reps == dict(zip(("crm:anna", "crm:cleo"), moved, strict=True))
    # what anna sold less is left to do of her target; nobody's target was touched
    assert april(rows, "target_attainment", "gap_amount", "rep") == [("owner_change", "1000.00", "crm:W1")]


def test_a_rep_who_changes_teams_takes_numbers_along(base: Path) -> None:
    rows = told(world(), with_("reps", "anna", team_id="south"), base)
    assert {row["reason"] for row in rows} == {"team_change", "target_edit"}
    assert {row["level"] for row in rows} == {"team", "rep"}


def _is_sales(row: Row, level: str) -> bool:
    return (row["measure"], row["period_type"], row["level"], row["breakdown"]) == (
        "closed_amount",
        "month",
        level,
        "total",
    )


def test_another_source_moves_numbers_between_values_only(base: Path) -> None:
    rows = told(world(), with_("opportunities", "W1", source="web"), base)
    assert {(row["breakdown"], row["reason"]) for row in rows} == {("source", "breakdown_change")}
    assert april(rows, "closed_sales", "closed_amount", breakdown="source", breakdown_value="web") == [
        ("breakdown_change", "1000.00", "crm:W1")
    ]


def test_other_product_lines_move_numbers_between_products_only(base: Path) -> None:
    lines = [BASE["opportunity_products"][0], BASE["opportunity_products"][1] | {"product_id": "P3"}]
    rows = told(world(), world(opportunity_products=lines), base)
    assert {(row["breakdown"], row["reason"]) for row in rows} == {("product", "breakdown_change")}
    assert april(rows, "closed_sales", "closed_amount", breakdown="product", breakdown_value="crm:P2") == [
        ("breakdown_change", "-750.00", "crm:W1")
    ]


def test_leads_and_follow_ups(base: Path) -> None:
    rows = told(world(), and_("leads", lead("L3", "2026-04-20T09:00")), base)
    assert april(rows, "number_of_leads", "leads") == [("late_entry", "1.00", "crm:L3")]
    rows = told(world(), with_("leads", "L2", created_at=utc("2026-03-20T09:00")), base)
    assert april(rows, "number_of_leads", "leads") == [("date_edit", "-1.00", "crm:L2")]
    # an earlier call is the first response then, and what was that is a follow-up
    rows = told(world(), and_("activities", call("E0", "2026-04-03T09:30", lead_id="L1")), base)
    assert april(rows, "number_of_follow_ups", "follow_ups") == [("role_change", "1.00", "crm:E1")]


def test_the_pipeline_of_a_closed_month(base: Path) -> None:
    cases: dict[str, tuple[World, list[Any]]] = {
        "late": (and_("opportunities", deal("D2", "2026-04-05T09:00")), [("late_entry", "100.00", "crm:D2")]),
        "gone": (without("opportunities", "D1"), [("deleted", "-70.00", "crm:D1")]),
        "edit": (with_("opportunities", "D1", amount=eur("71.50")), [("amount_edit", "1.50", "crm:D1")]),
        "reopened": (
            with_("opportunities", "W1", stage="Proposal", closed_on=None),
            [("reopened", "1000.00", "crm:W1")],
        ),
        "closed": (
            with_("opportunities", "D1", stage="Lost", closed_on=date(2026, 4, 29)),
            [("closed_late", "-70.00", "crm:D1")],
        ),
        "closed on another day": (
            with_("opportunities", "W1", closed_on=date(2026, 5, 2)),
            [("date_edit", "1000.00", "crm:W1")],
        ),
        "stage": (with_("opportunities", "D1", stage="New"), [("stage_change", "-70.00", "crm:D1")]),
    }
    for name, (after, expected) in cases.items():
        rows = told(world(), after, base)
        assert april(rows, "open_pipeline", "open_amount") == expected, name


def test_a_target_moves_the_gap_as_far_as_it_went(base: Path, tmp_path: Path) -> None:
    after = with_("targets", "anna", target_amount=eur("950.00"))
    after.tables["opportunities"] = with_("opportunities", "W1", amount=eur("1010.00")).tables[
        "opportunities"
    ]
    rows = told(world(), after, base)
    record = "month 2026-04-01 crm:anna"
    assert april(rows, "target_attainment", "target_amount") == [("target_edit", "50.00", record)]
    assert april(rows, "target_attainment", "gap_amount") == [
        ("amount_edit", "-10.00", "crm:W1"),
        ("target_edit", "50.00", record),
    ]
    # a target of nothing is a target: the gap is what was sold beyond it
    none = [{**BASE["targets"][0], "target_amount": eur("0.00")}]
    rows = told(world(targets=[]), world(targets=none), tmp_path)
    assert april(rows, "target_attainment", "gap_amount") == [("target_edit", "-1600.00", record)]
    taken = told(world(), world(targets=[]), base)
    assert april(taken, "target_attainment", "gap_amount") == [("target_edit", "700.00", record)]


def test_what_records_do_not_say_is_told_as_that(base: Path) -> None:
    """A number of the one release is wrong by 5: that is a rest, and by another code a definition."""
    for other, reason in (({}, "unexplained"), ({"code_version": "2"}, "definition_change")):
        told(world(), with_("opportunities", "W1", amount=eur("1001.00")), base)
        rows = falsified(base, **other)
        assert april(rows, "closed_sales", "closed_amount") == [
            ("amount_edit", "1.00", "crm:W1"),
            (reason, "5.00", None),
        ]


def falsified(folder: Path, **changed: Any) -> list[Row]:
    """The comparison of what the last one left in the folder, with one number of the later one changed."""
    with duckdb.connect() as con:
        con.execute(f"attach '{folder / 'earlier.duckdb'}' as earlier (read_only)")
        con.execute(f"attach '{folder / 'later.duckdb'}' as later")
        con.execute(
            "update later.main.kpi_closed_sales set closed_amount = closed_amount + 5 "
            "where level = 'company' and breakdown = 'total' and period_type = 'month' and period_start = ?",
            [APRIL],
        )
        found = Comparison(con, side(world(), "earlier"), side(world(), "later", **changed))
        with compare.compared(found):
            rows = results(con)
    assert_adds_up(rows)
    return rows


def test_a_period_that_runs_is_no_restatement(base: Path, tmp_path: Path) -> None:
    """What comes in after the earlier release is news, also where the later one has closed its month."""
    later = replace(
        and_("opportunities", won("W9", "2026-05-12T09:00", date(2026, 5, 20))),
        as_of=utc("2026-06-10T10:00"),
        observed_at=utc("2026-06-10T10:00"),
    )
    assert told(world(), later, base) == []
    assert told(later, world(), tmp_path) == []


def test_nothing_changed_is_nothing_told(base: Path) -> None:
    assert told(world(), world(), base) == []


# --- always -------------------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=8, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 10_000), st.integers(1, 30))
def test_parts_add_up_whatever_was_edited(tmp_path_factory: Any, seed: int, edits: int) -> None:
    """And every number that differs is there, and no other; flows have no rest at all."""
    before = make_world(Rules(), seed)
    after = edited(before, Random(seed), edits=edits)
    folder = tmp_path_factory.mktemp("releases")
    rows = told(before, after, folder)
    differing = _differing(folder)
    assert {tuple(row[name] for name in KEY) for row in rows} == differing
    for row in rows:
        assert (row["records"] == 0) == (row["reason"] == "unexplained")
        assert row["metric"] == "open_pipeline" or row["reason"] != "unexplained", row
    known = {f"crm:{value}" for world in (before, after) for value in _ids(world)}
    named = {name for row in rows if row["record_ids"] for name in row["record_ids"].split(", ")}
    assert {name for name in named if " " not in name} <= known


def _ids(world: World) -> set[Any]:
    columns = {"opportunities": "opportunity_id", "leads": "lead_id", "activities": "activity_id"}
    return {record.get(column) for table, column in columns.items() for record in world.tables.get(table, [])}


def _differing(folder: Path) -> set[tuple[Any, ...]]:
    """The numbers of closed periods that are not the same, in plain loops over the rows of both."""
    values: list[dict[tuple[Any, ...], Any]] = []
    for release in ("earlier", "later"):
        found: dict[tuple[Any, ...], Any] = {}
        with duckdb.connect(str(folder / f"{release}.duckdb"), read_only=True) as con:
            for metric, measures in COMPARED.items():
                for measure in measures:
                    names = ", ".join((*KEY[2:], measure.name))
                    query = f"select {names} from kpi_{metric} where is_complete"
                    for *key, value in con.execute(query).fetchall():
                        found[metric, measure.name, *key] = value or 0
        values.append(found)
    return {key for key in {*values[0], *values[1]} if values[0].get(key, 0) != values[1].get(key, 0)}
