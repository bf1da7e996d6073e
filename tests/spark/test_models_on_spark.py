"""The models on an empty company on Spark: every unit test of the project, every data test."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.spark.build import hand_over
from orchestration.spark.cluster import Cluster
from orchestration.transform.dbt_command import DbtCommand
from orchestration.transform.manifest import parsed_project
from orchestration.warehouse import Warehouse
from tests.proof.empty_company import empty_company

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("spark")]


def test_everything_passes(spark: Cluster, tmp_path: Path) -> None:
    settings = empty_company(tmp_path, engine=f'target = "spark"\n[spark]\nport = {spark.port}')
    manifest = parsed_project(settings).manifest
    with Warehouse(settings).connect() as con:
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
