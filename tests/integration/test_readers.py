"""Releases as their readers meet them: whole, checked, switched at once, and never changed."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from small_company import AS_OF, CONTRACTS, KPI, NOW, generate, open_warehouse, publish_small, settings_in

from orchestration.checks.contracts import Column, Rule
from orchestration.errors import GateError
from orchestration.publish import catalogue
from orchestration.publish.release import STEPS
from orchestration.settings import Settings

HERE = Path(__file__).parent
READABLE_BY = 65
"""The storage version in a file's header that DuckDB 1.2 writes and reads (`v1.2.0`)."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def con(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(settings) as con:
        yield con


def generations(con: duckdb.DuckDBPyConnection) -> set[int]:
    """Which publications the rows of both tables belong to; one, if the release is whole."""
    rows = con.execute(
        "select generation, count(*) from kpi_sales group by all "
        "union all select generation, count(*) + 1 from dim_teams group by all"
    ).fetchall()
    assert all(count == 10 + generation % 7 for generation, count in rows), rows
    return {generation for generation, _ in rows}


def serving(settings: Settings) -> int:
    with catalogue.open_release(settings) as con:
        [generation] = generations(con)
        return generation


def gateway(settings: Settings) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(settings.paths.published / "gateway.duckdb"), read_only=True)


def storage_version(file: Path) -> int:
    return int.from_bytes(file.read_bytes()[12:20], "little")


def assert_only_whole_releases(settings: Settings) -> None:
    """Every release is undamaged, `current` is one of them, and no half-done thing is left."""
    assert catalogue.damaged(settings) == {}
    root = settings.paths.published
    assert [path.name for path in root.iterdir() if path.name.startswith((".candidate-", ".new-"))] == []
    assert [path.name for path in (root / "releases").iterdir() if path.name.startswith(".")] == []
    found = catalogue.current(settings)
    assert found is not None
    assert found.is_current


def test_a_release_is_a_database_parquet_and_a_manifest(con: Any, settings: Settings) -> None:
    release = publish_small(con, settings)
    assert release.release_id.startswith("20260401T050000Z-")
    assert sorted(path.relative_to(release.folder).as_posix() for path in release.folder.rglob("*")) == [
        "gateway",
        f"gateway/{release.release_id}",
        "manifest.json",
        "parquet",
        "parquet/dim_teams.parquet",
        "parquet/kpi_sales.parquet",
        "parquet/release_info.parquet",
        "parquet/restatements.parquet",
        "zeven.duckdb",
    ]
    assert {oct(p.stat().st_mode & 0o777) for p in release.folder.rglob("*") if p.is_file()} == {"0o444"}
    assert {oct(p.stat().st_mode & 0o777) for p in (release.folder, release.folder / "parquet")} == {"0o555"}
    assert storage_version(release.database) <= READABLE_BY
    assert storage_version(settings.paths.published / "gateway.duckdb") <= READABLE_BY
    manifest = json.loads((release.folder / "manifest.json").read_text())
    assert manifest["as_of"] == "2026-03-31T22:00:00Z"
    assert manifest["company"] == {"name": "Small", "currency": "EUR", "time_zone": "Europe/Amsterdam"}
    assert manifest["tables"]["kpi_sales"]["rows"] == 10
    columns = manifest["tables"]["dim_teams"]["columns"]
    assert [(column["name"], column["type"]) for column in columns] == [
        ("team_id", "varchar"),
        ("generation", "bigint"),
    ]
    assert manifest["build"]["checks"] == [{"name": "unique_dim_teams", "status": "pass"}]
    assert all(check["passed"] for check in manifest["checks"])
    assert {check["rule"] for check in manifest["checks"] if check["table"] == "dim_teams"} == {
        "columns",
        "team_id.type",
        "team_id.required",
        "generation.type",
        "generation.required",
        "key",
        "parquet",
        "personal",
    }
    assert (release.as_of, release.created_at, release.previous) == (AS_OF, NOW, None)
    assert release.tables == {"dim_teams": 9, "kpi_sales": 10, "release_info": 2, "restatements": 0}
    assert release.checks == len(manifest["checks"]) + 1
    assert release.warnings == ({"kind": "late", "rows": 2},)


def test_everything_in_a_release_says_what_it_is(con: Any, settings: Settings) -> None:
    publish_small(con, settings)
    queries = {
        "duckdb_tables": "select table_name, comment from duckdb_tables() where database_name = 'release'",
        "duckdb_columns": "select column_name, comment from duckdb_columns() where database_name = 'release'",
    }
    with catalogue.open_release(settings) as reader:
        for query in queries.values():
            found = reader.execute(query).fetchall()
            assert found
            assert [name for name, comment in found if not comment] == []
        assert dict(reader.execute(queries["duckdb_tables"]).fetchall())["kpi_sales"] == KPI.description
        about = reader.execute(
            "select release_id, as_of, row_count from release_info order by all"
        ).fetchall()
        [release] = catalogue.releases(settings)
        assert about == [(release.release_id, AS_OF.replace(tzinfo=None), rows) for rows in (9, 10)]
    with gateway(settings) as bi:
        found = bi.execute(
            "select view_name, comment from duckdb_views() where not internal "
            "union all select column_name, comment from duckdb_columns() where not internal"
        ).fetchall()
        assert len(found) == 4 + 4 + 2 + 7 + 17
        assert [name for name, comment in found if not comment] == []


def test_the_next_release_serves_at_once_and_open_readers_keep_theirs(con: Any, settings: Settings) -> None:
    first = publish_small(con, settings)
    with catalogue.open_release(settings) as reader, gateway(settings) as bi:
        assert generations(reader) == generations(bi) == {0}
        generate(con, 1)
        second = publish_small(con, settings, minute=1)
        assert generations(reader) == {0}, "an open release does not change under its reader"
        assert generations(bi) == {1}, "a pooled connection on the gateway sees the new release"
    assert serving(settings) == 1
    assert [(r.release_id, r.is_current, r.previous) for r in catalogue.releases(settings)] == [
        (second.release_id, True, first.release_id),
        (first.release_id, False, None),
    ]
    with catalogue.open_release(settings, first.release_id) as reader:
        assert generations(reader) == {0}


def test_a_reader_cannot_write(con: Any, settings: Settings) -> None:
    publish_small(con, settings)
    with catalogue.open_release(settings) as reader, pytest.raises(duckdb.Error, match="read-only"):
        reader.execute("delete from kpi_sales")


def test_the_gateway_is_replaced_only_when_its_views_change(con: Any, settings: Settings) -> None:
    publish_small(con, settings)
    file = settings.paths.published / "gateway.duckdb"
    before = file.stat().st_ino
    publish_small(con, settings, minute=1)
    assert file.stat().st_ino == before
    con.execute("alter table marts.dim_teams add column region varchar")
    widened = (*CONTRACTS["dim_teams"].columns, Column("region", "varchar", "Region."))
    contracts = {**CONTRACTS, "dim_teams": type(KPI)("dim_teams", "Teams.", widened, ("team_id",))}
    publish_small(con, settings, minute=2, contracts=contracts)
    assert file.stat().st_ino != before
    with gateway(settings) as bi:
        assert bi.execute("select count(region) from dim_teams").fetchall() == [(0,)]
    catalogue.rollback(settings)
    with gateway(settings) as bi:
        assert len(bi.execute("describe dim_teams").fetchall()) == 2, "going back takes the gateway along"


def test_a_broken_contract_publishes_nothing_and_says_where(con: Any, settings: Settings) -> None:
    first = publish_small(con, settings)
    generate(con, 1)
    con.execute("update marts.kpi_sales set win_ratio = 1.25 where team_id in ('crm:T3', 'crm:T4')")
    with pytest.raises(GateError) as refused:
        publish_small(con, settings, minute=1)
    assert str(refused.value) == (
        f"Nothing was published, a check failed; release {first.release_id} still serves.\n"
        "  kpi_sales.win_ratio: rule 'maximum 1' fails in 2 of 11 rows, first at team_id=crm:T3.\n"
        f"  The keys of the failing rows: {settings.paths.published}/rejects/run-1.csv"
    )
    assert serving(settings) == 0
    assert_only_whole_releases(settings)
    noted = json.loads((settings.paths.published / "last_failure.json").read_text())
    assert noted["run_id"] == "run-1"
    assert noted["message"] == str(refused.value).rpartition("\n")[0], "readers of pages see no path"
    assert [(v["rule"], v["failing_rows"], v["keys"]) for v in noted["verdicts"]] == [
        ("win_ratio.maximum", 2, [{"team_id": "crm:T3"}, {"team_id": "crm:T4"}])
    ]
    generate(con, 2)
    publish_small(con, settings, minute=2)
    assert not (settings.paths.published / "last_failure.json").exists()


def test_a_missing_table_and_a_lost_column_are_told(con: Any, settings: Settings) -> None:
    con.execute("drop table marts.dim_teams")
    con.execute("alter table marts.kpi_sales drop column generation")
    with pytest.raises(GateError) as refused:
        publish_small(con, settings)
    assert str(refused.value) == (
        "Nothing was published, 2 checks failed; there is no earlier release.\n"
        "  dim_teams: the table is missing.\n"
        "  kpi_sales: lacks the column 'generation'.\n"
        f"  The keys of the failing rows: {settings.paths.published}/rejects/run-1.csv"
    )
    assert catalogue.current(settings) is None


def test_of_many_failures_the_first_five_are_told(con: Any, settings: Settings) -> None:
    rules = tuple(Rule(f"low_{n}", f"amount < {n}") for n in range(7))
    con.execute("update marts.kpi_sales set amount = 7; drop table marts.dim_teams")
    with pytest.raises(GateError) as refused:
        publish_small(con, settings, contracts={"kpi_sales": dataclasses.replace(KPI, rules=rules)})
    lines = str(refused.value).splitlines()
    assert lines[0] == "Nothing was published, 7 checks failed; there is no earlier release."
    assert [line.partition("'")[2][:5] for line in lines[1:6]] == [
        "low_0",
        "low_1",
        "low_2",
        "low_3",
        "low_4",
    ]
    assert lines[6:7] == ["  and 2 more"]
    noted = json.loads((settings.paths.published / "last_failure.json").read_text())
    assert len(noted["verdicts"]) == 7


def test_a_failed_warning_is_published_as_a_warning(con: Any, settings: Settings) -> None:
    con.execute("update marts.kpi_sales set amount = 2000000 where team_id = 'crm:T3'")
    release = publish_small(con, settings)
    assert [warning["kind"] for warning in release.warnings] == ["late", "contract"]
    assert release.warnings[1]["rule"] == "rule.round_amount"


@pytest.mark.parametrize("step", STEPS)
def test_killed_after_any_step_the_next_publication_works(settings: Settings, step: str) -> None:
    with open_warehouse(settings) as con:
        publish_small(con, settings)
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from small_company import generate, open_warehouse, publish_small, settings_in\n"
        "settings = settings_in(Path(sys.argv[1]))\n"
        "def die(step):\n"
        "    if step == sys.argv[2]: os.kill(os.getpid(), signal.SIGKILL)\n"
        "con = open_warehouse(settings)\n"
        "generate(con, 1)\n"
        "publish_small(con, settings, minute=1, after=die)\n"
    )
    ended = run(code, str(settings.file.parent), step)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    switched = STEPS.index(step) >= STEPS.index("switched")
    assert serving(settings) == (1 if switched else 0), "what serves is whole, before the next run"
    with gateway(settings) as bi:
        assert generations(bi) == {1 if switched else 0}
    with open_warehouse(settings) as con:
        generate(con, 2)
        publish_small(con, settings, minute=2)
    assert serving(settings) == 2
    assert_only_whole_releases(settings)


def test_killed_at_any_moment_readers_keep_a_whole_release(settings: Settings) -> None:
    """Steps are where we look; a kill does not. Some moments within the first second of publishing."""
    with open_warehouse(settings) as con:
        publish_small(con, settings)
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from small_company import generate, open_warehouse, publish_small, settings_in\n"
        "settings = settings_in(Path(sys.argv[1]))\n"
        "con = open_warehouse(settings)\n"
        "print('ready', flush=True)\n"
        "for n in range(1, 50):\n"
        "    generate(con, n)\n"
        "    publish_small(con, settings, minute=n)\n"
    )
    for delay in (0.05, 0.2, 0.45, 0.7):
        with process(code, str(settings.file.parent)) as running:
            assert running.stdout is not None
            running.stdout.readline()
            time.sleep(delay)
            running.kill()
        serving(settings)
        catalogue.rollback(settings, catalogue.releases(settings)[-1].release_id)
    with open_warehouse(settings) as con:
        publish_small(con, settings, minute=60)
    assert_only_whole_releases(settings)


def read_until(folder: str, stop: Any, through_gateway: bool, results: Any) -> None:
    """Read as fast as possible; put how often, and everything that was not one whole release."""
    settings = settings_in(Path(folder))
    reads, wrong, seen = 0, [], set()
    bi = gateway(settings) if through_gateway else None
    while not stop.is_set():
        try:
            if bi is not None:
                found = bi.execute("select generation, count(*) from kpi_sales group by all").fetchall()
                found_generations = {generation for generation, _ in found}
                assert all(count == 10 + generation % 7 for generation, count in found), found
            else:
                with catalogue.open_release(settings) as con:
                    found_generations = generations(con)
            assert len(found_generations) == 1, found_generations
            seen |= found_generations
            reads += 1
        except duckdb.IOException as error:
            # the gateway refuses a query that was planned before a switch and run after it; it never mixes
            refused = str(error).startswith(("IO Error: Cannot open file", "IO Error: No files found"))
            if not (through_gateway and refused):
                wrong.append(repr(error))
        except Exception as error:
            wrong.append(repr(error))
        time.sleep(0.05)  # leaves the publisher a share of the machine
    results.put((reads, wrong, sorted(seen)))


def test_readers_beside_twenty_publications_see_one_release_each(con: Any, settings: Settings) -> None:
    publish_small(con, settings)
    context = multiprocessing.get_context("spawn")
    stop, results = context.Event(), context.Queue()
    folder = str(settings.file.parent)
    readers = [context.Process(target=read_until, args=(folder, stop, n % 4 == 3, results)) for n in range(4)]
    for reader in readers:
        reader.start()
    for generation in range(1, 21):
        generate(con, generation)
        publish_small(con, settings, minute=generation)
        if generation % 5 == 0:
            catalogue.rollback(settings)
    stop.set()
    counted = [results.get(timeout=60) for _ in readers]
    for reader in readers:
        reader.join(timeout=60)
    assert [wrong for _, wrong, _ in counted if wrong] == []
    assert all(reads > 0 for reads, _, _ in counted)
    assert len(set().union(*(seen for _, _, seen in counted))) > 3, "the readers saw releases come"


def test_a_release_can_be_carried_elsewhere(con: Any, settings: Settings, tmp_path: Path) -> None:
    """The file depends on nothing beside it: no log, no path, no name under which it is attached."""
    release = publish_small(con, settings)
    copied = tmp_path / "elsewhere.duckdb"
    shutil.copy(release.database, copied)
    shutil.rmtree(release.folder / "parquet", ignore_errors=True)
    with duckdb.connect(str(copied), read_only=True) as reader:
        assert generations(reader) == {0}


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parents[1]}"}


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def process(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment(), stdout=subprocess.PIPE, text=True
    )
