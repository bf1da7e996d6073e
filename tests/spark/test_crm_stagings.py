"""The staging of every CRM gives the same records of the demo company on both engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb
import pytest

from demo.render_hubspot import SETTINGS as HUBSPOT
from demo.render_hubspot import render_hubspot
from demo.render_pipedrive import settings_of
from demo.render_salesforce import render as render_salesforce
from orchestration import run_record
from orchestration.ingest.registry import KINDS
from orchestration.settings import Settings
from orchestration.spark.build import hand_over
from orchestration.spark.cluster import Cluster
from orchestration.spark.connection import connect
from orchestration.transform.dbt_command import DbtCommand
from orchestration.transform.manifest import parsed_project
from orchestration.warehouse import Warehouse
from tests.fakecrm.hubspot_scene import land_face
from tests.proof import crm_faces, faces
from tests.proof.compiled import settings_for
from tests.proof.crm_faces import ENTITIES
from tests.reference.world import SOURCE, Rules

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("spark")]


def land_hubspot(con: duckdb.DuckDBPyConnection, source: str, folder: Path) -> None:
    land_face(render_hubspot(faces.ledger(), leads="contacts"), "contacts", con, source, folder)


def land_salesforce(con: duckdb.DuckDBPyConnection, source: str, folder: Path) -> None:
    crm_faces.land_salesforce(render_salesforce(faces.ledger()), con, source, folder)


CRMS: dict[str, tuple[Mapping[str, Any], Callable[[duckdb.DuckDBPyConnection, str, Path], None]]] = {
    "hubspot": ({"kind": "hubspot", **HUBSPOT, "leads": "contacts"}, land_hubspot),
    "pipedrive": (settings_of("https://made-up.pipedrive.com"), crm_faces.land_pipedrive),
    "salesforce": ({"kind": "salesforce", "instance": "https://acme.my.salesforce.com"}, land_salesforce),
}


def build(settings: Settings, crm: str, folder: Path) -> list[str]:
    """Build and test the staging of a CRM, its unit tests too; what did not pass."""
    dbt = DbtCommand(settings, "build", "--select", f"staging.{crm}", "value_mappings", target=folder)
    dbt.run()
    assert dbt.result is not None, dbt.exception
    units = [one for one in dbt.result.results if one.node.unique_id.startswith("unit_test.")]
    assert units
    return [
        f"{one.node.name}: {one.status} {one.message}"
        for one in dbt.result.results
        if one.status not in ("success", "pass")
    ]


def columns(con: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[str, str]]:
    return [(name, kind) for name, kind, *_ in con.execute(f"describe from {relation}").fetchall()]


@pytest.mark.parametrize("crm", CRMS)
def test_the_demo_company_is_staged_alike(crm: str, spark: Cluster, tmp_path: Path) -> None:
    section, land = CRMS[crm]
    on_duckdb = settings_for(Rules(), tmp_path, section)
    place = {"port": spark.port, "folder": tmp_path / "spark"}
    on_spark = on_duckdb.model_copy(
        update={"target": "spark", "spark": on_duckdb.spark.model_copy(update=place)}
    )
    with Warehouse(on_duckdb).connect() as con:
        for kind in KINDS.values():
            kind.prepare(con)
        land(con, SOURCE, tmp_path)
        run_record.prepare(con)
        run_record.begin(con, "this run", faces.ledger().end.replace(tzinfo=UTC), faces.LOADED_AT)
    assert build(on_duckdb, crm, tmp_path / "on_duckdb") == []
    with Warehouse(on_duckdb).connect() as con:
        for entity in ENTITIES:
            con.execute(f"create table of_duckdb_{entity} as from staging.stg_{crm}__{entity}")
        hand_over(con, on_spark, parsed_project(on_spark).manifest, anew=True)
    assert build(on_spark, crm, tmp_path / "on_spark") == []
    found = 0
    with Warehouse(on_duckdb).connect() as con, connect(on_spark) as session:
        for entity in ENTITIES:
            files = tmp_path / "compared" / entity
            made = f"create table staging.of_spark using parquet location '{files}'"
            session.run(f"{made} as select * from staging.stg_{crm}__{entity}")
            session.run("drop table staging.of_spark")
            one, other = f"of_duckdb_{entity}", f"read_parquet('{files}/*.parquet')"
            assert columns(con, one) == columns(con, other), entity
            for here, there in ((one, other), (other, one)):
                rows = con.execute(
                    f"select * from (from {here}) except all select * from (from {there})"
                ).fetchall()
                assert rows == [], f"{entity}: {len(rows)} rows of {here} alone"
            found += con.execute(f"select count(*) from {one}").fetchall()[0][0]
    assert found > 1_000
