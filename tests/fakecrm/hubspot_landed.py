"""A HubSpot account as the tables of Fivetran, Airbyte and dlt, with the names that these tools document.

Belongs here: names, types and shapes of each tool. Does not belong here: what is in the account
(`demo/render_hubspot.py`), or what is expected of reading it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from demo.render_hubspot import Face

Rows = list[dict[str, Any]]
Tables = dict[str, Rows]
SYNCED = datetime(2026, 4, 1, tzinfo=UTC)
_RECORDS = ("companies", "contacts", "products", "deals", "line_items")
_ACTIVITIES = ("calls", "emails", "meetings", "tasks")
_ONE = {
    "companies": "company",
    "contacts": "contact",
    "products": "product",
    "deals": "deal",
    "line_items": "line_item",
    "communications": "engagement_communication",
} | {name: f"engagement_{name[:-1]}" for name in _ACTIVITIES}
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T.*Z")
_NUMBERS = {"amount", "quantity", "price", "hs_deal_stage_probability", "hs_forecast_probability"}


def write(tables: Tables, place: Path, schema: str = "hubspot") -> None:
    with duckdb.connect(str(place)) as con:
        con.execute(f"set TimeZone = 'UTC'; create schema if not exists {schema}")
        for name, rows in tables.items():
            if rows:
                con.register("rows", pl.DataFrame(rows, infer_schema_length=None).to_arrow())
                con.execute(f'create or replace table {schema}."{name}" as select * from rows')


def _typed(name: str, value: str | None) -> Any:
    if value is None:
        return None
    if name in _NUMBERS:
        return float(value)
    return datetime.fromisoformat(value) if _INSTANT.fullmatch(value) else value


def _all(face: Face, name: str) -> Iterator[tuple[dict[str, Any], bool]]:
    """(record, was merged away)."""
    for record in face.merged_away.get(name, {}).values():
        yield record, True
    for record in face.objects.get(name, {}).values():
        yield record, False


def _links(face: Face, from_type: str, to_type: str) -> Iterator[tuple[str, str, int]]:
    for from_id, others in face.objects.get(f"links/{from_type}/{to_type}", {}).items():
        for to_id, numbers in others.items():
            for number in numbers:
                yield from_id, to_id, number


def _stages(face: Face) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for pipeline in face.objects["pipelines/deals"].values():
        for stage in pipeline["stages"]:
            yield pipeline, stage


def fivetran(face: Face) -> Tables:
    """Ids are numbers; an archived record stays, marked when Fivetran saw it."""
    found: Tables = {}
    for name in (*_RECORDS, *_ACTIVITIES, "communications"):
        found[_ONE[name]] = [_of_fivetran(name, *one) for one in _all(face, name)]
    for name in ("deals", "contacts"):
        one = _ONE[name]
        found[f"{one}_property_history"] = [
            {
                f"{one}_id": int(record["id"]),
                "name": property_,
                "timestamp": datetime.fromisoformat(change["timestamp"]),
                "value": change["value"],
                "_fivetran_active": number == 0,
                "_fivetran_synced": SYNCED,
            }
            for record, _ in _all(face, name)
            for property_, changes in (record.get("propertiesWithHistory") or {}).items()
            for number, change in enumerate(changes)
        ]
    owners = list(face.objects["owners"].values())
    found["owner"] = [
        {
            "owner_id": int(owner["id"]),
            "first_name": owner["firstName"],
            "last_name": owner["lastName"],
            "is_active": not owner["archived"],
            "_fivetran_synced": SYNCED,
        }
        for owner in owners
    ]
    found["owner_team"] = [
        {"owner_id": int(owner["id"]), "team_id": int(team["id"]), "is_team_primary": team["primary"]}
        for owner in owners
        for team in owner["teams"]
    ]
    teams = {team["id"]: team["name"] for owner in owners for team in owner["teams"]}
    found["team"] = [{"id": int(one), "name": name} for one, name in teams.items()]
    found["deal_pipeline"] = [
        {"pipeline_id": one["id"], "label": one["label"], "_fivetran_synced": SYNCED}
        for one in face.objects["pipelines/deals"].values()
    ]
    found["deal_pipeline_stage"] = [
        {
            "stage_id": stage["id"],
            "pipeline_id": pipeline["id"],
            "label": stage["label"],
            "display_order": stage["displayOrder"],
            "probability": float(stage["metadata"]["probability"]),
            "is_closed": stage["metadata"]["isClosed"] == "true",
            "active": True,
            "_fivetran_synced": SYNCED,
        }
        for pipeline, stage in _stages(face)
    ]
    for table, from_types, to_type in (
        ("deal_contact", ("deals",), "contacts"),
        ("deal_company", ("deals",), "companies"),
        ("line_item_deal", ("line_items",), "deals"),
        ("engagement_contact", (*_ACTIVITIES, "communications"), "contacts"),
        ("engagement_deal", (*_ACTIVITIES, "communications"), "deals"),
    ):
        ends = table.rpartition("_")[::2]
        found[table] = [
            {f"{ends[0]}_id": int(a), f"{ends[1]}_id": int(b), "type_id": number, "_fivetran_synced": SYNCED}
            for from_type in from_types
            for a, b, number in _links(face, from_type, to_type)
        ]
    return found


def _of_fivetran(name: str, record: Mapping[str, Any], was_merged: bool) -> dict[str, Any]:
    own = {"deals": "deal_id"}.get(name, "id" if name in _RECORDS else "engagement_id")
    instead = {"hs_product_id": "product_id"}
    if name == "deals":
        instead = {
            "hubspot_owner_id": "owner_id",
            "pipeline": "deal_pipeline_id",
            "dealstage": "deal_pipeline_stage_id",
        }
    gone = record.get("archivedAt")
    return {
        own: int(record["id"]),
        **{instead.get(key, f"property_{key}"): _typed(key, v) for key, v in record["properties"].items()},
        "_fivetran_deleted": bool(gone) or was_merged,
        "_fivetran_synced": datetime.fromisoformat(gone) if gone else SYNCED,
    }


def airbyte(face: Face) -> Tables:
    """Contacts with properties as JSON alone, the others flattened; merged records stay as they were."""
    found: Tables = {}
    for name in (*_RECORDS, *_ACTIVITIES):
        stream = name if name in _RECORDS else f"engagements_{name}"
        lists = [to for to in ("contacts", "companies", "deals", "line_items") if to != name]
        links = {to: _lists(face, name, to) for to in lists}
        for record, _ in _all(face, name):
            is_json = name == "contacts"
            properties = {k: _typed(k, v) for k, v in record["properties"].items()}
            row = {
                "id": record["id"],
                "archived": record["archived"],
                "createdAt": record["createdAt"],
                "archivedAt": record.get("archivedAt"),
                **({"properties": json.dumps(record["properties"])} if is_json else {}),
                **({} if is_json else {f"properties_{key}": value for key, value in properties.items()}),
                **{to: json.dumps(ids.get(record["id"], [])) for to, ids in links.items()},
                "_airbyte_extracted_at": SYNCED,
            }
            found.setdefault(f"{stream}_archived" if record["archived"] else stream, []).append(row)
    for name in ("deals", "contacts"):
        found[f"{name}_property_history"] = [
            {
                "dealId" if name == "deals" else "vid": float(record["id"]),
                "property": property_,
                "timestamp": change["timestamp"],
                "value": change["value"],
                "_airbyte_extracted_at": SYNCED,
            }
            for record, _ in _all(face, name)
            for property_, changes in (record.get("propertiesWithHistory") or {}).items()
            for change in changes
        ]
    for owner in face.objects["owners"].values():
        row = {key: value for key, value in owner.items() if key != "teams"}
        row |= {"teams": json.dumps(owner["teams"]), "_airbyte_extracted_at": SYNCED}
        found.setdefault("owners_archived" if owner["archived"] else "owners", []).append(row)
    found["deal_pipelines"] = [
        {
            "pipelineId": one["id"],
            "label": one["label"],
            "stages": json.dumps([{**s, "stageId": s["id"], "active": True} for s in one["stages"]]),
            "_airbyte_extracted_at": SYNCED,
        }
        for one in face.objects["pipelines/deals"].values()
    ]
    return found


def _lists(face: Face, name: str, to: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for from_id, to_id, _ in _links(face, name, to):
        found.setdefault(from_id, []).append(to_id)
    for from_id, to_id, _ in _links(face, to, name):
        found.setdefault(to_id, []).append(from_id)
    return found


def dlt_resources(face: Face) -> Tables:
    """What dlt's verified source hands to dlt, told `soft_delete` and `include_history`."""
    found: Tables = {}
    for name, lists in (
        ("companies", ("contacts", "deals")),
        ("contacts", ("deals",)),
        ("deals", ()),
        ("products", ()),
    ):
        links = {to: _lists(face, name, to) for to in lists}
        found[name] = [
            {
                "id": record["id"],
                **{key: _typed(key, value) for key, value in record["properties"].items()},
                **{
                    to: [{"value": record["id"], f"{to}_id": one} for one in ids.get(record["id"], [])]
                    for to, ids in links.items()
                },
                "is_deleted": record["archived"],
            }
            for record, _ in _all(face, name)
        ]
    for name in ("contacts", "deals"):
        found[f"{name}_property_history"] = [
            {"object_id": record["id"], "property_name": property_, **change}
            for record, _ in _all(face, name)
            for property_, changes in (record.get("propertiesWithHistory") or {}).items()
            for change in changes
        ]
    found["owners"] = list(face.objects["owners"].values())
    found["pipelines_deals"] = list(face.objects["pipelines/deals"].values())
    return found


def load_with_dlt(face: Face, place: Path, folder: Path) -> None:
    """By dlt itself, which names tables and columns and makes child tables."""
    import dlt

    pipeline = dlt.pipeline(
        "hubspot",
        destination=dlt.destinations.duckdb(str(place)),
        dataset_name="hubspot",
        pipelines_dir=str(folder),
    )
    resources = dlt_resources(face)
    pipeline.run([dlt.resource(rows, name=name) for name, rows in resources.items()])
