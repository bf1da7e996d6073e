"""What other tools have landed of an org gives the raw tables that the org itself gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from demo.render_salesforce import FIELDS, Face, render
from orchestration.ingest.crm import raw_schema, salesforce_landed
from orchestration.ingest.crm.landed_by_others import LandedReader
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.salesforce_objects import OBJECTS
from orchestration.setting_sources import SalesforceLandedSource
from tests.proof import faces


@pytest.fixture(scope="module")
def face() -> Face:
    return render(faces.ledger())


def snake(name: str) -> str:
    """As Fivetran writes a name: `Product2` is `product_2`, `Loss_Reason__c` is `loss_reason_c`."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[0-9])(?=[A-Z])", "_", name)
    return re.sub("_+", "_", parted).lower()


def write(face: Face, place: Path, spell: Callable[[str], str], extra: dict[str, Any]) -> None:
    with duckdb.connect(str(place)) as con:
        con.execute("create schema crm")
        for name, records in face.objects.items():
            rows = [{spell(field): value for field, value in one.items()} | extra for one in records.values()]
            if rows:
                frame = pl.DataFrame(rows, infer_schema_length=None)
                con.register("rows", frame.to_arrow())
                con.execute(f'create table crm."{spell(name)}" as select * from rows')


def raw(con: duckdb.DuckDBPyConnection) -> dict[str, set[tuple[Any, ...]]]:
    return {
        one.name: set(
            con.execute(
                f'select {", ".join(field.name for field in one.fields)} from raw_salesforce."{one.name}"'
            ).fetchall()
        )
        for one in OBJECTS
    }


@pytest.mark.parametrize(
    ("spell", "extra"),
    [
        (snake, {"_fivetran_deleted": False, "_fivetran_synced": "2026-04-01"}),
        (str, {"_airbyte_raw_id": "x", "_airbyte_extracted_at": "2026-04-01"}),
    ],
    ids=["fivetran", "airbyte"],
)
def test_the_raw_tables_are_those_of_the_org(
    face: Face, tmp_path: Path, spell: Callable[[str], str], extra: dict[str, Any]
) -> None:
    place = tmp_path / "lake.duckdb"
    write(face, place, spell, extra)
    objects = {one.name: one for one in OBJECTS}
    found = []
    for is_landed in (False, True):
        with duckdb.connect() as con:
            raw_schema.prepare(con, "raw_salesforce", objects)
            into = Landing(con, "raw_salesforce", "sf", faces.LOADED_AT, tmp_path)
            source = SalesforceLandedSource(kind="salesforce_landed", place=place, fields=FIELDS)
            reader = LandedReader("sf", source, salesforce_landed.Salesforce(source, "sf"))
            for one in OBJECTS:
                if is_landed:
                    reader.read(one, into)
                else:
                    own = {f"{name.partition('.')[2]}_z": theirs for name, theirs in FIELDS.items()}
                    records = list(face.objects[one.name].values())
                    into.land(one, [row | {o: row.get(t) for o, t in own.items()} for row in records])
            found.append(raw(con))
    of_org, of_tool = found
    condition = {"LeadHistory": {"Status", "leadConverted"}, "OpportunityFieldHistory": {"Owner", "OwnerId"}}
    for one in OBJECTS:
        expected = of_org[one.name]
        if one.name in condition:
            place_of_field = [field.name for field in one.fields].index("Field")
            expected = {row for row in expected if row[place_of_field] in condition[one.name]}
        if one.name == "User":
            kind = [field.name for field in one.fields].index("UserType")
            wanted = ("Standard", "AutomatedProcess", "CloudIntegrationUser")
            expected = {row for row in expected if row[kind] in wanted}
        assert of_tool[one.name] == expected, one.name
    assert len(of_tool["Opportunity"]) > 40
