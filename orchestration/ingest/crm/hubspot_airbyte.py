"""HubSpot's objects in the tables of Airbyte's connector.

Belongs here: its streams and their columns. Does not belong here: what all tools share
(`hubspot_landed_loader.py`).

A property `amount` is the column `properties_amount`, and stands in the JSON of `properties` besides, which
is what is left where a destination flattens nothing. Links are lists of ids in the records. What is archived
has streams of its own for some objects; nothing else says that a record is gone.
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from orchestration.ingest.crm import hubspot_objects as objects
from orchestration.ingest.crm.hubspot_landed_loader import ACTIVITIES, Loader, known, link, newest_of
from orchestration.ingest.crm.landed_table import Part, Table, json_text
from orchestration.ingest.crm.objects import Object
from orchestration.sql_text import literal

_STREAMS = {
    **{one: one for one in ("companies", "contacts", "products", "deals", "line_items")},
    **{one.name: f"engagements_{one.name}" for one in ACTIVITIES},
}


class Airbyte(Loader):
    TABLES: ClassVar = {name: (stream, f"{stream}_archived") for name, stream in _STREAMS.items()}

    def property(self, table: Table, name: str) -> str | None:
        flat = table.text(f"properties_{name}")
        if flat is None and (whole := table.json("properties")):
            return json_text(whole, name)
        return flat

    def gone(self, table: Table) -> list[str]:
        found = table.text("archived")
        return [f"coalesce(lower({found}) = 'true', false)"] if found else []

    def changes(self, of: Object) -> tuple[Table | None, Sequence[str], Sequence[str]]:
        ids = {"deals": ("dealId",), "contacts": ("contactId", "vid")}[of.name]
        return self.find(f"{of.name}_property_history"), ids, ("property", "name")

    def stages(self) -> list[Part]:
        table = self.find("deal_pipelines")
        stages = table.json("stages") if table else None
        if table is None or stages is None:
            return []
        pipeline_id = table.text("pipelineId", "id") or "CAST(NULL AS VARCHAR)"
        one = newest_of(
            table,
            pipeline_id,
            f"{pipeline_id} AS pipeline_id",
            f"{table.text('label') or 'CAST(NULL AS VARCHAR)'} AS pipeline_label",
            f"unnest(json_extract({stages}, '$[*]')) AS stage",
            f"{table.synced or 'CAST(NULL AS VARCHAR)'} AS synced",
        )
        fields = {
            "object_type": literal("deals"),
            "pipeline_id": "stages.pipeline_id",
            "id": f"coalesce({json_text('stages.stage', 'stageId')}, {json_text('stages.stage', 'id')})",
            "pipeline_label": "stages.pipeline_label",
            "label": json_text("stages.stage", "label"),
            "displayOrder": json_text("stages.stage", "displayOrder"),
            "isClosed": json_text("stages.stage", "metadata", "isClosed"),
            "probability": json_text("stages.stage", "metadata", "probability"),
            "archived": f"coalesce({json_text('stages.stage', 'archived')},"
            f" CASE {json_text('stages.stage', 'active')} WHEN 'false' THEN 'true' END, 'false')",
        }
        return [Part(table, fields, source=f"{one} AS stages", synced="stages.synced")]

    def owners(self) -> list[Part]:
        parts = []
        for table in self._there("owners", "owners_archived"):
            teams = table.json("teams")
            fields = {
                "id": table.text("id"),
                "firstName": table.text("firstName"),
                "lastName": table.text("lastName"),
                "team_id": _primary(teams) if teams else None,
                "archived": self.archived(table)["archived"],
            }
            parts.append(Part(table, known(fields), keeps_gone=True))
        return parts

    def teams(self) -> list[Part]:
        parts = []
        for table in self._there("owners", "owners_archived"):
            if teams := table.json("teams"):
                listed = f"SELECT unnest(json_extract({teams}, '$[*]')) AS team FROM {table.source}"
                fields = {"id": json_text("teams.team", "id"), "name": json_text("teams.team", "name")}
                parts.append(Part(table, fields, source=f"({listed}) AS teams"))
        return parts

    def links(self) -> list[Part]:
        parts = []
        for from_, to in objects.LINKS:
            # the line items of a deal stand in the deal
            is_turned = from_ is objects.LINE_ITEMS
            holder, held = (to, from_) if is_turned else (from_, to)
            for table in self._there(*self.TABLES.get(holder.name, ())):
                own, others = table.text("id"), table.json(held.name)
                if own is None or others is None:
                    continue
                listed = newest_of(
                    table, own, f"{own} AS own", f"unnest(json_extract_string({others}, '$[*]')) AS other"
                )
                ends = ("other", "own") if is_turned else ("own", "other")
                pairs = f"SELECT {ends[0]} AS from_id, {ends[1]} AS to_id, CAST(NULL AS VARCHAR) AS type"
                parts.append(link(table, f"({pairs} FROM {listed})", from_.name, to.name))
        return parts


def _primary(teams: str) -> str:
    """Of several teams the primary one, else the first by number."""
    one = json_text("teams.team", "id")
    is_primary = f"coalesce({json_text('teams.team', 'primary')} = 'true', false)"
    is_primary += f" OR coalesce(upper({json_text('teams.team', 'membership')}) = 'PRIMARY', false)"
    listed = f"SELECT unnest(json_extract({teams}, '$[*]')) AS team"
    return f"(SELECT min_by({one}, (NOT ({is_primary}), {one})) FROM ({listed}) AS teams)"
