"""The whole way, from an export folder to the release, on a made-up company whose truth is known.

The published tables are compared cell by cell with what the company's ledger knows happened
(`demo/truth.py`), although the export has duplicates, old versions, unreadable rows and odd spellings.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from demo.ledger import Ledger
from demo.render_export import ExportReport, render_export
from demo.simulate import simulate
from demo.truth import Cell, View, closed_sales, lead_contacts, leads_created, open_pipeline
from demo.truth_leads import Office, cohorts, made_contacts
from demo.truth_targets import targets
from orchestration.publish.catalogue import open_release
from orchestration.run import RunResult, run_pipeline
from orchestration.settings import PROJECT_ROOT, Settings, load_settings

UNTIL = date(2026, 2, 11)
AS_OF = datetime.combine(UNTIL, time(23, 59, 59), tzinfo=ZoneInfo("Europe/Amsterdam"))
KPI_TABLES = (
    "kpi_number_of_leads",
    "kpi_lead_response_time",
    "kpi_number_of_follow_ups",
    "kpi_conversion_ratio",
    "kpi_target_attainment",
    "kpi_open_pipeline",
    "kpi_closed_sales",
)

pytestmark = pytest.mark.xdist_group("demo_company")


@dataclass(frozen=True)
class Published:
    ledger: Ledger
    export: ExportReport
    settings: Settings
    result: RunResult
    con: duckdb.DuckDBPyConnection

    @property
    def view(self) -> View:
        return View(as_of=AS_OF.astimezone(UTC))

    def cells(self, table: str, *measures: str) -> dict[Cell, tuple[Any, ...]]:
        """The `total` rows that are not all zero, by the ledger's own ids."""
        found = self.con.execute(
            f"select period_type, period_start, level, team_id, rep_id, {', '.join(measures)} "
            f"from {table} where breakdown = 'total'"
        ).fetchall()
        return {
            Cell(row[0], row[1], row[2], _own_id(row[3]), _own_id(row[4])): row[5:]
            for row in found
            if any(row[5:])
        }


def _own_id(published_id: str | None) -> str | None:
    return published_id and published_id.removeprefix("demo:")


def project_settings(folder: Path) -> Settings:
    """The project's own settings, with everything in `folder`."""
    file = folder / "zeven.toml"
    file.write_text((PROJECT_ROOT / "zeven.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return load_settings(file)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    folder = tmp_path_factory.mktemp("demo_company")
    ledger = simulate(seed=11, scale=0.15, until=UNTIL, years=3)
    export = render_export(ledger, folder / "demo_data")
    settings = project_settings(folder)
    result = run_pipeline(settings, as_of=AS_OF.isoformat())
    con = open_release(settings)
    yield Published(ledger, export, settings, result, con)
    con.close()


def same_cells(found: Mapping[Any, Any], expected: Mapping[Any, Any]) -> None:
    differing = [key for key in {*found, *expected} if found.get(key) != expected.get(key)]
    shown = [(key, found.get(key), expected.get(key)) for key in sorted(differing, key=str)[:5]]
    assert not differing, f"{len(differing)} of {len(expected)} differ (key, published, true): {shown}"
    assert expected, "the ledger knows nothing: nothing was compared"


def test_leads_are_those_that_came_in(published: Published) -> None:
    expected = {cell: (leads,) for cell, leads in leads_created(published.ledger, published.view).items()}
    same_cells(published.cells("kpi_number_of_leads", "leads"), expected)


def test_closed_sales_are_those_that_were_made(published: Published) -> None:
    expected = {
        cell: (sales.won_opportunities, sales.closed_amount, sales.lost_opportunities)
        for cell, sales in closed_sales(published.ledger, published.view).items()
    }
    found = published.cells("kpi_closed_sales", "won_opportunities", "closed_amount", "lost_opportunities")
    same_cells(found, expected)


def test_pipeline_is_what_was_open_at_every_period_end(published: Published) -> None:
    expected = {
        cell: (pipeline.open_opportunities, pipeline.open_amount)
        for cell, pipeline in open_pipeline(published.ledger, published.view).items()
    }
    same_cells(published.cells("kpi_open_pipeline", "open_opportunities", "open_amount"), expected)


def test_leads_were_answered_when_they_were_answered(published: Published) -> None:
    found = {
        _own_id(lead_id): (_own_id(team_id), _own_id(rep_id), moments, minutes and round(minutes, 6))
        for lead_id, team_id, rep_id, moments, minutes in published.con.execute(
            "select lead_id, team_id, rep_id, contact_moments, response_minutes from fct_leads"
        ).fetchall()
    }
    expected = {
        lead_id: (
            lead.team_id,
            lead.rep_id,
            len(lead.moments_until_end),
            lead.response_minutes and round(lead.response_minutes, 6),
        )
        for lead_id, lead in lead_contacts(published.ledger, published.view).items()
    }
    same_cells(found, expected)


def test_leads_were_answered_within_so_much_office_time(published: Published) -> None:
    with (PROJECT_ROOT / "seeds" / "holidays.csv").open(encoding="utf-8", newline="") as file:
        holidays = frozenset(date.fromisoformat(row["holiday_on"]) for row in csv.DictReader(file))
    office = Office(opens=9 * 60, closes=17 * 60, holidays=holidays)
    found = {
        _own_id(lead_id): round(minutes, 6)
        for lead_id, minutes in published.con.execute(
            "select lead_id, business_response_minutes from fct_leads "
            "where business_response_minutes is not null"
        ).fetchall()
    }
    expected = {
        lead_id: round(office.minutes_between(published.view, lead.created_at, lead.moments[0]), 6)
        for lead_id, lead in lead_contacts(published.ledger, published.view).items()
        if lead.response_minutes is not None
    }
    same_cells(found, expected)


def test_contact_moments_count_for_whoever_made_them(published: Published) -> None:
    contacts = lead_contacts(published.ledger, published.view)
    expected = {
        cell: (made.contact_moments, made.first_responses, made.follow_ups)
        for cell, made in made_contacts(published.ledger, published.view, contacts).items()
    }
    measures = ("contact_moments", "first_responses", "follow_ups")
    same_cells(published.cells("kpi_number_of_follow_ups", *measures), expected)


def test_customers_are_the_leads_that_bought(published: Published) -> None:
    contacts = lead_contacts(published.ledger, published.view)
    expected = {
        cell: (cohort.leads, cohort.customers)
        for cell, cohort in cohorts(published.ledger, published.view, contacts).items()
    }
    same_cells(published.cells("kpi_conversion_ratio", "leads", "customers"), expected)


def test_targets_are_those_that_were_set(published: Published) -> None:
    """Teams have rows of their own, the company has some; all else follows from them."""
    sold = closed_sales(published.ledger, published.view)
    expected = {
        cell: (amount, sold[cell].closed_amount if cell in sold else Decimal(0))
        for cell, amount in targets(published.ledger, published.view).items()
    }
    found = published.cells("kpi_target_attainment", "target_amount", "closed_amount")
    same_cells({cell: values for cell, values in found.items() if values[0]}, expected)


def test_every_row_of_the_export_is_accounted_for(published: Published) -> None:
    rows_in = {load.table: load.rows_in for load in published.result.loads}
    assert rows_in == dict(published.export.rows)
    for load in published.result.loads:
        assert load.rows_in == load.rows_loaded + load.rows_quarantined
    assert sum(load.rows_quarantined for load in published.result.loads) > 0


@pytest.mark.parametrize("table", KPI_TABLES)
def test_totals_are_dense(published: Published, table: str) -> None:
    """Every period and member has one row, also where nothing happened."""
    (rows, expected), *_ = published.con.execute(
        f"""
        with periods as (select distinct period_type, period_start from {table})
        select
            (select count(*) from {table} where breakdown = 'total'),
            (select count(*) from periods)
                * (1 + (select count(*) from dim_teams) + (select count(*) from dim_reps))
        """
    ).fetchall()
    assert rows == expected > 0


def test_a_rep_without_any_record_has_rows_with_zero(published: Published) -> None:
    idle = published.con.execute(
        "select rep_id from dim_reps where is_known and rep_id not in (select rep_id from fct_leads) "
        "and rep_id not in (select rep_id from fct_opportunities)"
    ).fetchall()
    assert idle, "the made-up company has a rep who was just hired"
    rows = published.con.execute(
        "select distinct leads, qualification_ratio from kpi_number_of_leads where rep_id = ?", idle[0]
    ).fetchall()
    assert rows == [(0, None)]


def test_kpi_tables_share_their_key_columns(published: Published) -> None:
    shapes = {
        table: published.con.execute(
            "select column_name, data_type from duckdb_columns() where table_name = ? and column_index <= 9 "
            "order by column_index",
            [table],
        ).fetchall()
        for table in KPI_TABLES
    }
    assert len(shapes["kpi_closed_sales"]) == 9
    assert all(shape == shapes["kpi_closed_sales"] for shape in shapes.values())


def test_the_scorecard_shows_each_headline(published: Published) -> None:
    rows = published.con.execute(
        "select kpi, unit, sort_order from kpi_scorecard where level = 'company' and period_type = 'month' "
        "and period_start = date '2026-01-01' order by sort_order"
    ).fetchall()
    assert [f"kpi_{kpi}" for kpi, _, _ in rows] == list(KPI_TABLES)
    (leads,), *_ = published.con.execute(
        "select leads from kpi_number_of_leads where level = 'company' and period_type = 'month' "
        "and breakdown = 'total' and period_start = date '2026-01-01'"
    ).fetchall()
    (value,), *_ = published.con.execute(
        "select value from kpi_scorecard where kpi = 'number_of_leads' and level = 'company' "
        "and period_type = 'month' and period_start = date '2026-01-01'"
    ).fetchall()
    assert value == leads > 0


def test_warnings_name_what_was_not_understood(published: Published) -> None:
    values = {warning["value"] for warning in published.result.warnings}
    assert {"merged", "deleted", "no amount"} <= values


@pytest.mark.slow
def test_a_second_run_finds_nothing_new(published: Published) -> None:
    again = run_pipeline(published.settings, as_of=AS_OF.isoformat())
    assert [load.batches_new for load in again.loads] == [0] * len(published.result.loads)
    with open_release(published.settings) as con:
        for table in KPI_TABLES:
            now = con.execute(f"select * from {table} order by all").fetchall()
            before = published.con.execute(f"select * from {table} order by all").fetchall()
            assert now == before, table


@pytest.mark.slow
def test_the_past_can_be_asked(published: Published) -> None:
    """A run of today that describes last summer: what had closed by then is what is known of it now."""
    sales = (
        "select * from kpi_closed_sales where period_type = 'month' and breakdown = 'total' "
        "and period_start between date '2024-01-01' and date '2025-06-30' order by all"
    )
    stock = (
        "select open_opportunities, open_amount from kpi_open_pipeline where period_type = 'month' "
        "and level = 'company' and breakdown = 'total' and period_start = date '2025-06-01'"
    )
    now_sales = published.con.execute(sales).fetchall()
    now_stock = published.con.execute(stock).fetchall()
    run_pipeline(published.settings, as_of="2025-07-15")
    with open_release(published.settings) as con:
        assert con.execute(sales).fetchall() == now_sales != []
        assert con.execute("select max(period_start) from kpi_number_of_leads").fetchall() == [
            (date(2025, 7, 14),)
        ]
        (then_open, then_amount), *_ = con.execute(stock).fetchall()
    # who owns a deal changes, what was open does not
    assert [(then_open, then_amount)] == now_stock
