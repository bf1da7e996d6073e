"""Tables in Spark that are there to be checked.

Belongs here: bringing a frame into Spark, and a session that checks. Does not belong here: the checks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from orchestration.checks.on_spark import OnSpark
from orchestration.spark.cluster import Cluster
from orchestration.spark.connection import SESSION, Spark


class Checked(OnSpark):
    """Tables of the schema `checked`, which Spark reads from Parquet files."""

    def __init__(self, spark: Spark, folder: Path) -> None:
        super().__init__(spark)
        self._folder, self._put = folder, 0
        self.run("create schema if not exists checked")

    def put(self, table: str, frame: pl.DataFrame) -> None:
        self._put += 1
        place = self._folder / f"{table}_{self._put}"
        place.mkdir()
        frame.write_parquet(place / "rows.parquet")
        self.run(f"drop table if exists checked.{table}")
        self.run(f"create table checked.{table} using parquet location '{place}'")


@contextmanager
def checked(spark: Cluster, folder: Path) -> Iterator[Checked]:
    from pyhive import hive

    with hive.connect(host=spark.host, port=spark.port, configuration=SESSION) as connection:
        yield Checked(Spark(connection), folder)
