"""The same company on DuckDB and on Spark: every published table equal, day after day, there and back.

Two installations read the same export files; one builds on Spark. What they publish is compared cell by cell.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

import duckdb
import pytest

from benchmarks.company import Size, make_company
from orchestration.checks.contracts import load_contracts
from orchestration.errors import ZevenError
from orchestration.progress import Event, reporting_to
from orchestration.publish.candidate import BROUGHT_ALONG
from orchestration.publish.catalogue import current, rollback
from orchestration.run import run_pipeline
from orchestration.settings import PROJECT_ROOT, Settings, load_settings
from orchestration.spark.cluster import Cluster, running
from orchestration.spark.folders import landed_folder
from orchestration.warehouse import Warehouse
from tests.proof.batches import add_batch
from tests.spark.cells import differences

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]

SIZE = Size(leads=60, reps=4, years=1)
SETTINGS = """{target}
[company]
name = "Two engines"
[run]
as_of = "{day}"
[sources.crm]
kind = "files"
folder = "export"
"""
LOG = "select * exclude (run_id, observed_at) from history.int_opportunity_sightings order by all"


@dataclass
class Company:
    """One installation; `address` is the port of its Spark, None on DuckDB."""

    folder: Path
    port: int | None = None
    facts: str = "copied"

    def settings(self, day: date) -> Settings:
        target = 'target = "spark"' if self.port else ""
        text = SETTINGS.format(target=target, day=day)
        if self.port:
            text += f'[spark]\nport = {self.port}\nfacts = "{self.facts}"\n'
        (self.folder / "zeven.toml").write_text(text)
        return load_settings(self.folder / "zeven.toml", environ={})

    def run(self, day: date) -> None:
        run_pipeline(self.settings(day), accept="random days")

    def forced(self, day: date) -> None:
        run_pipeline(self.settings(day), force=True, accept="random days")

    def tables(self) -> Path:
        return self.folder / "published" / "current" / "zeven.duckdb"

    def log(self, day: date) -> list[tuple[object, ...]]:
        with Warehouse(self.settings(day)).connect(read_only=True) as con:
            return con.execute(LOG).fetchall()


def outcome(company: Company) -> str:
    try:
        company.run(SIZE.until)
    except ZevenError as error:
        return str(error)
    return "published"


def differing(one: Company, other: Company) -> dict[str, list[str]]:
    """What differs between what two installations serve, by table; which releases they are aside."""
    found = {}
    contracts = {**load_contracts(PROJECT_ROOT / "models"), **BROUGHT_ALONG}
    del contracts["release_info"]
    with duckdb.connect() as con:
        for name, company in (("one", one), ("other", other)):
            con.execute(f"attach '{company.tables()}' as {name} (read_only)")
        for table, contract in contracts.items():
            columns = "* exclude (previous_release_id)" if table == "restatements" else "*"
            pair = [f"(select {columns} from {name}.main.{table})" for name in ("one", "other")]
            if told := differences(con, *pair, contract.key, ("DuckDB", "Spark")):
                found[table] = told
    return found


@pytest.fixture
def pair(tmp_path: Path, spark: Cluster) -> Iterator[tuple[Company, Company]]:
    """Two installations of one company, the second on Spark."""
    pair = Company(tmp_path / "duckdb"), Company(tmp_path / "spark", spark.port)
    make_company(tmp_path / "export", SIZE)
    for company in pair:
        company.folder.mkdir()
        (company.folder / "export").symlink_to(tmp_path / "export")
    yield pair
    shutil.rmtree(tmp_path / "spark" / "spark", ignore_errors=True)


def test_both_engines_publish_the_same(pair: tuple[Company, Company]) -> None:
    for company in pair:
        company.run(SIZE.until)
    assert differing(*pair) == {}
    assert pair[1].log(SIZE.until) == pair[0].log(SIZE.until) != []


@pytest.mark.slow
def test_both_engines_publish_the_same_day_after_day(pair: tuple[Company, Company], tmp_path: Path) -> None:
    on_duckdb, on_spark = pair
    day = SIZE.until
    for company in pair:
        company.run(day)
    first = current(on_spark.settings(day))
    assert first is not None

    day += timedelta(days=1)
    before = set(landed_folder(on_spark.settings(day)).rglob("*.parquet"))
    add_batch(tmp_path / "export", Random(4), day, moves_numbers=True, name="second")
    on_spark.facts = "in_place"
    for company in pair:
        company.run(day)
    assert differing(*pair) == {}
    assert any((on_spark.tables().parent / "parquet" / "fct_leads").glob("*.parquet"))
    assert on_spark.log(day) == on_duckdb.log(day)
    assert set(landed_folder(on_spark.settings(day)).rglob("*.parquet")) != before

    rollback(on_spark.settings(day), first.release_id)
    served = current(on_spark.settings(day))
    assert served is not None
    assert served.release_id == first.release_id
    for company in pair:  # from the release before, both tell again what has changed since
        company.forced(day)
    assert on_spark.log(day) == on_duckdb.log(day)

    # the company leaves Spark, and takes its history along
    on_spark.port = None
    for company in pair:
        company.forced(day)
    assert differing(*pair) == {}
    assert on_spark.log(day) == on_duckdb.log(day)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["worker_1", "thrift"])
def test_what_is_killed_publishes_nothing_wrong_and_the_next_run_is_right(tmp_path: Path, role: str) -> None:
    pair = Company(tmp_path / "duckdb"), Company(tmp_path / "spark")
    make_company(tmp_path / "export", SIZE)
    for company in pair:
        company.folder.mkdir()
        (company.folder / "export").symlink_to(tmp_path / "export")
    pair[0].run(SIZE.until)
    settings = pair[1].settings(SIZE.until)
    killed: list[str] = []

    def kill(event: Event) -> None:
        if event.name == "int_leads_counted" and event.status == "done" and not killed:
            killed.append(role)
            os.killpg(int(cluster.processes[role].partition(":")[0]), signal.SIGKILL)

    with running(tmp_path / "cluster") as cluster, reporting_to(kill):
        pair[1].port = cluster.port
        ended = outcome(pair[1])
        assert ended == "published" or ended.startswith("Nothing was published")
    if ended == "published":
        assert differing(*pair) == {}
    else:
        assert current(settings) is None
    assert killed == [role]
    with running(tmp_path / "cluster") as cluster:
        pair[1].port = cluster.port
        run_pipeline(pair[1].settings(SIZE.until), force=True)
    assert differing(*pair) == {}
