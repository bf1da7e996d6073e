"""The models on an empty company on Spark: every unit test of the project, every data test."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration import run_record
from orchestration.ingest.registry import KINDS
from orchestration.settings import load_settings
from orchestration.spark.build import hand_over
from orchestration.spark.cluster import Cluster
from orchestration.transform.dbt_command import DbtCommand
from orchestration.transform.manifest import parsed_project
from orchestration.warehouse import Warehouse

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("spark")]

SETTINGS = """target = "spark"
[company]
name = "Empty"
[spark]
port = {port}
[sources.crm]
kind = "files"
folder = "in"
"""


def test_everything_passes(spark: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "zeven.toml"
    file.write_text(SETTINGS.format(port=spark.port))
    settings = load_settings(file, environ={})
    with Warehouse(settings).connect() as con:
        for kind in KINDS.values():
            kind.prepare(con)
        run_record.prepare(con)
        instant = datetime(2026, 3, 31, 12, tzinfo=UTC)
        run_record.begin(con, "empty", instant, instant)
        manifest = parsed_project(settings).manifest
        hand_over(con, settings, manifest, anew=True)
    dbt = DbtCommand(settings, "build", target=tmp_path / "target")
    dbt.run()
    assert dbt.result is not None, dbt.exception
    outcomes = {one.node.unique_id: f"{one.status} {one.message or ''}" for one in dbt.result.results}
    bad = {name: said for name, said in outcomes.items() if not said.startswith(("pass", "success", "no-op"))}
    assert not bad
    assert len([name for name in outcomes if name.startswith("unit_test.")]) >= 80
    built = [name for name, node in manifest["nodes"].items() if node["resource_type"] in ("model", "seed")]
    assert outcomes.keys() >= set(built)
