"""The definitions are complete and tidy, and importing them reads nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from orchestration.checks.contracts import load_contracts
from orchestration.checks.reconciliation import load_reconciliations
from orchestration.definitions import build_defs
from orchestration.errors import SettingsError
from orchestration.ingest.export_format import TABLES
from orchestration.publish.release import MODELS_DIR
from orchestration.schedules import JOB
from orchestration.settings import PROJECT_ROOT, Settings, load_settings
from orchestration.transform.assets import ASKED_BY_PUBLISHING
from orchestration.transform.manifest import parsed_project

pytestmark = pytest.mark.xdist_group("definitions")

GROUPS = {"ingest", "seeds", "staging", "intermediate", "core", "kpis", "judgement", "release"}

IMPORT_ALONE = """
import builtins, io, json, os, sys
import dagster, dagster_dbt, duckdb  # what they read is theirs
touched = []
def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and not arguments[0].endswith((".py", ".pyc")):
        touched.append(arguments[0])
    if event in ("subprocess.Popen", "sqlite3.connect", "os.mkdir"):
        touched.append(f"{event} {arguments[0]}")
sys.addaudithook(watch)
import orchestration.definitions
print(json.dumps([name for name in touched if "__pycache__" not in name]))
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("definitions")
    file = folder / "zeven.toml"
    file.write_text(
        '[company]\nname = "Test"\ntime_zone = "Europe/Lisbon"\n[run]\nschedule = "30 6 * * 1-5"\n'
        '[release]\nmax_age_hours = 50\n[sources.crm]\nkind = "files"\nfolder = "exports"\n'
    )
    return load_settings(file)


@pytest.fixture(scope="module")
def definitions(settings: Settings) -> dg.Definitions:
    return build_defs(settings)


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> list[dg.AssetSpec]:
    keys = definitions.resolve_asset_graph().materializable_asset_keys
    return [spec for spec in definitions.resolve_all_asset_specs() if spec.key in keys]


def test_importing_the_definitions_touches_neither_disk_nor_process() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IMPORT_ALONE], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []


def test_every_asset_is_told_owned_and_drawn(specs: list[dg.AssetSpec]) -> None:
    for spec in specs:
        name = spec.key.to_user_string()
        assert (spec.description or "").strip(), f"{name} has no description"
        assert spec.owners == ["team:data-engineering"], name
        assert spec.kinds, f"{name} has no kind"
        assert spec.group_name in GROUPS, f"{name} is in group {spec.group_name}"
        assert "dagster/code_references" in spec.metadata, f"{name} has no code link"


def test_code_links_lead_to_files(specs: list[dg.AssetSpec]) -> None:
    for spec in specs:
        for reference in spec.metadata["dagster/code_references"].code_references:
            file = Path(reference.file_path)
            assert file.is_file(), spec.key
            assert PROJECT_ROOT in file.parents, spec.key


def test_groups_are_the_layers(specs: list[dg.AssetSpec]) -> None:
    group_of = {spec.key.to_user_string(): spec.group_name for spec in specs}
    assert group_of["raw_files/leads"] == group_of["zeven/run"] == "ingest"
    assert group_of["staging/stg_files__leads"] == "staging"
    assert group_of["intermediate/int_leads_counted"] == "intermediate"
    assert group_of["marts/fct_leads"] == "core"
    assert group_of["marts/kpi_number_of_leads"] == "kpis"
    assert group_of["release"] == "release"
    assert set(group_of.values()) == GROUPS


def test_every_table_of_the_format_is_an_asset_that_staging_reads(specs: list[dg.AssetSpec]) -> None:
    keys = {spec.key for spec in specs}
    assert {dg.AssetKey(["raw_files", table]) for table in TABLES} <= keys
    [leads] = [spec for spec in specs if spec.key == dg.AssetKey(["staging", "stg_files__leads"])]
    assert dg.AssetKey(["raw_files", "leads"]) in {dependency.asset_key for dependency in leads.deps}


def test_no_asset_depends_on_something_that_is_no_asset(specs: list[dg.AssetSpec]) -> None:
    keys = {spec.key for spec in specs}
    missing = {dependency.asset_key for spec in specs for dependency in spec.deps} - keys
    assert not missing, f"sources without an asset: {missing}"


def test_every_published_table_has_a_blocking_contract_before_the_release(
    definitions: dg.Definitions, specs: list[dg.AssetSpec]
) -> None:
    tables = {dg.AssetKey(["marts", table]) for table in load_contracts(MODELS_DIR)}
    graph = definitions.resolve_asset_graph()
    contracts = {key: graph.get(key) for key in graph.asset_check_keys if key.name == "contract"}
    assert {key.asset_key for key in contracts} == tables
    assert all(node.blocking for node in contracts.values())
    [release] = [spec for spec in specs if spec.key == dg.AssetKey("release")]
    assert {dependency.asset_key for dependency in release.deps} == tables


def test_every_dbt_test_of_a_run_is_a_check_of_exactly_one_asset(
    definitions: dg.Definitions, settings: Settings
) -> None:
    nodes = parsed_project(settings).manifest["nodes"]
    tests = {name for name, node in nodes.items() if node["resource_type"] == "test"}
    left_out = {name for name in tests if ASKED_BY_PUBLISHING in nodes[name]["tags"]}
    [dbt] = [
        asset
        for asset in definitions.assets or ()
        if getattr(asset, "op", None) and asset.op.name == "dbt_models"
    ]  # type: ignore[union-attr]
    shown = [spec.metadata["zeven/dbt_test"] for spec in dbt.check_specs]  # type: ignore[union-attr]
    assert sorted(shown) == sorted(tests - left_out)
    assert not [spec.name for spec in dbt.check_specs if not spec.description]  # type: ignore[union-attr]
    assert not [spec.name for spec in dbt.check_specs if len(spec.name) > 60]  # type: ignore[union-attr]


def test_what_a_run_does_not_ask_publishing_asks_of_the_same_tables(settings: Settings) -> None:
    nodes = parsed_project(settings).manifest["nodes"]
    contracts = load_contracts(MODELS_DIR)
    asked = [rule.reads for rule in load_reconciliations(MODELS_DIR, contracts)]
    left_out = {
        node["name"]: {nodes[name]["name"] for name in node["depends_on"]["nodes"]} & contracts.keys()
        for node in nodes.values()
        if ASKED_BY_PUBLISHING in node.get("tags", ())
    }
    assert len(left_out) >= 28
    assert not [name for name, tables in left_out.items() if not any(tables <= reads for reads in asked)]


def test_the_job_runs_everything(definitions: dg.Definitions, specs: list[dg.AssetSpec]) -> None:
    job = definitions.resolve_job_def(JOB)
    graph = definitions.resolve_asset_graph()
    assert job.asset_layer.executable_asset_keys == {spec.key for spec in specs}
    assert set(job.asset_layer.asset_graph.asset_check_keys) == set(graph.asset_check_keys)


def test_the_schedule_is_that_of_the_settings_in_company_time(definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def("daily")
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.cron_schedule == "30 6 * * 1-5"
    assert schedule.execution_timezone == "Europe/Lisbon"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule.job_name == JOB


def test_the_release_is_stale_when_the_settings_say_so(specs: list[dg.AssetSpec]) -> None:
    [release] = [spec for spec in specs if spec.key == dg.AssetKey("release")]
    assert isinstance(release.freshness_policy, dg.FreshnessPolicy)
    assert release.freshness_policy.fail_window.to_timedelta().total_seconds() == 50 * 3600  # type: ignore[attr-defined]


def test_a_schedule_that_is_no_cron_expression_is_refused_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "zeven.toml"
    file.write_text(
        '[company]\nname = "Test"\n[run]\nschedule = "every morning"\n'
        '[sources.crm]\nkind = "files"\nfolder = "exports"\n'
    )
    from orchestration.schedules import build_job, build_schedule

    with pytest.raises(SettingsError, match=r"run\.schedule: .*every morning"):
        build_schedule(load_settings(file), build_job())


def test_the_workspace_names_one_code_location() -> None:
    from dagster._core.workspace.load import location_origins_from_yaml_paths

    [origin] = location_origins_from_yaml_paths([str(PROJECT_ROOT / "workspace.yaml")])
    assert origin.location_name == "zeven"
    assert origin.loadable_target_origin.module_name == "orchestration.definitions"  # type: ignore[attr-defined]


def test_the_definitions_are_a_table_of_contents() -> None:
    lines = (PROJECT_ROOT / "orchestration" / "definitions.py").read_text().splitlines()
    assert len(lines) < 60
