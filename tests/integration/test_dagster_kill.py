"""Kill -9 at any stage: the next run succeeds, and the published tables are those of an undisturbed one."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest

from demo.render_export import make_export
from orchestration.instance import open_instance
from orchestration.publish.catalogue import current, damaged, open_release, releases
from orchestration.settings import Settings, load_settings
from orchestration.warehouse import holder

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("dagster_kill")]

RUN = """
import os, signal, sys
from pathlib import Path
from orchestration.progress import Event, reporting_to
from orchestration.run import run_pipeline
from orchestration.settings import load_settings
stage, name = sys.argv[2], sys.argv[3]
def kill(event: Event) -> None:
    if event.stage == stage and event.name == name:
        os.kill(os.getpid(), signal.SIGKILL)
with reporting_to(kill):
    run_pipeline(load_settings(Path(sys.argv[1])), force=True)
"""
MOMENTS = (
    ("ingest", "demo.teams"),
    ("ingest", "demo.opportunities"),
    ("transform", "stg_files__leads"),
    ("transform", "fct_leads"),
    ("check", "data tests"),
    ("check", "kpi_closed_sales"),
    ("publish", "dim_teams"),
    ("publish", "kpi_scorecard"),
)
TOLD_BY_THE_RUN = ("release_info", "restatements")
"""Tables that say which run made them, and what came before it."""


def settings_in(folder: Path, exports: Path) -> Settings:
    folder.mkdir()
    file = folder / "zeven.toml"
    file.write_text(
        '[company]\nname = "Killed"\n[run]\nas_of = "2026-02-11"\n'
        f'[sources.demo]\nkind = "files"\nfolder = "{exports}"\n'
    )
    return load_settings(file)


def run(settings: Settings, moment: tuple[str, str] = ("", "")) -> int:
    command = [sys.executable, "-W", "ignore", "-c", RUN, str(settings.file), *moment]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def content(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[object, ...]]]:
    tables = [row[0] for row in con.execute("select table_name from duckdb_tables() order by 1").fetchall()]
    return {
        table: con.execute(f'select * from "{table}" order by all').fetchall()
        for table in tables
        if table not in TOLD_BY_THE_RUN
    }


def test_a_killed_run_leaves_nothing_that_the_next_one_stumbles_over(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    make_export(exports, until=date(2026, 2, 11), scale=0.05)
    undisturbed, killed = settings_in(tmp_path / "calm", exports), settings_in(tmp_path / "killed", exports)
    assert run(undisturbed) == 0

    for moment in MOMENTS:
        assert run(killed, moment) == -signal.SIGKILL, moment
        assert holder(killed) is None
        assert current(killed) is None, "nothing may be served before a run has ended"
    assert run(killed) == 0

    with open_release(undisturbed) as expected, open_release(killed) as found:
        assert content(found) == content(expected)
    assert damaged(killed) == {}
    assert not list(killed.paths.published.glob(".candidate-*"))
    assert all(info.tables for info in releases(killed))
    with open_instance(killed) as instance:
        states = [entry.status.value for entry in instance.get_runs()]
    assert states == ["SUCCESS"] + ["FAILURE"] * len(MOMENTS), "a killed run must not look as if it still ran"
