"""HubSpot's objects in the tables of Fivetran's connector.

Belongs here: its names of tables and columns. Does not belong here: what all tools share
(`hubspot_landed_loader.py`).

A property `amount` of a deal is the column `property_amount` of the table `deal`. What the connector keeps in
columns of its own (the owner and the stage of a deal, the product of a line) is taken from there where there
is no such column. A record that was deleted stays, marked.
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from orchestration.ingest.crm.hubspot_landed_loader import ACTIVITIES, Loader, known, link
from orchestration.ingest.crm.landed_table import Part, Table
from orchestration.ingest.crm.objects import Object
from orchestration.sql_text import literal

MARK = "deal"
"""The table by which these are known."""
_INSTEAD = {
    "pipeline": ("deal_pipeline_id",),
    "dealstage": ("deal_pipeline_stage_id",),
    "hubspot_owner_id": ("owner_id",),
    "hs_product_id": ("product_id",),
}
"""Columns of the connector for what a property says."""


class Fivetran(Loader):
    TABLES: ClassVar = {
        "companies": ("company",),
        "contacts": ("contact",),
        "products": ("product",),
        "deals": ("deal",),
        "line_items": ("line_item",),
        "calls": ("engagement_call",),
        "emails": ("engagement_email",),
        "meetings": ("engagement_meeting",),
        "tasks": ("engagement_task",),
        "communications": ("engagement_communication",),
    }
    IDS: ClassVar = {
        "deals": ("deal_id", "id"),
        **{one.name: ("engagement_id", "id") for one in ACTIVITIES},
    }

    def property(self, table: Table, name: str) -> str | None:
        return table.text(f"property_{name}", *_INSTEAD.get(name, ()))

    def gone(self, table: Table) -> list[str]:
        found = table.column("is_deleted")
        return [f"coalesce({found}, false)"] if found else []

    def changes(self, of: Object) -> tuple[Table | None, Sequence[str], Sequence[str]]:
        one = {"deals": "deal", "contacts": "contact"}[of.name]
        return self.find(f"{one}_property_history"), (f"{one}_id",), ("name",)

    def stages(self) -> list[Part]:
        stage, pipeline = self.find("deal_pipeline_stage"), self.find("deal_pipeline")
        if stage is None:
            return []
        probability = stage.text("probability")
        is_closed = stage.text("is_closed")
        if is_closed is None and probability:  # older tables only say which stage is won
            is_closed = f"CAST(TRY_CAST({probability} AS DOUBLE) IN (0, 1) AS VARCHAR)"
        label = None
        if pipeline and (key := pipeline.text("pipeline_id", "id")) and (name := pipeline.text("label")):
            own = stage.text("pipeline_id")
            label = f"(SELECT max({name}) FROM {pipeline.source} WHERE {key} = {own})"
        active = stage.column("active")
        gone = [*stage.gone(), *([f"NOT coalesce({active}, true)"] if active else [])]
        fields = {
            "object_type": literal("deals"),
            "pipeline_id": stage.text("pipeline_id"),
            "id": stage.text("stage_id", "id"),
            "pipeline_label": label,
            "label": stage.text("label"),
            "displayOrder": stage.text("display_order"),
            "isClosed": is_closed,
            "probability": probability,
            "archived": f"CAST({' OR '.join(gone) or 'false'} AS VARCHAR)",
        }
        return [Part(stage, known(fields), (pipeline,) if pipeline else (), keeps_gone=True)]

    def owners(self) -> list[Part]:
        owner, member = self.find("owner"), self.find("owner_team")
        if owner is None:
            return []
        active = owner.column("is_active")
        gone = [*owner.gone(), *([f"NOT coalesce({active}, true)"] if active else [])]
        team = None
        key = owner.text("owner_id", "id")
        if member and (of := member.text("owner_id")) and (in_ := member.text("team_id")):
            primary = member.column("is_team_primary") or "false"
            there = " ".join(f"AND NOT ({one})" for one in member.gone())
            team = (
                f"(SELECT min_by({in_}, (NOT coalesce({primary}, false), {in_})) FROM {member.source}"
                f" WHERE {of} = {key} {there})"
            )
        fields = {
            "id": key,
            "firstName": owner.text("first_name"),
            "lastName": owner.text("last_name"),
            "team_id": team,
            "archived": f"CAST({' OR '.join(gone) or 'false'} AS VARCHAR)",
        }
        return [Part(owner, known(fields), (member,) if member else (), keeps_gone=True)]

    def teams(self) -> list[Part]:
        table = self.find("team")
        if table is None:
            return []
        fields = {"id": table.text("id"), "name": table.text("name")}
        return [Part(table, known(fields))]

    def links(self) -> list[Part]:
        parts = []
        for name, from_type, to_type, ids in (
            ("deal_contact", "deals", "contacts", ("deal_id", "contact_id")),
            ("deal_company", "deals", "companies", ("deal_id", "company_id")),
            ("line_item_deal", "line_items", "deals", ("line_item_id", "deal_id")),
            ("engagement_contact", "", "contacts", ("engagement_id", "contact_id")),
            ("engagement_deal", "", "deals", ("engagement_id", "deal_id")),
        ):
            table = self.find(name)
            if table and (from_id := table.text(ids[0])) and (to_id := table.text(ids[1])):
                parts.append(self._link(table, from_type, to_type, from_id, to_id))
        return parts

    def _link(self, table: Table, from_type: str, to_type: str, from_id: str, to_id: str) -> Part:
        conditions = " AND ".join(f"NOT ({one})" for one in (*table.gone(), *table.earlier()))
        number = table.text("type_id") or "CAST(NULL AS VARCHAR)"
        pairs = (
            f"SELECT {from_id} AS from_id, {to_id} AS to_id, {number} AS type FROM {table.source}"
            f" WHERE {conditions or 'true'}"
        )
        if from_type:
            return link(table, f"({pairs})", from_type, to_type)
        kinds = " UNION ALL ".join(  # an engagement's number is that of a call, an e-mail, ...
            f"SELECT {literal(one.name)} AS from_type, id FROM {self._of_raw(one)}" for one in ACTIVITIES
        )
        joined = f"SELECT pairs.*, from_type FROM ({pairs}) AS pairs JOIN ({kinds}) AS kinds ON id = from_id"
        watched = self._there(table.name, *(name for one in ACTIVITIES for name in self.TABLES[one.name]))
        return link(table, f"({joined})", "", to_type, watched=watched)
