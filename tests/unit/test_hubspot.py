"""HubSpot as a source kind: wired up, diagnosed, and its answers as rows."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from demo.render_hubspot import SETTINGS, render_hubspot
from demo.simulate import simulate
from orchestration.errors import SourceError
from orchestration.ingest.crm import hubspot_rows as rows
from orchestration.ingest.crm.hubspot_doctor import diagnose
from orchestration.ingest.registry import KINDS
from orchestration.settings import Settings
from tests.fakecrm.faults import Fault
from tests.fakecrm.hubspot import TOKEN
from tests.fakecrm.hubspot_scene import Scene, scene
from tests.proof.compiled import settings_for
from tests.reference.world import Rules

FACE = render_hubspot(simulate(seed=5, scale=0.01, until=date(2026, 3, 31), years=1))


@pytest.fixture
def hubspot(tmp_path: Path) -> Iterator[Scene]:
    with scene(copy.deepcopy(FACE), tmp_path) as made:
        yield made


def settings_of(made: Scene, folder: Path) -> Settings:
    made_settings = settings_for(Rules(), folder, {"kind": "hubspot", "api": made.api} | SETTINGS)
    made_settings.paths.warehouse.mkdir(exist_ok=True)
    return made_settings


def test_the_registry_reads_it_table_by_table(
    hubspot: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZEVEN_CRM_TOKEN", TOKEN)
    settings, kind, con = settings_of(hubspot, tmp_path), KINDS["hubspot"], duckdb.connect()
    kind.prepare(con)
    assert [one.table for one in kind.scan(con, settings)] == list(kind.TABLES)
    at = datetime(2026, 4, 1, 3, tzinfo=UTC)
    for table in ("account", "companies", "contacts", "contact_history"):
        load = kind.load_table(con, settings, "crm", table, at)
        [(count,)] = con.execute(f"select count(*) from raw_hubspot.{table}").fetchall()
        assert load.rows_loaded == count > 0
    # no name, no telephone number, no address
    kept = con.execute("select * from raw_hubspot.contacts").fetchall()
    assert "Example" not in str(kept)
    assert "5550100" not in str(kept)
    assert "@" not in str(kept)


def test_the_doctor_looks_at_token_scopes_properties_and_budget(
    hubspot: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(hubspot, tmp_path)
    monkeypatch.delenv("ZEVEN_CRM_TOKEN", raising=False)
    [missing] = diagnose(settings, "crm")
    assert (missing.verdict, missing.about) == ("wrong", "credential")
    monkeypatch.setenv("ZEVEN_CRM_TOKEN", TOKEN)
    hubspot.plan.faults.append(Fault("properties/line_items", 403, (1, 2)))
    hubspot.hubspot.limits.daily = 1_000
    found = {one.about: one for one in diagnose(settings, "crm")}
    assert found["credential"].message == "HubSpot takes it for account 26001001"
    assert found["line_items"].verdict == "wrong"
    assert "no sale belongs to a product" in found["line_items"].message
    assert found["contacts"].verdict == "ok"
    assert found["budget"].verdict == "ok"
    assert hubspot.plan.count("/objects/") == 0
    monkeypatch.setenv("ZEVEN_CRM_TOKEN", "pat-eu1-of-yesterday")
    with pytest.raises(SourceError) as told:
        list(diagnose(settings, "crm"))
    assert "yesterday" not in str(told.value)


def test_what_was_merged_is_told_by_an_older_property_too() -> None:
    answer = {
        "id": "9",
        "properties": {
            "hs_merged_object_ids": "7;8",
            "hs_calculated_merged_vids": "8:1577840461000;6:1577840461000",
        },
    }
    made = rows.record(answer, {"hs_merged_object_ids": "hs_merged_object_ids"})
    assert made["hs_merged_object_ids"] == "6;7;8"
    assert [one["id"] for one in rows.merges([made])] == ["6", "7", "8"]


def test_of_several_teams_the_primary_one_counts() -> None:
    teams = [{"id": "1", "name": "A", "primary": False}, {"id": "2", "name": "B", "primary": True}]
    assert rows.owner({"id": "5", "teams": teams})["team_id"] == "2"
    assert rows.owner({"id": "5", "teams": []})["team_id"] is None
    assert rows.teams([{"teams": teams}, {"teams": teams[:1]}]) == [
        {"id": "1", "name": "A"},
        {"id": "2", "name": "B"},
    ]


def test_a_close_date_in_milliseconds_is_an_instant() -> None:
    change = {"value": "1769940000000", "timestamp": "2026-01-01T10:00:00.000Z"}
    [made] = rows.changes({"id": "1", "propertiesWithHistory": {"closedate": [change]}}, ["closedate"])
    assert made["value"] == "2026-02-01T10:00:00.000Z"
