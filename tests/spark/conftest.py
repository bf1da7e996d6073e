"""Where Spark is missing, its tests are skipped and say why; with ZEVEN_REQUIRE_SPARK=1 they fail instead.

The files of this folder import what the extra `spark` brings inside functions alone.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

import pytest

from orchestration.spark import cluster


def reason() -> str | None:
    """Why there is no Spark here."""
    if importlib.util.find_spec("dbt.adapters.spark") is None:
        return "dbt-spark is not installed: pip install 'zeven[spark]'"
    return cluster.why_not()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("spark") and (why := reason()):
        if os.environ.get("ZEVEN_REQUIRE_SPARK") == "1":
            pytest.fail(f"ZEVEN_REQUIRE_SPARK=1, but {why}", pytrace=False)
        pytest.skip(why)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Cluster]:
    """A Spark of one process, for all tests of a worker; those who use it stay together (`xdist_group`)."""
    with cluster.running(tmp_path_factory.mktemp("spark"), workers=0, cores=2, memory="1g") as running:
        yield running
