"""The company of the demo in HubSpot gives the numbers that its export files give."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from demo.render_hubspot import SETTINGS, Face, Leads, render_hubspot
from tests.fakecrm.hubspot_scene import land_face
from tests.proof import faces
from tests.proof.compiled import SOURCE, Node
from tests.proof.in_memory import run as run_model


def besides(face: Face) -> dict[str, str]:
    """Models that HubSpot cannot fill, by what the company gives besides: the same to both faces."""
    ledger, to_hubspot = faces.ledger(), {theirs: ours for ours, theirs in face.ids.items()}

    def ident(ledger_id: str | None) -> str:
        return "null::varchar" if ledger_id is None else f"'{SOURCE}:{to_hubspot[ledger_id]}'"

    hired = ", ".join(
        f"({ident(rep.rep_id)}, {rep.lead_capacity or 'null'}::bigint, date '{rep.hired_on}')"
        for rep in ledger.reps
    )
    regions = ", ".join(f"({ident(team.team_id)}, '{team.region}')" for team in ledger.teams)
    return {
        "stg_hubspot__reps": "select r.* replace (t.lead_capacity as lead_capacity, t.hired_on as hired_on)"
        f" from (%s) as r left join (values {hired}) as t(rep_id, lead_capacity, hired_on) using (rep_id)",
        "stg_hubspot__teams": "select r.* replace (t.region as region)"
        f" from (%s) as r left join (values {regions}) as t(team_id, region) using (team_id)",
    }


@pytest.mark.parametrize("leads", ["contacts", "leads"])
def test_the_numbers_are_those_of_the_export_files(leads: Leads, monkeypatch: pytest.MonkeyPatch) -> None:
    face = render_hubspot(faces.ledger(), leads=leads)
    given = besides(face)

    def plan(folder: Path) -> None:
        faces.write_rates(folder)
        faces.write_targets(folder, {ours: theirs for theirs, ours in face.ids.items()})

    def run(con: duckdb.DuckDBPyConnection, model: Node) -> None:
        if model.name not in given:
            run_model(con, model)
            return
        assert con.execute(f"select * from ({model.sql}\n) limit 0").description
        con.execute(f"create table {model.relation} as {given[model.name] % model.sql}")

    monkeypatch.setattr(faces, "run", run)
    found = faces.of(
        lambda con, source, folder: land_face(face, leads, con, source, folder),
        {"kind": "hubspot"} | SETTINGS | {"leads": leads},
        plan,
    )
    told = faces.differences(found, face.ids, {})
    assert not told, "\n".join(told)
