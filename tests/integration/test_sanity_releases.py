"""Releases beside the one before: what is hardly true is refused, let through with a reason, or told."""

from __future__ import annotations

import csv
import json
import os
import pwd
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from small_company import AS_OF, CONTRACTS, NOW, note_build, open_warehouse, settings_in

from orchestration.checks.contracts import Column, Contract
from orchestration.checks.reconciliation import Reconciliation
from orchestration.errors import GateError, SettingsError
from orchestration.publish import catalogue
from orchestration.publish.manifest import ReleaseInfo, read_manifest
from orchestration.publish.release import AuditError, publish
from orchestration.publish.sanity_gate import SanityError
from orchestration.settings import Settings

LEADS = Contract(
    "fct_leads", "One row per lead.", (Column("lead_id", "varchar", "Lead."),), ("lead_id",)
)  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def con(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(settings) as con:
        put_leads(con, 1000)
        yield con


def put_leads(con: duckdb.DuckDBPyConnection, rows: int) -> None:
    con.execute(
        f"create or replace table marts.fct_leads as select 'crm:' || n as lead_id from range({rows}) t(n)"
    )


def release(con: Any, settings: Settings, minute: int, **changed: Any) -> ReleaseInfo:
    arguments: dict[str, Any] = {
        "run_id": f"run-{minute}",
        "as_of": AS_OF,
        "code_version": "0.1.0",
        "contracts": {**CONTRACTS, "fct_leads": LEADS},
        "created_at": NOW + timedelta(minutes=minute),
    }
    return publish(con, settings, **(arguments | changed))


def sanity_of(info: ReleaseInfo) -> dict[str, Any]:
    found: dict[str, Any] = read_manifest(info.folder)["sanity"]
    return found


def note_of(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((settings.paths.published / "last_failure.json").read_text())
    return found


def test_what_is_hardly_true_is_refused_until_somebody_accepts_it(con: Any, settings: Settings) -> None:
    first = release(con, settings, 0, accept="there is nothing to accept")
    assert sanity_of(first) == {"compared_with": None, "skipped": [], "findings": [], "accepted": None}
    put_leads(con, 400)
    with pytest.raises(SanityError) as refused:
        release(con, settings, 1)
    assert isinstance(refused.value, GateError)
    assert str(refused.value) == (
        f"Nothing was published, a finding is hardly true beside release {first.release_id}, "
        "which still serves.\n"
        "  fct_leads: the rows of source 'crm' fell from 1,000 to 400 (60%); more than 30% is refused. "
        "Look whether its export is whole.\n"
        '  If it is right after all: zeven run --accept "why". The limits: [sanity] of the settings.'
    )
    assert note_of(settings)["message"] == str(refused.value)
    assert [finding["subject"] for finding in note_of(settings)["findings"]] == ["fct_leads of crm"]
    served = catalogue.current(settings)
    assert served is not None
    assert served.release_id == first.release_id
    assert [entry.name for entry in (settings.paths.published / "releases").iterdir()] == [first.release_id]

    second = release(con, settings, 2, accept=" the old  CRM\nwas closed ")
    kept = sanity_of(second)
    assert kept["compared_with"] == first.release_id
    accepted = kept["accepted"]
    assert accepted["by"] == pwd.getpwuid(os.getuid()).pw_name
    assert accepted["reason"] == "the old CRM was closed"
    assert accepted["at"].endswith("Z")
    assert [(finding["was"], finding["now"]) for finding in accepted["findings"]] == [(1000, 400)]
    [warning] = second.warnings
    assert warning["message"].startswith(
        f"Accepted by {accepted['by']} (the old CRM was closed): fct_leads: the rows"
    )
    assert not (settings.paths.published / "last_failure.json").exists()

    third = release(con, settings, 3)
    assert sanity_of(third)["findings"] == [], "what was accepted is what the next one is compared with"
    assert third.warnings == ()


def test_what_is_worth_a_look_is_published_with_a_warning(con: Any, settings: Settings) -> None:
    release(con, settings, 0)
    put_leads(con, 900)
    second = release(con, settings, 1, accept="not needed")
    assert sanity_of(second)["accepted"] is None
    [warning] = second.warnings
    assert (warning["kind"], warning["check"]) == ("sanity", "source_rows")
    assert warning["message"].startswith("fct_leads: the rows of source 'crm' fell from 1,000 to 900 (10%)")


def test_the_limits_are_the_settings(con: Any, settings: Settings) -> None:
    release(con, settings, 0)
    put_leads(con, 400)
    lenient = settings.sanity.model_copy(update={"rows_block": 0.6})
    second = release(con, settings.model_copy(update={"sanity": lenient}), 1)
    assert [finding["severity"] for finding in sanity_of(second)["findings"]] == ["warn"]


def test_after_going_back_the_release_that_serves_is_compared_with(con: Any, settings: Settings) -> None:
    first = release(con, settings, 0)
    put_leads(con, 300)
    release(con, settings, 1, accept="a mistake")
    catalogue.rollback(settings)
    with pytest.raises(SanityError, match=first.release_id):
        release(con, settings, 2)


def test_of_an_earlier_instant_there_are_fewer_records(con: Any, settings: Settings) -> None:
    first = release(con, settings, 0)
    put_leads(con, 10)
    note_build(con, as_of=AS_OF - timedelta(days=30))
    second = release(con, settings, 1, as_of=AS_OF - timedelta(days=30))
    kept = sanity_of(second)
    assert kept["findings"] == []
    assert kept["skipped"][0].startswith(f"Release {first.release_id} describes a later instant")
    assert [warning["check"] for warning in second.warnings] == ["skipped"]


@pytest.mark.parametrize("file", ["manifest.json", "zeven.duckdb"])
def test_a_damaged_release_does_not_stop_its_remedy(con: Any, settings: Settings, file: str) -> None:
    first = release(con, settings, 0)
    first.folder.chmod(0o755)
    (first.folder / file).chmod(0o644)
    (first.folder / file).write_text("damaged")
    put_leads(con, 10)
    second = release(con, settings, 1)
    assert sanity_of(second)["compared_with"] is None
    assert second.warnings[0]["message"] == (
        f"Release {first.release_id}, which served, cannot be read: nothing was compared with it."
    )


def test_a_table_of_other_types_is_told_and_the_rest_compared(con: Any, settings: Settings) -> None:
    numbers = Contract("fct_leads", "-", (Column("lead_id", "bigint", "Lead."),), ("lead_id",))
    con.execute(
        "create or replace table marts.fct_leads as select n::bigint as lead_id from range(1000) t(n)"
    )
    release(con, settings, 0, contracts={**CONTRACTS, "fct_leads": numbers})
    put_leads(con, 10)
    con.execute("update marts.kpi_sales set amount = null")
    with pytest.raises(SanityError, match=r"kpi_sales\.amount: without a value in 0% of the rows"):
        release(
            con,
            settings.model_copy(update={"sanity": settings.sanity.model_copy(update={"minimum_rows": 5})}),
            1,
        )
    second = release(con, settings, 2)
    [skipped] = sanity_of(second)["skipped"]
    assert skipped.endswith("cannot be compared (rows of the sources: BinderException).")


def test_a_reason_has_to_be_one(con: Any, settings: Settings) -> None:
    with pytest.raises(SettingsError, match="--accept: the reason is empty"):
        release(con, settings, 0, accept=" \n ")
    assert catalogue.current(settings) is None


def test_tables_that_disagree_are_refused_with_their_keys_in_a_file(con: Any, settings: Settings) -> None:
    con.execute("delete from marts.dim_teams where team_id = 'crm:T3'")
    with pytest.raises(AuditError) as refused:
        release(con, settings, 0, accept="nothing of the audit can be accepted")
    file = settings.paths.published / "rejects" / "run-0.csv"
    assert str(refused.value) == (
        "Nothing was published, a check failed; there is no earlier release.\n"
        "  kpi_sales: 'every team_id stands in dim_teams' fails in 1 place, first at team_id=crm:T3.\n"
        f"  The keys of the failing rows: {file}"
    )
    with file.open(newline="") as text:
        [row] = csv.DictReader(text)
    assert (row["table"], row["rule"], row["severity"]) == (
        "kpi_sales",
        "reconciles.team_id_is_known",
        "error",
    )
    assert json.loads(row["key"]) == {"team_id": "crm:T3"}
    assert note_of(settings)["rejects"] == "rejects/run-0.csv"
    assert str(file) not in note_of(settings)["message"]


def test_tables_that_disagree_a_little_are_published_with_a_warning(con: Any, settings: Settings) -> None:
    rule = Reconciliation(
        "few", "dim_teams", "few teams", "select team_id from {dim_teams} where team_id > 'crm:T7'", "warn"
    )
    info = release(con, settings, 0, reconciliations=[rule])
    [warning] = info.warnings
    assert (warning["kind"], warning["rule"]) == ("contract", "reconciles.few")
    file = settings.paths.published / warning["rejects"]
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    checks = read_manifest(info.folder)["checks"]
    [kept] = [check for check in checks if not check["passed"]]
    assert kept["keys"] == [{"team_id": "crm:T8"}, {"team_id": "crm:T9"}]
    assert info.tables["dim_teams"] == 9
