"""A run from the command line: what Dagster knows of it afterwards, and what stops it."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from orchestration import run_record
from orchestration.checks.contracts import load_contracts
from orchestration.definitions import build_defs
from orchestration.errors import BusyError, GateError, SourceError
from orchestration.instance import open_instance
from orchestration.progress import Event, reporting_to
from orchestration.publish.catalogue import current, open_release
from orchestration.publish.release import MODELS_DIR
from orchestration.run import RunResult, run_pipeline
from orchestration.schedules import JOB
from orchestration.settings import Settings, load_settings
from orchestration.transform.dbt_command import DbtCommand, dbt_folder, stop_running
from orchestration.warehouse import Warehouse, holder, writer_lock

pytestmark = pytest.mark.xdist_group("dagster_run")

LEADS = """lead_id,created_at,owner_id,source,status
L1,2026-03-02T09:00:00Z,R1,web,new
L2,2026-03-03T10:00:00Z,R1,fair,converted
L3,2026-03-28T22:30:00Z,,web,disqualified
"""
OPPORTUNITIES = """opportunity_id,created_at,stage,lead_id,owner_id,amount,probability,closed_on,is_won
O1,2026-03-04,Closed Won,L2,R1,1000.00,1,2026-03-20,true
O2,2026-03-10,Proposal,,R1,500.00,0.4,,
"""


@dataclass(frozen=True)
class Ran:
    settings: Settings
    result: RunResult
    events: tuple[Event, ...]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """A company of a few records, run once."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "exports").mkdir()
    (folder / "exports" / "leads.csv").write_text(LEADS)
    (folder / "exports" / "opportunities.csv").write_text(OPPORTUNITIES)
    file = folder / "zeven.toml"
    file.write_text(
        '[company]\nname = "Small"\n[run]\nas_of = "2026-03-31"\n'
        '[sources.crm]\nkind = "files"\nfolder = "exports"\n'
    )
    settings = load_settings(file)
    events: list[Event] = []
    with pytest.MonkeyPatch.context() as patch, reporting_to(events.append):
        patch.delenv("DAGSTER_HOME", raising=False)
        yield Ran(settings, run_pipeline(settings), tuple(events))


def test_the_run_published_a_release(ran: Ran) -> None:
    assert not ran.result.nothing_new
    assert ran.result.as_of.isoformat() == "2026-03-31T21:59:59+00:00"
    served = current(ran.settings)
    assert served is not None
    assert served.release_id == ran.result.release.release_id
    assert served.as_of == ran.result.as_of
    assert served.tables["fct_leads"] == 3
    loaded = {load.table: load.rows_loaded for load in ran.result.loads}
    assert (loaded["leads"], loaded["opportunities"], loaded["teams"]) == (3, 2, 0)


def test_dagster_shows_the_run_like_any_other(ran: Ran) -> None:
    with open_instance(ran.settings) as instance:
        [run] = instance.get_runs()
        assert run.run_id == ran.result.run_id
        assert run.status == dg.DagsterRunStatus.SUCCESS
        assert run.job_name == JOB
        assert run.tags["zeven/launched_by"] == "the command line"
        assert run.remote_job_origin is not None
        assert run.remote_job_origin.repository_origin.get_label() == "__repository__@zeven"


def test_every_asset_was_materialized_and_every_check_passed(ran: Ran) -> None:
    graph = build_defs(ran.settings).resolve_asset_graph()
    with open_instance(ran.settings) as instance:
        made = instance.get_latest_materialization_events(graph.materializable_asset_keys)
        assert [key for key, event in made.items() if event is None] == []
        checks = instance.event_log_storage.get_latest_asset_check_execution_by_key(
            list(graph.asset_check_keys)
        )
    assert set(checks) == set(graph.asset_check_keys)
    assert {record.status.value for record in checks.values()} == {"SUCCEEDED"}


def test_tables_show_their_rows(ran: Ran) -> None:
    keys = [dg.AssetKey(["raw_files", "leads"]), dg.AssetKey(["marts", "fct_leads"])]
    with open_instance(ran.settings) as instance:
        for event in instance.get_latest_materialization_events(keys).values():
            assert event is not None
            assert event.asset_materialization is not None
            assert event.asset_materialization.metadata["dagster/row_count"].value == 3


def test_progress_tells_of_every_raw_table_and_model(ran: Ran) -> None:
    done = {(event.stage, event.name): event for event in ran.events if event.status == "done"}
    assert done["ingest", "crm.leads"].rows == 3
    assert done["transform", "fct_leads"].rows == 3
    assert done["transform", "fct_leads"].seconds is not None
    assert ("check", "data tests") in done
    assert ("publish", ran.result.release.release_id) in done
    assert not [event for event in ran.events if event.status == "failed"]


def test_a_released_table_lies_in_the_order_of_its_key(ran: Ran) -> None:
    """What readers narrow by first, so that equal content gives equal files."""
    first = ["breakdown", "level", "team_id", "rep_id"]
    models = load_contracts(MODELS_DIR)
    del models["metric_catalog"]  # a seed, in the order of its file
    with open_release(ran.settings) as con:
        for name, contract in models.items():
            if name.startswith("kpi_") and name != "kpi_signals" and "breakdown" in contract.key:
                continue  # by the numbers behind its key
            key = sorted(contract.key, key=lambda name: first.index(name) if name in first else len(first))
            lies, sorted_rows = (
                con.execute(f"select {', '.join(contract.key)} from {name} {order}").fetchall()
                for order in ("", f"order by {', '.join(key)}")
            )
            assert lies == sorted_rows, name


@pytest.mark.parametrize("table", ["kpi_number_of_leads", "kpi_closed_sales"])
def test_what_readers_narrow_by_lies_together(ran: Ran, table: str) -> None:
    """A kpi table is sorted by numbers; a member's rows of a breakdown lie in one place, in time's order."""
    lengths = ("week", "month", "quarter", "year")
    with open_release(ran.settings) as con:
        rows = con.execute(
            "select breakdown, level, team_id, rep_id, period_type, period_start, breakdown_value "
            f"from {table}"
        ).fetchall()
    runs = [[*run] for _, run in itertools.groupby(rows, key=lambda row: row[:4])]
    assert len(runs) == len({row[:4] for row in rows})
    for run in runs:
        assert run == sorted(run, key=lambda row: (lengths.index(row[4]), *row[5:]))


def test_the_lock_is_free_and_the_warehouse_closed_afterwards(ran: Ran) -> None:
    assert holder(ran.settings) is None
    with Warehouse(ran.settings, wait_seconds=0).connect() as con:
        [(passed, is_whole, checks)] = con.execute(
            "select passed, is_whole, checks from zeven.build_result"
        ).fetchall()
    assert (passed, is_whole) == (True, True)
    assert {check["status"] for check in json.loads(checks)} <= {"pass", "warn"}


def test_a_second_run_finds_nothing_new_and_starts_nothing(ran: Ran) -> None:
    again = run_pipeline(ran.settings)
    assert again.nothing_new
    assert again.run_id is None
    assert again.release.release_id == ran.result.release.release_id
    with open_instance(ran.settings) as instance:
        assert len(instance.get_runs()) == 1


def test_a_run_that_will_not_wait_is_refused_before_it_starts(ran: Ran) -> None:
    """Who waits, and how long, is in test_lock.py."""
    import subprocess
    import sys

    hold = (
        "import sys, time; from pathlib import Path; from orchestration.settings import load_settings; "
        "from orchestration.warehouse import writer_lock\n"
        "with writer_lock(load_settings(Path(sys.argv[1])), who='the schedule', run_id='1234567890'):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", hold, str(ran.settings.file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        try:
            with pytest.raises(BusyError, match=r"Run 12345678, started by the schedule \(process \d+\)"):
                run_pipeline(ran.settings, wait_seconds=0)
        finally:
            other.kill()
    with open_instance(ran.settings) as instance:
        assert len(instance.get_runs()) == 1


def test_the_release_alone_is_refused_when_the_models_are_of_another_instant(ran: Ran) -> None:
    """Selecting less in the UI must not get around the gate: a new `zeven/run`, the old marts."""
    job = build_defs(ran.settings).resolve_job_def(JOB)
    with Warehouse(ran.settings).connect() as con:
        before = con.execute("select * from zeven.build_result").fetchall()
    with open_instance(ran.settings) as instance:
        job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey(["zeven", "run"])])
        with pytest.raises(dg.Failure, match="the models were never built"):
            job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("release")])
    served = current(ran.settings)
    assert served is not None
    assert served.release_id == ran.result.release.release_id
    with Warehouse(ran.settings).connect() as con:
        con.executemany("insert into zeven.build_result values (?, ?, ?, ?, ?, ?)", before)


def test_a_part_of_the_models_is_built_and_is_no_whole_build(ran: Ran) -> None:
    job = build_defs(ran.settings).resolve_job_def(JOB)
    selection = [dg.AssetKey(["marts", "dim_teams"]), dg.AssetKey(["seeds", "holidays"])]
    with open_instance(ran.settings) as instance:
        result = job.execute_in_process(instance=instance, asset_selection=selection)
        made = {event.asset_key for event in result.get_asset_materialization_events()}
        assert made == set(selection)
        with pytest.raises(dg.Failure, match="made a part of the models only"):
            job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("release")])


def test_a_failing_test_stops_the_run_with_a_sentence(ran: Ran) -> None:
    """A probability of 40 where 0 to 1 is meant: the release before serves, the next run tries again."""
    file = ran.settings.sources["crm"].folder / "opportunities-2.csv"
    file.write_text(OPPORTUNITIES.replace("O2,", "O3,").replace("0.4", "40"))
    with Warehouse(ran.settings).connect() as con:
        con.execute("create table marts.of_an_earlier_build as select 1 as one")
    events: list[Event] = []
    try:
        with pytest.raises(GateError) as failed, reporting_to(events.append):
            run_pipeline(ran.settings)
    finally:
        file.unlink()
    message = str(failed.value)
    assert message.startswith("Nothing was published")
    assert "is_between of stg_files__opportunities.probability: 1 row fails" in message
    assert "models/staging/files/_files__models.yml" in message
    assert "Traceback" not in message
    served = current(ran.settings)
    assert served is not None
    assert served.release_id == ran.result.release.release_id
    assert [event.stage for event in events if event.status == "failed"] == ["check"]
    note = json.loads((ran.settings.paths.published / "last_failure.json").read_text())
    assert note["message"] == message
    with open_instance(ran.settings) as instance:
        assert instance.get_runs(limit=1)[0].status == dg.DagsterRunStatus.FAILURE
    with Warehouse(ran.settings).connect(read_only=True) as con:
        assert run_record.last_released(con) is None, "the next run would find nothing new"
        kept = con.execute(
            "select 1 from duckdb_tables() where table_name = 'of_an_earlier_build'"
        ).fetchall()
    assert not kept, "a whole build starts with a file of its own"


def test_a_refused_source_is_told_as_it_is(ran: Ran, tmp_path: Path) -> None:
    file = tmp_path / "zeven.toml"
    file.write_text('[company]\nname = "T"\n[sources.crm]\nkind = "files"\nfolder = "nowhere"\n')
    with pytest.raises(SourceError, match="nowhere"):
        run_pipeline(load_settings(file))


@pytest.mark.parametrize("how", ["closed", "forgotten"])
def test_leaving_dbt_early_stops_it_and_closes_the_warehouse(ran: Ran, how: str) -> None:
    """Forgotten: a traceback still holds the generator, as it does when Ctrl-C meets Dagster in between."""
    command = DbtCommand(ran.settings, "build", target=dbt_folder(ran.settings) / "build")
    with writer_lock(ran.settings, who="a test"):
        events = command.events()
        assert any(event.finished for event in events)
        assert "dbt" in {thread.name for thread in threading.enumerate()}
        if how == "closed":
            events.close()  # type: ignore[attr-defined]
        else:
            stop_running()
        assert "dbt" not in {thread.name for thread in threading.enumerate()}
        assert not command.succeeded
        with Warehouse(ran.settings, wait_seconds=0).connect() as con:
            assert con.execute("select 1").fetchall() == [(1,)]


def test_an_interrupt_before_the_first_step_leaves_a_canceled_run(
    ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dagster._core.execution.api.execute_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(ran.settings, force=True)
    with open_instance(ran.settings) as instance:
        newest, *_ = instance.get_runs(limit=1)
        assert newest.status is dg.DagsterRunStatus.CANCELED
    assert holder(ran.settings) is None
