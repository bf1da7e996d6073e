"""A HubSpot account in the tables of Fivetran, Airbyte and dlt is staged as the account itself is.

What comes after staging follows from it alone (rule 3 of CONTRIBUTING.md), and that the account itself gives
the numbers of the export files is shown in `test_crm_hubspot_face.py`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, Literal

import duckdb
import pytest

from demo.render_hubspot import SETTINGS, Face, render_hubspot
from orchestration.ingest.crm import hubspot_landed
from orchestration.ingest.crm.hubspot_objects import OBJECTS
from orchestration.ingest.crm.landed_by_others import LandedReader
from orchestration.ingest.crm.landing import Landing
from orchestration.setting_sources import HubspotLandedSource
from orchestration.settings import PROJECT_ROOT
from tests.fakecrm import hubspot_landed as shapes
from tests.fakecrm.hubspot_scene import land_face
from tests.integration.test_crm_command_line import CENTS, closed_sales, expected_closed_sales
from tests.integration.test_crm_hubspot_face import besides
from tests.proof import faces
from tests.proof.compiled import Node
from tests.proof.in_memory import run as run_model

TOOLS = ("fivetran", "airbyte", "dlt")
MESSAGES, EVERY_MOMENT = {"WHATS_APP"}, {"call", "email", "meeting", "task", "WHATS_APP"}
LOST: dict[str, set[str]] = {"fivetran": set(), "airbyte": MESSAGES, "dlt": EVERY_MOMENT}
"""Activities that a tool does not load."""
NO_LINES = ("dlt",)


def read(
    place: Path | Literal["database"],
    con: duckdb.DuckDBPyConnection,
    source_name: str,
    folder: Path,
    dataset: str = "hubspot",
) -> Landing:
    source = HubspotLandedSource(kind="hubspot_landed", place=place, dataset=dataset, **SETTINGS)
    reader = LandedReader(source_name, source, hubspot_landed.Hubspot(source, source_name))
    into = Landing(con, "raw_hubspot", source_name, faces.LOADED_AT, folder)
    for one in OBJECTS:
        reader.read(one, into)
    return into


@pytest.fixture(scope="module")
def face() -> Face:
    return render_hubspot(faces.ledger())


def lakes(face: Face, folder: Path) -> dict[str, Path]:
    """A DuckDB file of each tool."""
    found = {tool: folder / f"{tool}.duckdb" for tool in TOOLS}
    shapes.write(shapes.fivetran(face), found["fivetran"])
    shapes.write(shapes.airbyte(face), found["airbyte"])
    shapes.load_with_dlt(face, found["dlt"], folder)
    return found


@pytest.fixture(scope="module")
def staged(face: Face, tmp_path_factory: pytest.TempPathFactory) -> dict[str, faces.Tables]:
    places = lakes(face, tmp_path_factory.mktemp("lakes"))
    lands: dict[str, Any] = {"itself": partial(land_face, face, "contacts")}
    lands |= {tool: partial(read, place) for tool, place in places.items()}
    return faces.staged("hubspot", lands, {"kind": "hubspot"} | SETTINGS)


def counted(rows: list[dict[str, Any]], without: frozenset[str] = frozenset()) -> Counter[Any]:
    return Counter(tuple(value for name, value in row.items() if name not in without) for row in rows)


@pytest.mark.parametrize("tool", TOOLS)
def test_the_staging_tables_are_those_of_the_account(tool: str, staged: dict[str, faces.Tables]) -> None:
    expected, found = staged["itself"], staged[tool]
    assert len(expected["opportunities"]) > 40
    assert {row["activity_type"] for row in expected["activities"]} == EVERY_MOMENT
    for table, rows in expected.items():
        without: frozenset[str] = frozenset()
        if table == "activities":
            rows = [row for row in rows if row["activity_type"] not in LOST[tool]]
        if tool in NO_LINES:
            rows = [] if table == "opportunity_products" else rows
            without = frozenset({"product_id"} if table == "opportunities" else ())
        ours, theirs = counted(found[table], without), counted(rows, without)
        missing, more = list((theirs - ours).items()), list((ours - theirs).items())
        assert (missing[:2], more[:2]) == ([], []), (table, len(missing), len(more))


@pytest.mark.slow
def test_the_published_tables_are_those_of_the_export_files(
    face: Face, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is lost, as with the account itself."""
    place = tmp_path / "lake.duckdb"
    shapes.write(shapes.fivetran(face), place)
    given = besides(face)

    def run(con: duckdb.DuckDBPyConnection, model: Node) -> None:
        sql = given[model.name] % model.sql if model.name in given else None
        con.execute(f"create table {model.relation} as {sql}") if sql else run_model(con, model)

    def plan(folder: Path) -> None:
        faces.write_rates(folder)
        faces.write_targets(folder, {ours: theirs for theirs, ours in face.ids.items()})

    monkeypatch.setattr(faces, "run", run)
    found = faces.of(partial(read, place), {"kind": "hubspot"} | SETTINGS, plan)
    told = faces.differences(found, face.ids, {})
    assert not told, "\n".join(told)


@pytest.mark.slow
def test_a_release_comes_of_the_least_that_a_tool_loads(face: Face, tmp_path: Path) -> None:
    """dlt's source has neither activities nor line items: said by the doctor and the run, and published."""
    shapes.load_with_dlt(face, tmp_path / "lake.duckdb", tmp_path / "pipelines")
    faces.write_rates(tmp_path / "plan")
    file = tmp_path / "zeven.toml"
    own = "".join(f'{key} = "{value}"\n' for key, value in SETTINGS.items())
    file.write_text(
        f'[company]\nname = "Lake"\n[sources.crm]\nkind = "hubspot_landed"\nplace = "lake.duckdb"\n{own}'
        '[sources.plan]\nkind = "files"\nfolder = "plan"\nadds_to = "crm"\n'
    )

    def zeven(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "orchestration.cli", "--settings", str(file), *arguments]
        done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
        return done.returncode, re.sub(r"\s+", " ", done.stdout + done.stderr)

    code, said = zeven("doctor")
    assert code == 0, "what dlt's source cannot load is no fault"
    assert "calls is not in" in said
    assert "without it, none of them is a contact moment" in said
    code, said = zeven("run", "--as-of", str(faces.UNTIL))
    assert code == 0, said
    assert "line_items is not in" in said
    sales, expected = closed_sales(tmp_path), expected_closed_sales()
    assert sales.keys() == expected.keys()
    assert max(abs(sales[month] - amount) for month, amount in expected.items()) < CENTS
    with duckdb.connect(str(tmp_path / "published/gateway.duckdb"), read_only=True) as con:
        assert con.execute("select count(*) from fct_contact_moments").fetchall() == [(0,)]
