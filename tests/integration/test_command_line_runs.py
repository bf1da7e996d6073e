"""Runs as a person starts them on the command line: alone, two at once, and refused at the gate."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from demo.render_export import make_export
from orchestration.publish.catalogue import current, damaged, open_release
from orchestration.settings import PROJECT_ROOT, Settings, load_settings

UNTIL = date(2026, 3, 10)
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("command_line")]


def company(folder: Path) -> Settings:
    """A small made-up company with the project's own settings, all in `folder`."""
    make_export(folder / "demo_data", until=UNTIL, seed=5, scale=0.05, years=1, clean=False)
    file = folder / "zeven.toml"
    file.write_text((PROJECT_ROOT / "zeven.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return load_settings(file)


def command(settings: Settings, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "--settings", str(settings.file), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
    )


def run(settings: Settings, *arguments: str, **environment: str) -> tuple[int, str]:
    process = command(settings, "run", "--as-of", UNTIL.isoformat(), *arguments, **environment)
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def published_content(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of the release that serves, but for what names the release itself."""
    with open_release(settings) as con:
        tables = [name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()]
        return {
            table: con.execute(f'select * from "{table}" order by all').fetchall()
            for table in tables
            if table not in ("release_info", "restatements")
        }


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = company(tmp_path_factory.mktemp("company"))
    code, output = run(settings)
    assert code == 0, output
    return settings


def test_a_planted_violation_stops_the_release_and_says_where(settings: Settings) -> None:
    before = current(settings)
    reps = settings.sources["demo"].folder / "reps-late.csv"
    reps.write_text("rep_id,rep_name,team_id,lead_capacity\nR777,Impossible,T01,-5\n", encoding="utf-8")
    code, output = run(settings)
    assert code == 4, output
    said = " ".join(output.split())
    for part in ("dim_reps", "lead_capacity", "minimum", "1 of", "demo:R777"):
        assert part in said, output
    assert "Traceback" not in output
    assert current(settings) == before
    assert damaged(settings) == {}

    reps.write_text("rep_id,rep_name,team_id,lead_capacity\nR777,Possible,T01,5\n", encoding="utf-8")
    code, output = run(settings)
    assert code == 0, output
    with open_release(settings) as con:
        assert con.execute(
            "select rep_name, lead_capacity from dim_reps where rep_id = 'demo:R777'"
        ).fetchall() == [("Possible", 5)]


def test_two_runs_at_once_are_one_after_the_other_or_one_refusal(settings: Settings) -> None:
    first = command(settings, "run", "--as-of", UNTIL.isoformat())
    assert first.stdout
    while first.stdout.readline().strip() == "":
        assert first.poll() is None
    code, output = run(settings, "--no-wait")
    assert code == 5, output
    assert str(first.pid) in output
    assert "Traceback" not in output
    first.communicate(timeout=300)
    assert first.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_ends_with_one_sentence(settings: Settings, number: signal.Signals) -> None:
    before = current(settings)
    process = command(settings, "run", "--as-of", UNTIL.isoformat())
    assert process.stdout is not None
    for line in process.stdout:  # in the middle of what dbt does, with its threads at work
        if line.startswith("building") and "fct_leads" in line:
            break
    process.send_signal(number)
    rest = process.stdout.read()
    assert process.wait(timeout=60) == 130, rest
    assert "interrupted. Readers keep the last whole release" in rest
    assert "Traceback" not in rest
    assert current(settings) == before
    code, output = run(settings)
    assert code == 0, output


def test_one_document_for_machines(settings: Settings) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "--settings", str(settings.file), "--json", "status"],
        capture_output=True,
        text=True,
        check=True,
        cwd=PROJECT_ROOT,
    )
    served = current(settings)
    assert served
    assert served.release_id in json.dumps(json.loads(process.stdout))


def test_a_currency_without_a_rate_is_named(settings: Settings) -> None:
    before = current(settings)
    extra = settings.sources["demo"].folder / "opportunities-late.csv"
    extra.write_text(
        "opportunity_id,created_at,stage,amount,currency\nO777,2026-03-01T10:00:00Z,Proposal,100,XAU\n",
        encoding="utf-8",
    )
    code, output = run(settings)
    assert code == 4, output
    assert "Currency XAU has no exchange rate valid on 2026-03" in " ".join(output.split()), output
    assert current(settings) == before


def test_the_time_zone_of_the_machine_changes_nothing(tmp_path: Path) -> None:
    contents = []
    for zone in ("Pacific/Kiritimati", "America/Los_Angeles"):
        (tmp_path / zone.replace("/", "_")).mkdir()
        settings = company(tmp_path / zone.replace("/", "_"))
        code, output = run(settings, TZ=zone)
        assert code == 0, output
        contents.append(published_content(settings))
    assert contents[0] == contents[1]
