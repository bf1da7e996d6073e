"""The demo company as Pipedrive shows it gives the numbers of its export files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from demo.render_export import render_export
from demo.render_pipedrive import as_pipedrive_knows, render_pipedrive, settings_of
from orchestration.ingest import files
from orchestration.ingest.crm import pipedrive_rows as rows
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.pipedrive_objects import BY_NAME, CHANGES_READ
from tests.proof import faces
from tests.proof.compiled import settings_for
from tests.proof.differences import KPI_KEY
from tests.reference.world import Rules

ABOUT_THE_RUN = faces.ABOUT_THE_RUN
KEYS = {"kpi_scorecard": ("kpi", *KPI_KEY[:5])}


def land_records(con: duckdb.DuckDBPyConnection, source: str, folder: Path) -> None:
    """The rendered records, by the reader's own rows, without the network between."""
    company = render_pipedrive(faces.ledger())
    landing = Landing(con, "raw_pipedrive", source, faces.LOADED_AT, folder)
    fields = {
        name: own["field_code"]
        for own in company.lists["dealFields"].values()
        for name in [own["field_name"]]
    }
    parts = {
        "source": "channel",
        "campaign": fields["Campaign"],
        "industry": fields["Industry"],
        "status": fields["Lead status"],
    }
    listed = {name: list(records.values()) for name, records in company.lists.items()}
    listed["goals"] = [rows.goal(one) for one in listed["goals"]]
    listed["organizations"] = [rows.organization(one) for one in listed["organizations"]]
    listed["persons"] = [rows.person(one) for one in listed["persons"]]
    listed["leads"] = [rows.lead(one, parts) for one in listed["leads"]]
    listed["deals"] = [rows.deal(one, parts) for one in listed["deals"]]
    listed["activities"] = [rows.activity(one) for one in listed["activities"]]
    listed["team_users"] = [
        {"team_id": team["id"], "user_id": user} for team in listed["teams"] for user in team["users"]
    ]
    listed["deal_changes"] = [
        row
        for deal_id, log in company.lists["changelog"].items()
        for row in rows.changes(deal_id, log["entries"], CHANGES_READ)
    ]
    listed["deals_followed"] = [
        {"what": "changes", "deal_id": one["id"], "update_time": one["update_time"]}
        for one in listed["deals"]
    ]
    listed["exchange_rates"] = [
        {"currency": one.currency, "valid_from": str(one.valid_from), "rate": float(one.rate)}
        for one in faces.ledger().rates
    ]
    listed["field_options"] = list(_options(company.lists))
    for name, object_ in BY_NAME.items():
        landing.land(object_, listed.get(name, []))


def _options(lists: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    found = {
        "source": lists["dealFields"]["channel"],
        "industry": next(one for one in lists["dealFields"].values() if one["field_name"] == "Industry"),
        "organization_industry": lists["organizationFields"]["industry"],
        "product_category": lists["productFields"]["category"],
    }
    for part, own in found.items():
        for option in own["options"]:
            yield {"part": part, **option}


def of_export_files() -> faces.Tables:
    """What comes of the clean export of what Pipedrive can know, by the same ids."""

    def land(con: duckdb.DuckDBPyConnection, source: str, folder: Path) -> None:
        (folder / "files").mkdir()
        render_export(as_pipedrive_knows(faces.ledger()), folder / "files" / "in", clean=True)
        settings = settings_for(Rules(), folder / "files")
        settings.paths.warehouse.mkdir(exist_ok=True)
        for table in files.TABLES:
            files.load_table(con, settings, source, table, faces.LOADED_AT)

    return faces.of(land)


def differing(found: faces.Tables, expected: faces.Tables) -> list[str]:
    lines = []
    for table in sorted(expected.keys() - ABOUT_THE_RUN):
        ours = faces._counted(found[table], frozenset(), {})
        theirs = faces._counted(expected[table], frozenset(), {})
        missing, more = theirs - ours, ours - theirs
        if missing or more:
            lines.append(f"{table}: {missing.total()} of {theirs.total()} missing, {more.total()} too many")
            lines += [faces._beside(row, more) for row in sorted(missing, key=str)[:2]]
    return lines


@pytest.fixture(scope="module")
def expected() -> faces.Tables:
    return of_export_files()


def test_the_numbers_are_those_of_the_export_files(expected: faces.Tables) -> None:
    found = faces.of(land_records, settings_of("https://made-up.pipedrive.com"))
    assert found.keys() == expected.keys()
    assert not (lines := differing(found, expected)), "\n".join(lines)
    assert sum(len(found[table]) for table in found) > 10_000
