"""A HubSpot account in the tables of Fivetran, Airbyte and dlt is staged as the account itself is.

What comes after staging follows from it alone (rule 3 of CONTRIBUTING.md), and that the account itself gives
the numbers of the export files is shown in `test_crm_hubspot_face.py`.
"""

from __future__ import annotations

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
from orchestration.settings import HubspotLandedSource
from tests.fakecrm import hubspot_landed as shapes
from tests.fakecrm.hubspot_scene import land_face
from tests.proof import faces

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
