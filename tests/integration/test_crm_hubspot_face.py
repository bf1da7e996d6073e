"""The company of the demo in HubSpot gives the numbers that its export files give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import duckdb
import pytest

from demo.render_hubspot import SETTINGS, Face, render_hubspot
from orchestration.ingest.crm import hubspot_objects as objects
from orchestration.ingest.crm import hubspot_rows as rows
from orchestration.ingest.crm.landing import Landing
from tests.proof import faces
from tests.proof.compiled import SOURCE, Node
from tests.proof.in_memory import run as run_model

Leads = Literal["contacts", "leads"]


def land_face(face: Face, leads: Leads) -> faces.Land:
    """Puts the records into raw as the reader does, without a network."""

    def land(con: duckdb.DuckDBPyConnection, source: str, folder: Path) -> None:
        landing = Landing(con, "raw_hubspot", source, faces.LOADED_AT, folder)
        [portal] = face.objects["account"].values()
        landing.land(objects.ACCOUNT, [rows.account(portal, leads, ("UNQUALIFIED", "BAD_TIMING"))])
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

    return land


def _all(face: Face, name: str) -> Iterator[dict[str, Any]]:
    yield from face.objects.get(name, {}).values()


def rows_of(object_: objects.Object) -> Any:
    asked = objects.properties_of(object_, SETTINGS)
    return lambda one: rows.record(one, asked)


def _named(name: str) -> objects.Object:
    return next(one for one in objects.OBJECTS if one.name == name)


def besides(face: Face) -> dict[str, str]:
    """Models that HubSpot cannot fill, by what the company gives besides: the same to both faces."""
    ledger, to_hubspot = faces.ledger(), {theirs: ours for ours, theirs in face.ids.items()}

    def ident(ledger_id: str | None) -> str:
        return "null::varchar" if ledger_id is None else f"'{SOURCE}:{to_hubspot[ledger_id]}'"

    rates = ", ".join(
        f"('{SOURCE}', '{rate.currency}', {rate.rate}::decimal(18, 8), date '{rate.valid_from}')"
        for rate in ledger.rates
    )
    targets = ", ".join(
        f"({ident(one.rep_id)}, {ident(one.team_id)}, '{one.period_type}', 'EUR',"
        f" {one.amount}::decimal(18, 2), date '{one.period_start}')"
        for one in ledger.targets
    )
    hired = ", ".join(
        f"({ident(rep.rep_id)}, {rep.lead_capacity or 'null'}::bigint, date '{rep.hired_on}')"
        for rep in ledger.reps
    )
    regions = ", ".join(f"({ident(team.team_id)}, '{team.region}')" for team in ledger.teams)
    return {
        "stg_hubspot__exchange_rates": f"select * from (values {rates}) as t(rate_source, currency, rate, valid_from)",
        "stg_hubspot__targets": f"select * from (values {targets}) as"
        " t(rep_id, team_id, period_type, currency, target_amount, period_start)",
        "stg_hubspot__reps": "select r.* replace (t.lead_capacity as lead_capacity, t.hired_on as hired_on)"
        f" from (%s) as r left join (values {hired}) as t(rep_id, lead_capacity, hired_on) using (rep_id)",
        "stg_hubspot__teams": "select r.* replace (t.region as region)"
        f" from (%s) as r left join (values {regions}) as t(team_id, region) using (team_id)",
    }


@pytest.mark.parametrize("leads", ["contacts", "leads"])
def test_the_numbers_are_those_of_the_export_files(leads: Leads, monkeypatch: pytest.MonkeyPatch) -> None:
    face = render_hubspot(faces.ledger(), leads=leads)
    given = besides(face)

    def run(con: duckdb.DuckDBPyConnection, model: Node) -> None:
        if model.name not in given:
            run_model(con, model)
            return
        assert con.execute(f"select * from ({model.sql}\n) limit 0").description
        sql = given[model.name]
        con.execute(f"create table {model.relation} as {sql % model.sql if '%s' in sql else sql}")

    monkeypatch.setattr(faces, "run", run)
    found = faces.of(land_face(face, leads), {"kind": "hubspot"} | SETTINGS | {"leads": leads})
    told = faces.differences(found, face.ids, {})
    assert not told, "\n".join(told)
