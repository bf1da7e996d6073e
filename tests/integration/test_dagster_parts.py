"""The parts of a run, without a run: what dbt is told, what a failure says, when to start, who was killed."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance

from orchestration import made_from as basis
from orchestration import run_record
from orchestration.errors import SettingsError, SourceError
from orchestration.instance import dagster_home, open_instance
from orchestration.resources import PROCESS, fail_abandoned_runs, launched_by, this_process, user_errors
from orchestration.schedules import build_job, build_sensor
from orchestration.settings import Settings, load_settings
from orchestration.transform import translator
from orchestration.transform.dbt_vars import dbt_vars
from orchestration.transform.failures import NodeFailure, sentences, summary
from orchestration.transform.translator import layer_of
from orchestration.transform.wording import demand_of
from orchestration.warehouse import COMMAND_LINE, DAGSTER_UI, SCHEDULE, SENSOR, Warehouse, writer_lock

LEAD = "lead_id,created_at\nL1,2026-03-02T09:00:00Z\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "exports").mkdir()
    return settings_of(tmp_path)


def settings_of(folder: Path, more: str = "") -> Settings:
    file = folder / "zeven.toml"
    source = '[sources.crm]\nkind = "files"\nfolder = "exports"\n'
    file.write_text(f'[company]\nname = "Test"\ncurrency = "USD"\n{more}{source}')
    return load_settings(file)


# --- what dbt is told


def test_dbt_is_told_the_settings_in_plain_values(tmp_path: Path) -> None:
    told = dbt_vars(
        settings_of(
            tmp_path,
            'fiscal_year_start_month = 4\n[business_hours]\nmonday = "08:30-24:00"\ntuesday = "closed"\n'
            '[leads]\ncapacity_per_rep = 7\n[[leads.exclude]]\nreason = "it\'s a test"\n'
            'condition = "source = \'x\'"\n[response]\nexclude_sources = ["list"]\n'
            "[pipeline]\nstale_after_days = 9\n",
        )
    )
    assert told["currency"] == "USD"
    assert told["time_zone"] == "Europe/Amsterdam"
    assert told["fiscal_year_start_month"] == 4
    assert told["capacity_per_rep"] == 7
    assert told["stale_after_days"] == 9
    assert told["response_exclude_sources"] == ["list"]
    assert told["lead_exclusions"] == [{"reason": "it's a test", "condition": "source = 'x'"}]
    assert told["business_hours"][0] == {"iso_weekday": 1, "opens": "08:30", "closes": "24:00"}
    assert [hours["iso_weekday"] for hours in told["business_hours"]] == [1, 3, 4, 5]


def test_every_var_that_dbt_is_told_has_a_default_in_the_project(settings: Settings) -> None:
    import yaml

    from orchestration.settings import DBT_PROJECT_DIR

    declared = yaml.safe_load((DBT_PROJECT_DIR / "dbt_project.yml").read_text())["vars"]
    assert set(dbt_vars(settings)) | {"crms"} == set(declared)


# --- what a failure says

NODES: dict[str, Any] = {
    "test.z.unique_t_id.1": {
        "resource_type": "test",
        "name": "unique_t_id",
        "package_name": "z",
        "original_file_path": "../models/staging/_t.yml",
        "path": "unique_t_id.sql",
        "description": "Two rows\n  share an id.",
        "test_metadata": {"name": "unique"},
        "attached_node": "model.z.t",
        "column_name": "id",
    },
    "test.z.sums": {
        "resource_type": "test",
        "name": "sums",
        "package_name": "z",
        "original_file_path": "../tests/dbt/sums.sql",
        "path": "sums.sql",
    },
    "model.z.t": {
        "resource_type": "model",
        "name": "t",
        "package_name": "z",
        "original_file_path": "../models/marts/t.sql",
    },
}


def test_each_kind_of_failure_has_its_sentence() -> None:
    failures = [
        NodeFailure("test.z.unique_t_id.1", 1234, "Got 1234 results"),
        NodeFailure("test.z.sums", 1, "Got 1 result"),
        NodeFailure(
            "model.z.t", None, "Runtime Error in model t (..)\n  Binder Error: no column x\n  LINE 1"
        ),
    ]
    generic, singular, model = sentences(failures, {"nodes": NODES}, Path("/w/target"))
    assert generic == (
        "test unique of t.id: 1,234 rows fail (Two rows share an id); see models/staging/_t.yml, and for the "
        "rows run /w/target/compiled/models/staging/_t.yml/unique_t_id.sql."
    )
    assert singular == (
        "test sums: 1 row fails; see tests/dbt/sums.sql, and for the rows run "
        "/w/target/compiled/tests/dbt/sums.sql."
    )
    assert model == "model t could not be built: Binder Error: no column x; see models/marts/t.sql."


def test_a_test_without_description_says_what_it_demands() -> None:
    def generic(name: str, **kwargs: Any) -> dict[str, Any]:
        return {"test_metadata": {"name": name, "kwargs": kwargs}, "column_name": kwargs.get("column_name")}

    assert demand_of(generic("not_null", column_name="id")) == "id is never empty."
    assert demand_of(generic("is_between", column_name="p", minimum=0)) == "p lies within 0 and anything."
    assert demand_of(generic("is_unique_on", columns=["a", "b"], model="m")) == "No two rows share a, b."
    assert demand_of(generic("adds_up", other="{{ ref('x') }}")) == "Generic test adds_up (other: x)."
    singular = {"raw_code": "-- Detects holes.\n-- A row is one.\nselect 1 -- not this\n"}
    assert demand_of(singular) == "Detects holes. A row is one."
    assert demand_of({"raw_code": "select 1"}) == ""


def test_check_names_are_short_and_unique_within_a_model() -> None:
    def generic(node: str, name: str, column: str | None = None) -> dict[str, Any]:
        metadata = {"name": name, "kwargs": {}}
        return {
            "resource_type": "test",
            "name": f"{name}_{node}_and_all_arguments",
            "test_metadata": metadata,
            "attached_node": node,
            "column_name": column,
        }

    nodes = {
        "test.1": generic("model.a", "unique", "id"),
        "test.2": generic("model.a", "adds_up"),
        "test.3": generic("model.a", "adds_up"),
        "test.4": generic("model.b", "adds_up"),
        "test.5": {"resource_type": "test", "name": "no_holes"},
        "model.a": {"resource_type": "model", "name": "a"},
    }
    names = translator.check_names({"nodes": nodes})
    assert list(names.values()) == ["unique_id", "adds_up", "adds_up_2", "adds_up", "no_holes"]


def test_many_failures_are_counted_and_ten_are_shown() -> None:
    told = summary([f"test {number}." for number in range(12)])
    assert told.splitlines()[0].endswith("12 checks or models failed.")
    assert told.splitlines()[-1].strip() == "- and 2 more"
    assert len(told.splitlines()) == 12


# --- where a test and a model belong


def model(name: str, *folders: str) -> dict[str, Any]:
    return {"resource_type": "model", "name": name, "fqn": ["z", *folders, name]}


def test_a_layer_is_the_folder() -> None:
    assert layer_of(model("stg", "staging", "files")) == "staging"
    assert layer_of(model("int", "intermediate")) == "intermediate"
    assert layer_of(model("fct", "marts", "core")) == "core"
    assert layer_of(model("kpi", "marts", "kpis")) == "kpis"
    assert layer_of({"resource_type": "seed", "fqn": ["z", "holidays"]}) == "seeds"


def test_a_test_of_several_models_belongs_to_the_one_furthest_down() -> None:
    nodes = {
        "model.z.kpi_a": model("kpi_a", "marts", "kpis"),
        "model.z.fct_b": model("fct_b", "marts", "core"),
        "model.z.stg_c": model("stg_c", "staging"),
    }
    test: dict[str, Any] = {"depends_on": {"nodes": [*sorted(nodes), "source.z.raw.x"]}, "config": {}}
    assert translator.tested_node(test, {"nodes": nodes}) == "model.z.kpi_a"
    named = test | {"config": {"meta": {"dagster": {"ref": {"name": "fct_b"}}}}}
    assert translator.tested_node(named, {"nodes": nodes}) == "model.z.fct_b"
    assert (
        translator.tested_node(test | {"attached_node": "model.z.stg_c"}, {"nodes": nodes}) == "model.z.stg_c"
    )
    assert (
        translator.tested_node(test | {"depends_on": {"nodes": ["source.z.raw.x"]}}, {"nodes": nodes}) is None
    )


# --- what is new


def test_the_basis_of_a_release_changes_with_settings_code_and_contracts(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "model.sql").write_text("select 1")
    monkeypatch.setattr(basis, "_CODE", (code,))
    monkeypatch.setattr(basis, "PROJECT_ROOT", tmp_path)
    before = basis.made_from(settings, {})
    assert basis.made_from(settings, {}) == before
    (code / "notes.txt").write_text("no code")
    assert basis.made_from(settings, {}) == before
    (code / "model.sql").write_text("select 2")
    changed = basis.made_from(settings, {})
    assert changed != before
    assert basis.made_from(settings_of(tmp_path, "fiscal_year_start_month = 2\n"), {}) != changed


def test_the_code_version_is_the_commit_or_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(basis, "PROJECT_ROOT", tmp_path)  # no repository of its own
    assert basis.code_version() == basis.version("zeven")


def test_what_the_warehouse_knows_of_its_runs(settings: Settings) -> None:
    as_of = datetime(2026, 3, 31, 22, 0, tzinfo=UTC)
    with Warehouse(settings).connect() as con:
        assert run_record.last_released(con) is None
        run_record.prepare(con)
        assert run_record.as_of_now(con) is None
        run_record.begin(con, "run-1", as_of, as_of)
        run_record.record_build(con, run_id="run-1", passed=True, is_whole=True, checks=[])
        run_record.record_release(con, "release-1", as_of, "basis")
        assert run_record.as_of_now(con) == as_of
        assert run_record.last_released(con) == run_record.Released("release-1", as_of, "basis")
        run_record.begin(con, "run-2", as_of, as_of)
        assert con.execute("select count(*) from zeven.build_result").fetchall() == [(0,)]
        assert run_record.last_released(con) is None
        assert con.execute("select run_id from zeven.run").fetchall() == [("run-2",)]


# --- runs and their errors


def test_a_user_error_fails_the_step_with_its_sentence_and_is_not_tried_again() -> None:
    tries: list[int] = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=3))
    def read() -> None:
        tries.append(1)
        with user_errors():
            raise SourceError("leads.csv: is no CSV.")

    @dg.job
    def once() -> None:
        read()

    result = once.execute_in_process(raise_on_error=False)
    assert len(tries) == 1
    failure = result.failure_data_for_node("read")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert failure.user_failure_data.description == "leads.csv: is no CSV."


@pytest.mark.parametrize(
    ("tags", "who"),
    [
        ({"zeven/launched_by": COMMAND_LINE}, COMMAND_LINE),
        ({"dagster/schedule_name": "daily"}, SCHEDULE),
        ({"dagster/sensor_name": "new_export_files"}, SENSOR),
        ({}, DAGSTER_UI),
    ],
)
def test_who_started_a_run_follows_from_its_tags(tags: dict[str, str], who: str) -> None:
    assert launched_by(dg.DagsterRun("job", run_id="1", tags=tags)) == who


def test_a_run_whose_process_was_killed_is_marked_as_failed() -> None:
    @dg.job
    def nothing() -> None: ...

    pid, start = this_process().split(":")
    with DagsterInstance.ephemeral() as instance:

        def started(**tags: str) -> str:
            status = dg.DagsterRunStatus.STARTED
            return instance.create_run_for_job(nothing, status=status, tags=tags).run_id

        killed = started(**{PROCESS: f"{pid}:{int(start) - 1}"})  # the pid was given again since
        alive = started(**{PROCESS: this_process()})
        elsewhere = started()
        fail_abandoned_runs(instance, own_run_id="another")
        states = {run.run_id: run.status for run in instance.get_runs()}
    assert states[killed] == dg.DagsterRunStatus.FAILURE
    assert states[alive] == states[elsewhere] == dg.DagsterRunStatus.STARTED


# --- Dagster's home


def test_the_home_is_private_silent_and_made_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    home = dagster_home(settings)
    assert home == settings.paths.warehouse / "dagster"
    assert home.stat().st_mode & 0o077 == 0
    config = home / "dagster.yaml"
    config.write_text(config.read_text() + "# mine\n")
    assert dagster_home(settings) == home
    assert config.read_text().endswith("# mine\n")
    with open_instance(settings) as instance:
        assert not instance.telemetry_enabled


def test_the_second_company_takes_the_empty_databases_of_the_first(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.instance.KEPT", tmp_path / "kept")

    def home_of(company: str) -> tuple[dict[str, bytes], list[Any]]:
        monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / company))
        home = dagster_home(settings)
        files = {str(file.relative_to(home)): file.read_bytes() for file in home.rglob("*.db")}
        with open_instance(settings) as instance:
            assert not instance.get_runs()
            instance.add_run(dg.DagsterRun("zeven"))
            return files, [instance.run_storage.alembic_version(), instance.run_storage.get_run_storage_id()]

    first, (revision, its_id) = home_of("first")
    second, (revision_too, own_id) = home_of("second")
    assert sorted(first) == ["history/runs.db", "history/runs/index.db", "schedules/schedules.db"]
    assert second == first
    assert revision == revision_too
    assert its_id != own_id
    [kept] = (tmp_path / "kept").iterdir()
    assert kept.name == f"dagster-{dg.__version__}"


def test_where_nothing_can_be_kept_each_company_makes_its_own(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("orchestration.instance.KEPT", tmp_path / "file" / "kept")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    assert (dagster_home(settings) / "history" / "runs.db").exists()


def test_the_home_of_the_environment_wins(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "elsewhere"))
    assert dagster_home(settings) == tmp_path / "elsewhere"
    monkeypatch.setenv("DAGSTER_HOME", "relative")
    with pytest.raises(SettingsError, match="DAGSTER_HOME: 'relative' is no absolute path"):
        dagster_home(settings)


def test_two_first_starts_at_once_make_one_home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess
    import sys

    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    code = (
        "import sys; from pathlib import Path; from orchestration.settings import load_settings; "
        "from orchestration.instance import open_instance\n"
        "with open_instance(load_settings(Path(sys.argv[1]))) as instance: print(instance.get_runs_count())"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(settings.file)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0].strip() for process in both] == ["0", "0"]


# --- the sensor


@pytest.fixture
def sensor(settings: Settings) -> dg.SensorDefinition:
    return build_sensor(settings, build_job())


def look(sensor: dg.SensorDefinition) -> Any:
    return sensor(dg.build_sensor_context())


def test_the_sensor_starts_a_run_for_new_files_once(settings: Settings, sensor: dg.SensorDefinition) -> None:
    file = settings.sources["crm"].folder / "leads.csv"
    file.write_text(LEAD)
    first = look(sensor)
    assert isinstance(first, dg.RunRequest)
    assert first.tags["zeven/new_files"] == "leads.csv"
    assert look(sensor).run_key == first.run_key
    file.write_text(LEAD.replace("L1", "L22"))
    assert look(sensor).run_key != first.run_key
    assert not settings.paths.warehouse.exists(), "looking must not make a warehouse"


def test_the_sensor_says_why_it_does_nothing(settings: Settings, sensor: dg.SensorDefinition) -> None:
    empty = look(sensor)
    assert isinstance(empty, dg.SkipReason)
    assert "exports" in str(empty.skip_message)
    (settings.sources["crm"].folder / "leads.csv").write_text(LEAD)
    with writer_lock(settings, who=COMMAND_LINE, run_id="abcdefgh9"):
        busy = look(sensor)
    assert isinstance(busy, dg.SkipReason)
    assert str(busy.skip_message).startswith(
        f"run abcdefgh, started by the command line (process {os.getpid()})"
    )


def test_the_sensor_skips_what_is_loaded(settings: Settings, sensor: dg.SensorDefinition) -> None:
    from orchestration.ingest import files

    (settings.sources["crm"].folder / "leads.csv").write_text(LEAD)
    with Warehouse(settings).connect() as con:
        files.prepare(con)
        files.load_table(con, settings, "crm", "leads", datetime.now(UTC))
    done = look(sensor)
    assert isinstance(done, dg.SkipReason)
    assert done.skip_message == "Every export file is loaded."
