"""Asking an engine: the one way in which tests of this folder send a query to DuckDB or to Spark.

Belongs here: connections set as dbt sets its own. Does not belong here: what is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from orchestration.spark.cluster import Cluster
from orchestration.spark.connection import SESSION

Rows = list[tuple[Any, ...]]


@contextmanager
def connected(spark: Cluster) -> Iterator[Any]:
    """A cursor of a session of Spark."""
    from pyhive import hive

    with (
        hive.connect(host=spark.host, port=spark.port, configuration=SESSION) as connection,
        connection.cursor() as cursor,
    ):
        yield cursor


def of_spark(spark: Cluster, query: str) -> Rows:
    with connected(spark) as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def of_duckdb(query: str) -> Rows:
    import duckdb

    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        return con.execute(query).fetchall()
