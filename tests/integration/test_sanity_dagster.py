"""What the checks and the comparison with the last release look like in Dagster, and accepting from there."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from small_company import CONTRACTS, settings_in

from orchestration import run_record
from orchestration.checks import content
from orchestration.checks.asset_checks import build_contract_checks
from orchestration.checks.contracts import Column, Contract
from orchestration.publish.assets import build_release_asset
from orchestration.publish.manifest import read_manifest
from orchestration.resources import Journal, warehouse_resource
from orchestration.settings import Settings
from orchestration.warehouse import Warehouse, writer_lock

LEADS = Contract("fct_leads", "One row per lead.", (Column("lead_id", "varchar", "Lead."),), ("lead_id",))
WARNINGS = Contract(
    "data_warnings",
    "One row per finding.",
    tuple(
        Column(name, "bigint" if name == "records" else "varchar", "Of the finding.")
        for name in ("code", "entity", "value", "records", "message")
    ),
    ("code", "entity", "value"),
)
TABLES = {**CONTRACTS, "fct_leads": LEADS, "data_warnings": WARNINGS}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = settings_in(tmp_path)
    (tmp_path / "in").mkdir()
    with writer_lock(settings, who="a test"), Warehouse(settings).connect() as con:
        con.execute(
            "create table marts.kpi_sales as select 'crm:T' || n as team_id, 0::bigint as generation, "
            "n::decimal(18,2) as amount, 0.5::double as win_ratio from range(1, 31) t(n); "
            "create table marts.dim_teams as select team_id, generation from marts.kpi_sales; "
            "create table marts.fct_leads as select 'crm:' || n as lead_id from range(1000) t(n); "
            "create table marts.data_warnings (code varchar, entity varchar, value varchar, records bigint, "
            "message varchar)"
        )
        run_record.prepare(con)
        now = datetime.now(UTC)
        run_record.begin(con, "run-1", now, now)
        run_record.record_build(con, run_id="run-1", passed=True, is_whole=True, checks=[])
    return settings


def change(settings: Settings, statement: str) -> None:
    with writer_lock(settings, who="a test"), Warehouse(settings).connect() as con:
        con.execute(statement)


def resources(settings: Settings, journal: Journal | None = None) -> dict[str, Any]:
    return {"warehouse": warehouse_resource(settings), "journal": journal or Journal()}


def run_release(settings: Settings, **config: str) -> tuple[dg.ExecuteInProcessResult, Journal]:
    journal = Journal()
    result = dg.materialize(
        [build_release_asset(settings, TABLES)],
        run_config={"ops": {"release": {"config": config}}} if config else None,
        resources=resources(settings, journal),
        raise_on_error=False,
    )
    return result, journal


def test_without_the_tables_publishing_says_what_to_do(settings: Settings) -> None:
    Warehouse(settings).marts_file.unlink()  # as after an upgrade, when they stood elsewhere
    result, journal = run_release(settings)
    assert not result.success
    assert journal.release is None
    [failure] = [event for event in result.all_events if event.is_step_failure]
    said = "Nothing was published: the tables to publish are not there; run the whole pipeline."
    assert said in str(failure.event_specific_data)


def test_what_disagrees_stands_in_the_check_of_its_table(settings: Settings) -> None:
    change(settings, "delete from marts.dim_teams where team_id < 'crm:T29'")
    definitions = dg.Definitions(
        asset_checks=[build_contract_checks(settings, CONTRACTS)],
        jobs=[dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())],
        resources=resources(settings),
    )
    result = definitions.resolve_job_def("checks").execute_in_process(raise_on_error=False)
    assert not result.success
    evaluations = {check.asset_key.path[-1]: check for check in result.get_asset_check_evaluations()}
    assert evaluations["dim_teams"].passed
    check = evaluations["kpi_sales"]
    assert not check.passed
    [record] = check.metadata["failing rules"].records  # type: ignore[union-attr]
    shown = record.data
    assert (shown["rule"], shown["column"], shown["severity"]) == ("reconciles.team_id_is_known", "", "error")
    assert (shown["failing rows"], shown["total rows"]) == (21, 30)
    assert str(shown["first keys"]).count("team_id=") == 20
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert str(settings.paths.published / "rejects") in str(failure.event_specific_data)


def test_the_check_names_the_column_that_fails(settings: Settings) -> None:
    change(settings, "update marts.kpi_sales set win_ratio = 2 where team_id = 'crm:T1'")
    definitions = dg.Definitions(
        asset_checks=[build_contract_checks(settings, CONTRACTS)],
        jobs=[dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())],
        resources=resources(settings),
    )
    result = definitions.resolve_job_def("checks").execute_in_process(raise_on_error=False)
    [check] = [found for found in result.get_asset_check_evaluations() if not found.passed]
    [record] = check.metadata["failing rules"].records  # type: ignore[union-attr]
    assert dict(record.data) == {
        "rule": "win_ratio.maximum",
        "column": "win_ratio",
        "severity": "error",
        "failing rows": 1,
        "total rows": 30,
        "first keys": "team_id=crm:T1",
    }


@pytest.mark.parametrize("same_process", [True, False])
def test_of_a_table_changed_in_place_the_rows_that_stayed_are_not_looked_at_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, same_process: bool
) -> None:
    monkeypatch.setattr(content, "_passed", OrderedDict())
    change(
        settings,
        "update marts.kpi_sales set win_ratio = 2 where team_id = 'crm:T1'; "
        "create schema changes; create table changes.kpi_sales as "
        "from marts.kpi_sales where team_id in ('crm:T29', 'crm:T30'); "
        "create table changes.kpi_sales__before as from changes.kpi_sales; "
        "insert into zeven.patched values ('kpi_sales')",
    )
    definitions = dg.Definitions(
        asset_checks=[build_contract_checks(settings, CONTRACTS)],
        jobs=[dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())],
        resources=resources(settings),
    )
    result = definitions.resolve_job_def("checks").execute_in_process(raise_on_error=False)
    assert all(found.passed for found in result.get_asset_check_evaluations())
    if not same_process:
        content._passed.clear()
    released, journal = run_release(settings)
    assert released.success is same_process
    if journal.release is None:
        [failure] = [event for event in released.all_events if event.is_step_failure]
        assert "kpi_sales.win_ratio: rule 'maximum 1' fails in 1 of 30 rows" in str(
            failure.event_specific_data
        )
    else:
        checks = read_manifest(journal.release.folder)["checks"]
        [told] = [check["message"] for check in checks if check["rule"] == "win_ratio.maximum"]
        assert told == "kpi_sales.win_ratio: rule 'maximum 1' holds in 2 changed of 30 rows."


def test_a_run_accepts_by_its_config(settings: Settings) -> None:
    first, _ = run_release(settings)
    assert first.success
    change(settings, "delete from marts.fct_leads where lead_id > 'crm:5'")
    refused, journal = run_release(settings)
    assert not refused.success
    assert journal.release is None
    [failure] = [event for event in refused.all_events if event.is_step_failure]
    assert "fct_leads: the rows of source" in str(failure.event_specific_data)

    accepted, journal = run_release(settings, accept="the old CRM was closed")
    assert accepted.success
    assert journal.release is not None
    kept = read_manifest(journal.release.folder)["sanity"]["accepted"]
    assert kept["reason"] == "the old CRM was closed"
    assert [warning["kind"] for warning in journal.warnings] == ["sanity"], "the terminal shows them"
    [made] = accepted.asset_materializations_for_node("release")
    [record] = made.metadata["checks that warn"].records  # type: ignore[union-attr]
    assert record.data["kind"] == "sanity"
    assert "the old CRM was closed" in record.data["warning"]
