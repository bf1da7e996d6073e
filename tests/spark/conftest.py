"""Where Spark is missing, its tests are skipped and say why; with ZEVEN_REQUIRE_SPARK=1 they fail instead.

The files of this folder import what the extra `spark` brings inside functions alone.
"""

from __future__ import annotations

import importlib.util
import os

import pytest

from orchestration.spark.cluster import why_not


def reason() -> str | None:
    """Why there is no Spark here."""
    if importlib.util.find_spec("dbt.adapters.spark") is None:
        return "dbt-spark is not installed: pip install 'zeven[spark]'"
    return why_not()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("spark") and (why := reason()):
        if os.environ.get("ZEVEN_REQUIRE_SPARK") == "1":
            pytest.fail(f"ZEVEN_REQUIRE_SPARK=1, but {why}", pytrace=False)
        pytest.skip(why)
