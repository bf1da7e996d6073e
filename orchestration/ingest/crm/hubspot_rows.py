"""Answers of HubSpot as rows of raw tables.

Belongs here: what a row takes from an answer. Does not belong here: asking (`hubspot.py`), or what a value
means (`models/staging/hubspot`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]
Answer = Mapping[str, Any]


def account(answer: Answer, leads: str, disqualified: Sequence[str]) -> Row:
    return {
        "portalId": answer["portalId"],
        "companyCurrency": answer.get("companyCurrency"),
        "timeZone": answer.get("timeZone"),
        "leads": leads,
        "disqualified": "".join([";", *(f"{status.upper()};" for status in disqualified)]),
    }


def owner(answer: Answer) -> Row:
    """Of several teams the primary one counts, else the first by number."""
    teams = sorted(answer.get("teams") or (), key=lambda team: (not team.get("primary"), str(team["id"])))
    return {
        "id": answer["id"],
        "firstName": answer.get("firstName"),
        "lastName": answer.get("lastName"),
        "team_id": teams[0]["id"] if teams else None,
        "archived": answer.get("archived", False),
    }


def teams(owners: Iterable[Answer]) -> list[Row]:
    """The teams that somebody is in; the list of all teams would want one more scope."""
    found = {team["id"]: team["name"] for one in owners for team in one.get("teams") or ()}
    return [{"id": team_id, "name": name} for team_id, name in found.items()]


def stages(object_type: str, pipeline: Answer) -> Iterator[Row]:
    for stage in pipeline.get("stages", ()):
        metadata = stage.get("metadata") or {}
        yield {
            "object_type": object_type,
            "pipeline_id": pipeline["id"],
            "id": stage["id"],
            "pipeline_label": pipeline.get("label"),
            "label": stage.get("label"),
            "displayOrder": stage.get("displayOrder"),
            "isClosed": metadata.get("isClosed"),
            "probability": metadata.get("probability"),
            "leadState": metadata.get("leadState"),
            "archived": bool(stage.get("archived") or pipeline.get("archived")),
        }


def record(answer: Answer, asked: Mapping[str, str]) -> Row:
    """`asked`: column -> property."""
    properties = answer.get("properties") or {}
    row: Row = {column: properties.get(name) for column, name in asked.items()}
    if "hs_merged_object_ids" in asked:
        row["hs_merged_object_ids"] = _merged(properties)
    return row | {
        "id": answer["id"],
        "archived": bool(answer.get("archived")),
        "archivedAt": answer.get("archivedAt"),
    }


def _merged(properties: Mapping[str, str | None]) -> str | None:
    """All records that were merged into this one; of contacts an older property tells some more."""
    found = [*(properties.get("hs_merged_object_ids") or "").split(";")]
    # 101:1577840461000;102:...
    found += [
        part.partition(":")[0] for part in (properties.get("hs_calculated_merged_vids") or "").split(";")
    ]
    return ";".join(sorted({part.strip() for part in found if part.strip()})) or None


def merges(records: Iterable[Row]) -> Iterator[Row]:
    """A row for each record that was merged away, of rows as `record` makes them."""
    for one in records:
        for merged in (one["hs_merged_object_ids"] or "").split(";"):
            if merged and merged != one["id"]:
                yield {"id": merged, "into_id": one["id"]}


def changes(answer: Answer, properties: Iterable[str]) -> Iterator[Row]:
    told = answer.get("propertiesWithHistory") or {}
    for name in properties:
        for change in told.get(name) or ():
            value = change.get("value")
            if name == "closedate" and str(value or "").isdigit():  # as old changes have it
                value = datetime.fromtimestamp(int(value) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            yield {
                "id": answer["id"],
                "property": name,
                "timestamp": change["timestamp"],
                "value": value,
            }


def links(from_type: str, to_type: str, answer: Answer) -> Iterator[Row]:
    """The links of one record to those of one object."""
    from_id = str(answer["from"]["id"])
    for other in answer.get("to") or ():
        to_id = str(other["toObjectId"])
        ends = {from_type: from_id, to_type: to_id}
        types = sorted({int(one["typeId"]) for one in other.get("associationTypes") or ()})
        yield {
            "parent": parent(from_type, from_id, to_type),
            "to_id": to_id,
            "from_type": from_type,
            "from_id": from_id,
            "to_type": to_type,
            "types": f",{','.join(map(str, types))},",
            "contact_id": ends.get("contacts"),
            "lead_id": ends.get("leads"),
            "deal_id": ends.get("deals") if {"contacts", "leads"} & ends.keys() else None,
        }


def parent(from_type: str, from_id: str, to_type: str) -> str:
    return f"{from_type}/{from_id}/{to_type}"
