"""A release with personal data in it is not published, and what says so holds no value."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from small_company import CONTRACTS, open_warehouse, publish_small, settings_in

from orchestration.checks.contracts import Column
from orchestration.errors import GateError
from orchestration.publish.catalogue import current

ADDRESS = "jan@example.com"


def test_an_address_in_a_published_table_stops_the_release(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with open_warehouse(settings) as con:
        served = publish_small(con, settings)
        con.execute(f"update marts.dim_teams set team_id = 'crm:{ADDRESS}' where team_id = 'crm:T3'")
        with pytest.raises(GateError) as caught:
            publish_small(con, settings, minute=1)
    assert "dim_teams.team_id: 1 of 9 values hold e-mail addresses" in str(caught.value)
    now = current(settings)
    assert now is not None
    assert now.release_id == served.release_id
    left = [path for path in settings.paths.published.rglob("*") if path.is_file()]
    assert (settings.paths.published / "last_failure.json") in left
    assert [path for path in left if ADDRESS.encode() in path.read_bytes()] == []
    assert ADDRESS not in str(caught.value)


@pytest.mark.parametrize("column", ["contact_id", "email_hash"])
def test_a_column_that_staging_marks_stops_the_release_under_its_name(tmp_path: Path, column: str) -> None:
    settings = settings_in(tmp_path)
    teams = CONTRACTS["dim_teams"]
    marked = dataclasses.replace(teams, columns=(*teams.columns, Column(column, "varchar", "Personal.")))
    with open_warehouse(settings) as con:
        con.execute(f"alter table marts.dim_teams add column {column} varchar")
        with pytest.raises(GateError, match=rf"dim_teams\.{column}: is marked personal in stg_files__"):
            publish_small(con, settings, contracts={**CONTRACTS, "dim_teams": marked})
    assert current(settings) is None
