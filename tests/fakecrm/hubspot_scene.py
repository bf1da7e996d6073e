"""A source of kind hubspot that reads a made-up HubSpot, run after run.

Belongs here: what the tests of the reader share. Does not belong here: what they expect.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from demo.render_hubspot import SETTINGS, Face, Leads
from orchestration.ingest.crm import hubspot_objects as objects
from orchestration.ingest.crm import hubspot_rows as rows
from orchestration.ingest.crm import raw_schema
from orchestration.ingest.crm.hubspot import HubspotReader
from orchestration.ingest.crm.hubspot_session import HubspotSession
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.session import Patience
from orchestration.setting_sources import HubspotSource
from tests.fakecrm.faults import Plan
from tests.fakecrm.hubspot import Hubspot, Limits
from tests.fakecrm.server import serving
from tests.fakecrm.store import Store

LOADED_AT = datetime(2026, 4, 1, 3, tzinfo=UTC)
DISQUALIFIED = ("UNQUALIFIED", "BAD_TIMING")


def land_face(face: Face, leads: Leads, con: duckdb.DuckDBPyConnection, source: str, folder: Path) -> None:
    """Puts the records into raw as the reader does, without a network."""
    landing = Landing(con, "raw_hubspot", source, LOADED_AT, folder)
    [portal] = face.objects["account"].values()
    landing.land(objects.ACCOUNT, [rows.account(portal, leads, DISQUALIFIED)])
    owners = list(face.objects["owners"].values())
    landing.land(objects.OWNERS, map(rows.owner, owners))
    landing.land(objects.TEAMS, rows.teams(owners))
    stages = [
        stage
        for kind in ("deals", "leads")
        for pipeline in face.objects[f"pipelines/{kind}"].values()
        for stage in rows.stages(kind, pipeline)
    ]
    landing.land(objects.PIPELINE_STAGES, stages)
    for object_ in objects.RECORDS:
        asked = objects.properties_of(object_, SETTINGS)
        merged_away = face.merged_away.get(object_.name, {})
        landing.land(object_, (rows.record(one, asked) for one in merged_away.values()))
        there = face.objects.get(object_.name, {})
        landing.land(object_, (rows.record(one, asked) for one in there.values()))
        landing.bury(object_, merged_away)
    for name, (object_, properties) in objects.HISTORIES.items():
        changes = [
            change
            for one in (
                *face.objects.get(object_.name, {}).values(),
                *face.merged_away.get(object_.name, {}).values(),
            )
            for change in rows.changes(one, properties)
        ]
        landing.land(_named(name), changes)
    for name, object_ in objects.MERGES.items():
        landing.land(_named(name), rows.merges(map(rows_of(object_), _all(face, object_.name))))
    for from_, to in objects.LINKS:
        links = face.objects.get(f"links/{from_.name}/{to.name}", {})
        answer = [
            {
                "from": {"id": from_id},
                "to": [
                    {"toObjectId": int(to_id), "associationTypes": [{"typeId": one} for one in types]}
                    for to_id, types in others.items()
                ],
            }
            for from_id, others in links.items()
        ]
        landing.land(
            objects.ASSOCIATIONS, (row for one in answer for row in rows.links(from_.name, to.name, one))
        )


def _all(face: Face, name: str) -> Iterator[dict[str, Any]]:
    yield from face.objects.get(name, {}).values()


def rows_of(object_: objects.Object) -> Any:
    asked = objects.properties_of(object_, SETTINGS)
    return lambda one: rows.record(one, asked)


def _named(name: str) -> objects.Object:
    return next(one for one in objects.OBJECTS if one.name == name)


@dataclass
class Scene:
    """`run` reads everything as the load of one day does; `day` 0 is the first."""

    hubspot: Hubspot
    plan: Plan
    api: str
    folder: Path
    leads: Leads = "contacts"
    piece: int = 3
    con: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)
    waited: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        raw_schema.prepare(self.con, "raw_hubspot", {one.name: one for one in objects.OBJECTS})

    def reader(self) -> HubspotReader:
        source = HubspotSource(kind="hubspot", api=self.api, leads=self.leads, **SETTINGS)
        patience = Patience(first=0.001, longest=0.01)
        session = HubspotSession("hs", patience=patience, sleep=self.waited.append, clock=lambda: 0.0)
        return HubspotReader(source, session, piece=self.piece)

    def run(self, day: float = 0) -> Landing:
        at = LOADED_AT + timedelta(days=day)
        landing, reader = Landing(self.con, "raw_hubspot", "hs", at, self.folder), self.reader()
        for object_ in objects.OBJECTS:
            reader.read(object_, landing)
        return landing

    def at(self, day: float) -> str:
        """An instant as HubSpot writes it, an hour before the run of a day."""
        return f"{LOADED_AT + timedelta(days=day, hours=-1):%Y-%m-%dT%H:%M:%S}.000Z"

    def differences(self) -> list[str]:
        """Where raw is not what HubSpot has, whatever is asked."""
        face = Face(objects=dict(self.hubspot.store.objects))
        expected = duckdb.connect()
        raw_schema.prepare(expected, "raw_hubspot", {one.name: one for one in objects.OBJECTS})
        land_face(face, self.leads, expected, "hs", self.folder)
        lines = []
        for object_ in objects.OBJECTS:
            if "lead" in object_.name and self.leads != "leads":
                continue
            ours, theirs = newest(self.con, object_), newest(expected, object_)
            if object_ is objects.PIPELINE_STAGES and self.leads != "leads":
                theirs = {row for row in theirs if row[0] == "deals"}
            if object_ is objects.ASSOCIATIONS and self.leads != "leads":
                theirs = {row for row in theirs if "leads" not in (row[2], row[4])}
            if object_.name in (*objects.HISTORIES, *objects.MERGES):
                ours = {row for row in ours if row in theirs}  # what is known of those that are gone stays
            if object_ is objects.ASSOCIATIONS:
                gone = self._gone()
                ours = {row for row in ours if (row[2], row[3]) not in gone}
                theirs = {row for row in theirs if (row[2], row[3]) not in gone}
            if ours != theirs:
                missing, more = sorted(theirs - ours, key=str), sorted(ours - theirs, key=str)
                lines.append(
                    f"{object_.name}: missing {len(missing)} {missing[:2]}, more {len(more)} {more[:2]}"
                )
        return lines

    def _gone(self) -> set[tuple[str, str]]:
        """Parents that are archived or away: nobody can ask for their links any more."""
        known = {
            (name, one)
            for name in {of.name for of, _ in objects.LINKS}
            for (one,) in self.con.execute(f'select distinct id from raw_hubspot."{name}"').fetchall()
        }
        known |= {
            (of.name, one)
            for of, to in objects.LINKS
            for one in self.hubspot.store.objects[f"links/{of.name}/{to.name}"]
        }
        there = {
            (name, one["id"])
            for name in {of.name for of, _ in objects.LINKS}
            for one in self.hubspot.store.objects[name].values()
            if not one["archived"]
        }
        return known - there


def newest(con: duckdb.DuckDBPyConnection, object_: objects.Object) -> set[tuple[Any, ...]]:
    """What raw holds of an object now, without tombstones."""
    names = ", ".join(f'"{one.name}"' for one in object_.fields)
    key = ", ".join(f'"{name}"' for name in object_.key)
    found = con.execute(
        f'select {names} from (select * from raw_hubspot."{object_.name}" qualify row_number() over'
        f" (partition by {key} order by _batch_number desc, _source_row desc) = 1) where not _is_deleted"
    )
    return set(found.fetchall())


@contextmanager
def scene(face: Face, folder: Path, leads: Leads = "contacts", **options: Any) -> Iterator[Scene]:
    limits = Limits(rolling=1_000_000, searches=1_000_000)  # the clock of a scene stands still
    hubspot, plan = Hubspot(Store(face.objects), limits=limits), Plan()
    for name in ("contacts", "deals"):
        hubspot.extra_properties[name] = {SETTINGS["lead_source"], SETTINGS["lead_campaign"]}
    with serving(hubspot.routes(), plan) as api:
        yield Scene(hubspot, plan, api, folder, leads, **options)
