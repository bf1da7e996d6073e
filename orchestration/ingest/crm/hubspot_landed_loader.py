"""What the tables of every tool have in common where they hold HubSpot's objects.

Belongs here: records, changes of properties, merges and links as parts of raw tables. Does not belong here:
the names of one tool's tables and columns (`hubspot_fivetran.py`, `hubspot_airbyte.py`, `hubspot_dlt.py`).
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from orchestration.ingest.crm import hubspot_objects as objects
from orchestration.ingest.crm.landed_by_others import Find, OfRaw
from orchestration.ingest.crm.landed_table import Part, Table
from orchestration.ingest.crm.objects import Object
from orchestration.setting_sources import HubspotLandedSource
from orchestration.sql_text import literal

ACTIVITIES = (
    objects.CALLS,
    objects.EMAILS,
    objects.MEETINGS,
    objects.TASKS,
    objects.COMMUNICATIONS,
)
_OF_LEADS = (objects.LEADS, objects.LEAD_HISTORY, objects.MERGED_LEADS)
"""No tool is known to load the pipelines of lead objects, without which none has a status."""


class Loader:
    """One tool. `TABLES` are its tables of records and `IDS` the columns of their ids, by object."""

    TABLES: ClassVar[Mapping[str, Sequence[str]]] = {}
    IDS: ClassVar[Mapping[str, Sequence[str]]] = {}

    def __init__(self, source: HubspotLandedSource, find: Find, of_raw: OfRaw) -> None:
        self.find, self._of_raw = find, of_raw
        self._ours = {name: str(getattr(source, name)) for name in objects.OURS}
        self._disqualified = "".join([";", *(f"{status.upper()};" for status in source.disqualified)])

    def parts(self, object_: Object) -> list[Part] | None:
        """As `Recipe.parts`."""
        if object_ in _OF_LEADS:
            return None
        if object_ is objects.ACCOUNT:
            return [self._account()]
        if object_ in objects.RECORDS:
            return [self._record(object_, table) for table in self._there(*self.TABLES.get(object_.name, ()))]
        if object_.name in objects.HISTORIES:
            return self._history(object_)
        if object_.name in objects.MERGES:
            return [self._merges(objects.MERGES[object_.name])]
        if object_ is objects.PIPELINE_STAGES:
            return self.stages()
        if object_ is objects.ASSOCIATIONS:
            return self.links()
        return self.owners() if object_ is objects.OWNERS else self.teams()

    # one tool's own

    def property(self, table: Table, name: str) -> str | None:
        """The text of a property of a record."""
        raise NotImplementedError

    def gone(self, table: Table) -> list[str]:
        """Conditions under which a record was deleted, besides those of every table."""
        raise NotImplementedError

    def changes(self, of: Object) -> tuple[Table | None, Sequence[str], Sequence[str]]:
        """The table of an object's changed properties, and the names of its columns for id and property."""
        raise NotImplementedError

    def stages(self) -> list[Part]:
        raise NotImplementedError

    def owners(self) -> list[Part]:
        raise NotImplementedError

    def teams(self) -> list[Part]:
        raise NotImplementedError

    def links(self) -> list[Part]:
        raise NotImplementedError

    # every tool's

    def _there(self, *names: str) -> list[Table]:
        return [table for name in names if (table := self.find(name))]

    def _account(self) -> Part:
        """No tool loads it; what hangs on it are the settings."""
        row = {"portalId": "landed", "leads": "contacts", "disqualified": self._disqualified}
        return Part(None, {name: literal(value) for name, value in row.items()}, source="(SELECT 1)")

    def id_of(self, object_: Object, table: Table) -> str | None:
        return table.text(*self.IDS.get(object_.name, ("id",)))

    def _record(self, object_: Object, table: Table) -> Part:
        asked = objects.properties_of(object_, self._ours)
        fields = {name: self.property(table, theirs) for name, theirs in asked.items()}
        if "hs_merged_object_ids" in asked:
            fields["hs_merged_object_ids"] = self._merged(table)
        if "hs_v2_date_entered_opportunity" in asked:  # accounts of old have the other names
            for stage in ("opportunity", "customer"):
                old = fields[f"hs_lifecyclestage_{stage}_date"]
                new = fields[f"hs_v2_date_entered_{stage}"]
                fields[f"hs_v2_date_entered_{stage}"] = (
                    f"coalesce({new}, {old})" if new and old else new or old
                )
        fields["id"] = self.id_of(object_, table)
        fields |= self.archived(table)
        return Part(table, known(fields), keeps_gone=True)

    def archived(self, table: Table) -> dict[str, str | None]:
        """Whether a record is deleted, and since when: as the CRM says, or when the tool saw it."""
        conditions = [*table.gone(), *self.gone(table)]
        is_gone = f"({' OR '.join(conditions)})" if conditions else "false"
        since = table.text("archivedAt", "archived_at")
        if since is None and table.column("_fivetran_synced"):
            since = table.synced
        return {
            "archived": f"CASE WHEN {is_gone} THEN 'true' ELSE 'false' END",
            "archivedAt": f"CASE WHEN {is_gone} THEN {since} END" if since else None,
        }

    def _merged(self, table: Table) -> str | None:
        """Every record that was merged into this one; a contact's older property says when besides."""
        found = [
            self.property(table, f"hs_{name}") for name in ("merged_object_ids", "calculated_merged_vids")
        ]
        told = [f"coalesce({sql}, '')" for sql in found if sql]
        if not told:
            return None
        ids = f"regexp_replace({' || chr(59) || '.join(told)}, ':[0-9]+', '', 'g')"
        split = f"list_filter(list_transform(string_split({ids}, ';'), lambda x: trim(x)), lambda x: x <> '')"
        return f"nullif(array_to_string(list_sort(list_distinct({split})), ';'), '')"

    def _merges(self, of: Object) -> Part:
        ids = "SELECT unnest(string_split(hs_merged_object_ids, ';')) AS merged, id FROM"
        source = f"(SELECT * FROM ({ids} {self._of_raw(of)}) WHERE merged NOT IN ('', id)) AS merges"
        return Part(None, {"id": "merges.merged", "into_id": "merges.id"}, source=source)

    def _history(self, object_: Object) -> list[Part]:
        of, properties = objects.HISTORIES[object_.name]
        table, ids, names = self.changes(of)
        if table is None:
            return []
        name, value = table.text(*names), table.text("value")
        fields = {
            "id": table.text(*ids),
            "property": name,
            "timestamp": table.text("timestamp"),
            "value": value,
        }
        if value:
            at = f"strftime(epoch_ms(TRY_CAST({value} AS BIGINT)), '%Y-%m-%dT%H:%M:%S.000Z')"
            is_number = f"{name} = 'closedate' AND regexp_full_match({value}, '[0-9]{{11,14}}')"
            # an empty text says that the value was taken away
            fields["value"] = f"CASE WHEN {is_number} THEN {at} ELSE {value} END"
        wanted = f"{name} IN ({', '.join(map(literal, properties))})"
        return [Part(table, known(fields), where=(wanted,) if name else (), keeps_versions=True)]


def known(fields: Mapping[str, str | None]) -> dict[str, str]:
    return {name: sql for name, sql in fields.items() if sql}


def newest_of(table: Table, key: str, *listed: str) -> str:
    """The rows of a table that count, one for each key, as a relation named like the table's records."""
    conditions = [f"NOT ({one})" for one in table.earlier()]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    latest = f"ORDER BY {table.synced or '1'} DESC"
    return (
        f"(SELECT {', '.join(listed)} FROM {table.source}{where}"
        f" QUALIFY row_number() OVER (PARTITION BY {key} {latest}) = 1)"
    )


def link(
    table: Table,
    pairs: str,
    from_type: str,
    to_type: str,
    *,
    watched: Iterable[Table] = (),
) -> Part:
    """`pairs` is a relation of `from_id`, `to_id` and `type` (a number, or null), of `from_type` too where
    that is one of several (`from_type` is empty then)."""
    of = "pair.from_type" if not from_type else literal(from_type)
    source = (
        f"(SELECT {of} AS from_type, from_id, to_id,"
        " coalesce(string_agg(DISTINCT type, ',' ORDER BY type), '') AS types"
        f" FROM {pairs} AS pair WHERE from_id IS NOT NULL AND to_id IS NOT NULL GROUP BY ALL) AS link"
    )
    fields = {
        "parent": f"link.from_type || '/' || link.from_id || '/' || {literal(to_type)}",
        "to_id": "link.to_id",
        "from_type": "link.from_type",
        "from_id": "link.from_id",
        "to_type": literal(to_type),
        "types": "',' || link.types || ','",
        "contact_id": "link.to_id" if to_type == "contacts" else "CAST(NULL AS VARCHAR)",
        "lead_id": "CAST(NULL AS VARCHAR)",
        "deal_id": "CASE WHEN link.from_type = 'deals' THEN link.from_id END"
        if to_type == "contacts"
        else "CAST(NULL AS VARCHAR)",
    }
    return Part(table, fields, source=source, watched=tuple(watched))
