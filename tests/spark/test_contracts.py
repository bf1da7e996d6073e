"""The contracts of tables that stand in Spark: each check fails on what breaks it, as in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from orchestration.checks.on_spark import OnSpark
from orchestration.spark import cluster
from tests.proof.contract_gate import CONTRACTS, assert_gate_holds, fixture_contract
from tests.proof.engines import gate_on

pytestmark = pytest.mark.spark


class WithFiles(OnSpark):
    """Tables that Spark reads from Parquet files."""

    def __init__(self, cursor: object, folder: Path) -> None:
        super().__init__(cursor)
        self._folder, self._put = folder, 0
        self._cursor.execute("create schema if not exists marts")

    def put(self, table: str, frame: pl.DataFrame) -> None:
        self._put += 1
        place = self._folder / f"{table}_{self._put}"
        place.mkdir()
        frame.write_parquet(place / "rows.parquet")
        self._cursor.execute(f"drop table if exists marts.{table}")
        self._cursor.execute(f"create table marts.{table} using parquet location '{place}'")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WithFiles]:
    from pyhive import hive

    folder = tmp_path_factory.mktemp("spark")
    with (
        cluster.running(folder / "cluster", workers=0, cores=2) as at,
        hive.connect(host=at.host, port=at.port) as connection,
    ):
        yield WithFiles(connection.cursor(), folder)


def test_of_a_contract_with_every_kind_of_demand_each_check_fails_alone(
    engine: WithFiles, tmp_path: Path
) -> None:
    assert_gate_holds(fixture_contract(tmp_path), gate_on(engine))


@pytest.mark.parametrize("table", CONTRACTS)
def test_every_check_of_a_published_table_holds(engine: WithFiles, table: str) -> None:
    assert_gate_holds(CONTRACTS[table], gate_on(engine))
