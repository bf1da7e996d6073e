"""A session that another thread uses can be interrupted, and the server does not work on for nobody."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from orchestration.spark.cluster import Cluster
from orchestration.spark.connection import hang_up

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]

ENDLESS = "select sum(pmod(id, 7)) from range(1000000000000)"


def test_hanging_up_ends_what_is_asked_on_both_sides(spark: Cluster) -> None:
    from pyhive import hive

    connection = hive.connect(host=spark.host, port=spark.port)
    ended: list[BaseException] = []

    def ask() -> None:
        try:
            wait_for(connection.cursor(), ENDLESS, seconds=120)
        except BaseException as error:
            ended.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    time.sleep(2)
    assert asking.is_alive()
    hang_up(connection)
    asking.join(30)
    assert len(ended) == 1
    # the cores are free again
    with hive.connect(host=spark.host, port=spark.port) as other, other.cursor() as cursor:
        wait_for(cursor, "select count(*) from range(10)", seconds=60)
        assert cursor.fetchall() == [(10,)]


def wait_for(cursor: Any, query: str, seconds: float) -> None:
    """As dbt does."""
    from TCLIService.ttypes import TOperationState

    cursor.execute(query, async_=True)
    until = time.monotonic() + seconds
    while cursor.poll().operationState != TOperationState.FINISHED_STATE and time.monotonic() < until:
        time.sleep(0.1)
