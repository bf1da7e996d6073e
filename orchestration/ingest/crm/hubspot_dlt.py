"""HubSpot's objects in the tables of dlt's verified source.

Belongs here: its tables and columns. Does not belong here: what all tools share (`hubspot_landed_loader.py`).

Properties are columns under their own names. Links are lists, which dlt puts into tables of their own
(`contacts__deals`); they have no kind. Line items and activities are no resources of the source: where a
company loads them with dlt all the same, under the names that HubSpot has for them, they are read too. A
deleted record is marked where the source is told `soft_delete`.
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from orchestration.ingest.crm import hubspot_objects as objects
from orchestration.ingest.crm.hubspot_landed_loader import Loader, known, link
from orchestration.ingest.crm.landed_table import Part, Table
from orchestration.ingest.crm.objects import Object
from orchestration.sql_text import literal


class Dlt(Loader):
    TABLES: ClassVar = {one.name: (one.name,) for one in objects.RECORDS}
    IDS: ClassVar = {one.name: ("id", "hs_object_id") for one in objects.RECORDS}

    def property(self, table: Table, name: str) -> str | None:
        return table.text(name)

    def gone(self, table: Table) -> list[str]:
        return [
            f"coalesce({sql}, false)" for name in ("is_deleted", "archived") if (sql := table.column(name))
        ]

    def changes(self, of: Object) -> tuple[Table | None, Sequence[str], Sequence[str]]:
        return self.find(f"{of.name}_property_history"), ("object_id",), ("property_name",)

    def stages(self) -> list[Part]:
        pipeline, stage = self.find("pipelines_deals"), self.find("pipelines_deals__stages")
        if pipeline is None or stage is None:
            return []
        joined = self._children(pipeline, stage)
        fields = {
            "object_type": literal("deals"),
            "pipeline_id": pipeline.text("id"),
            "id": stage.text("id", "stage_id"),
            "pipeline_label": pipeline.text("label"),
            "label": stage.text("label"),
            "displayOrder": stage.text("display_order"),
            "isClosed": stage.text("metadata__is_closed"),
            "probability": stage.text("metadata__probability"),
            "archived": stage.text("archived"),
        }
        return [Part(pipeline, known(fields), (stage,), joined, synced=pipeline.synced, watched=(pipeline,))]

    def owners(self) -> list[Part]:
        owner, team = self.find("owners"), self.find("owners__teams")
        if owner is None:
            return []
        of_owner, teams = "CAST(NULL AS VARCHAR)", () if team is None else (team,)
        if team and (own := owner.column("_dlt_id")) and (parent := team.column("_dlt_parent_id")):
            one, primary = team.text("id"), team.column("primary") or "false"
            of_owner = (
                f"(SELECT min_by({one}, (NOT coalesce({primary}, false), {one})) FROM {team.source}"
                f" WHERE {parent} = {own})"
            )
        fields = {
            "id": owner.text("id"),
            "firstName": owner.text("first_name"),
            "lastName": owner.text("last_name"),
            "team_id": of_owner,
            "archived": self.archived(owner)["archived"],
        }
        return [Part(owner, known(fields), teams, keeps_gone=True, watched=(owner,))]

    def teams(self) -> list[Part]:
        owner, team = self.find("owners"), self.find("owners__teams")
        if owner is None or team is None:
            return []
        fields = {"id": team.text("id"), "name": team.text("name")}
        return [Part(team, known(fields), watched=(owner,))]

    def links(self) -> list[Part]:
        parts = []
        for from_, to in objects.LINKS:
            for holder, held in ((from_, to), (to, from_)):
                root, table = self.find(holder.name), self.find(f"{holder.name}__{held.name}")
                if root is None or table is None:
                    continue
                own, other = table.text("value"), table.text(f"{held.name}_id")
                if own is None or other is None:
                    continue
                ends = (own, other) if holder is from_ else (other, own)
                pairs = (
                    f"SELECT {ends[0]} AS from_id, {ends[1]} AS to_id, CAST(NULL AS VARCHAR) AS type"
                    f" FROM {table.source}"
                )
                parts.append(link(table, f"({pairs})", from_.name, to.name, watched=(root,)))
        return parts

    def _children(self, parent: Table, child: Table) -> str:
        own, of = parent.column("_dlt_id"), child.column("_dlt_parent_id")
        return f"{parent.source} JOIN {child.source} ON {own} = {of}"
