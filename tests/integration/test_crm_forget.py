"""A person who is erased from a company that asks its CRM over a network: on files, releases and bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from erased_company import ACCOUNTS, AS_OF, DEALS, LEADS, files_with, raw

from orchestration.cli import cli
from orchestration.erasure import forget as erasure
from orchestration.erasure.forget import STEPS, Asked, Forgotten, forget
from orchestration.errors import SettingsError
from orchestration.ingest.crm.kind import CrmKind, Reader
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.objects import Object, declare
from orchestration.ingest.registry import KINDS
from orchestration.publish.catalogue import current, open_release
from orchestration.publish.release import publish
from orchestration.settings import Settings, load_settings
from orchestration.warehouse import Warehouse

MARKER = "Wolfeschlegelstein7Q"
EMAIL = "Wolf7q@Example.com"
HASH = hashlib.sha256(EMAIL.lower().encode()).hexdigest()
LEAD_ID, OTHER_ID = "lead-77qwx", "lead-88abc"

# deal 7, account 7 and contact 7 have nothing to do with each other: each object counts for itself
OBJECTS = (
    declare("accounts", "id!", "name", clears={"name": ("id", "account")}),
    declare(
        "persons",
        "id!",
        "org_id",
        "email email",
        goes_with={"id": "contact"},
        same_person={"id": "contact"},
        account="org_id",
    ),
    declare(
        "leads",
        "id!",
        "person_id",
        "campaign",
        "added instant",
        goes_with={"id": "lead", "person_id": "contact"},
        same_person={"id": "lead", "person_id": "contact"},
    ),
    declare(
        "deals",
        "id!",
        "person_id",
        "lead_id",
        "org_id",
        "value amount",
        "lost_reason",
        loses={"person_id": "contact", "lead_id": "lead"},
        clears={"lost_reason": ("person_id", "contact")},
    ),
    declare(
        "activities",
        "id!",
        "deal_id",
        "lead_id",
        "person_id",
        goes_with={"lead_id": "lead", "person_id": "contact"},
        kept_by=("deal_id", "lead_id"),
    ),
)
Records = dict[str, list[dict[str, Any]]]


class Made:
    """What the CRM answers; a reader that reads everything each time, as one with a long overlap does."""

    def __init__(self) -> None:
        self.records: Records = {
            "accounts": [{"id": 7, "name": "Bakery"}, {"id": 9, "name": f"{MARKER} and Sons"}],
            "persons": [
                {"id": 7, "email": EMAIL, "org_id": 9, "name": f"Jan {MARKER}"},
                {"id": 8, "email": "other@example.com", "org_id": 7},
            ],
            "leads": [
                {"id": LEAD_ID, "person_id": 7, "added": "2026-02-01T10:00:00Z"},
                {"id": OTHER_ID, "person_id": 8, "added": "2026-02-01T10:00:00Z", "title": MARKER},
                {"id": LEAD_ID, "person_id": 7, "added": "never", "campaign": f"mail of {EMAIL}"},
            ],
            "deals": [
                {"id": 5, "person_id": 7, "lead_id": LEAD_ID, "value": 100, "lost_reason": f"{MARKER} left"},
                {"id": 7, "person_id": 8, "lead_id": OTHER_ID, "value": 200, "lost_reason": "price"},
            ],
            "activities": [
                {"id": 1, "person_id": 7},
                {"id": 2, "person_id": 7, "deal_id": 5},
                {"id": 3, "person_id": 7, "lead_id": LEAD_ID},
                {"id": 4, "person_id": 7, "lead_id": OTHER_ID},
                {"id": 7, "person_id": 8},
            ],
        }

    def read(self, object_: Object, landing: Landing) -> int:
        landing.land(object_, self.records[object_.name], cursor={"at": "2026-03-01"})
        return 1


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    made = Made()

    def open_reader(settings: Settings, source: str) -> Reader:
        return made

    monkeypatch.setitem(KINDS, "pipedrive", CrmKind("pipedrive", OBJECTS, open_reader))
    monkeypatch.setattr(erasure, "_run", build_and_publish)
    return made


@pytest.fixture
def settings(made: Made, tmp_path: Path) -> Iterator[Settings]:
    file = tmp_path / "zeven.toml"
    file.write_text(
        '[company]\nname = "Small"\n[sources.pd]\nkind = "pipedrive"\napi = "https://small.pipedrive.com"\n'
    )
    settings = load_settings(file, environ={})
    build_and_publish(settings)
    yield settings
    assert not (tmp_path / "warehouse" / ".forgetting.json").exists()


def extract(settings: Settings) -> list[str]:
    """What the load has to say."""
    kind = KINDS["pipedrive"]
    with Warehouse(settings).connect() as con:
        kind.prepare(con)
        now = datetime.now(UTC)
        return [
            finding
            for table in kind.TABLES
            for finding in kind.load_table(con, settings, "pd", table, now).findings
        ]


def build_and_publish(settings: Settings) -> str:
    """Ask the CRM, build marts of the newest versions, publish: as a run does."""
    extract(settings)
    newest = "qualify row_number() over (partition by id order by _batch_number desc, _source_row desc) = 1"
    with Warehouse(settings).connect() as con:
        con.execute("create schema if not exists zeven")
        con.execute(
            f"create or replace table marts.fct_leads as"
            f" select 'pd:' || id as lead_id from raw_pipedrive.leads {newest}"
        )
        con.execute(
            "create or replace table marts.fct_opportunities as select 'pd:' || id as opportunity_id,"
            f" 'pd:' || lead_id as lead_id, value as amount from raw_pipedrive.deals {newest}"
        )
        con.execute(
            "create or replace table marts.dim_accounts as select 'pd:' || id as account_id,"
            f" name as account_name from raw_pipedrive.accounts {newest}"
        )
        con.execute(
            "create or replace table zeven.build_result as select 'run-1' as run_id,"
            " $1::timestamptz as as_of, now()::timestamptz as finished_at, true as passed,"
            " true as is_whole, '[]'::json as checks",
            [AS_OF],
        )
        served = current(settings)
        at = served.created_at + timedelta(minutes=1) if served else datetime(2026, 4, 1, tzinfo=UTC)
        contracts = {one.table: one for one in (LEADS, DEALS, ACCOUNTS)}
        release = publish(
            con, settings, run_id="r", as_of=AS_OF, code_version="1", contracts=contracts, created_at=at
        )
    return release.release_id


def erase(settings: Settings, **asked: Any) -> Forgotten:
    return forget(settings, Asked(**asked), wait_seconds=0)


def assert_gone(settings: Settings) -> None:
    """The person is in no table, no release and no byte; everybody else is as before."""
    assert files_with(settings, LEAD_ID, EMAIL, f"{MARKER} left") == []
    assert HASH.encode() not in (settings.paths.warehouse / "work.duckdb").read_bytes() or raw(
        settings, f"select 1 from zeven.forgotten where record_hash = '{HASH}'"
    )
    assert raw(settings, "select id from raw_pipedrive.leads") == [(OTHER_ID,)]
    assert raw(settings, "select id from raw_pipedrive.persons") == [("8",)]
    assert raw(
        settings,
        "select id, person_id, lead_id, value::int, lost_reason from raw_pipedrive.deals order by all",
    ) == [("5", None, None, 100, None), ("7", "8", OTHER_ID, 200, "price")]
    assert raw(
        settings, "select id, deal_id, lead_id, person_id from raw_pipedrive.activities order by all"
    ) == [("2", "5", None, None), ("4", None, OTHER_ID, None), ("7", None, None, "8")]
    assert raw(settings, "select * from raw_pipedrive.quarantine") == []
    assert (
        raw(
            settings,
            "select * from raw_pipedrive.load_ledger where rows_in <>"
            " rows_loaded + rows_unchanged + rows_repeated + rows_quarantined + rows_withheld",
        )
        == []
    )
    for release in (settings.paths.published / "releases").iterdir():
        with open_release(settings, release.name) as con:
            assert con.execute("select lead_id from fct_leads").fetchall() == [(f"pd:{OTHER_ID}",)]
            deals = con.execute("select opportunity_id, lead_id, amount::int from fct_opportunities")
            assert sorted(deals.fetchall()) == [("pd:5", None, 100), ("pd:7", f"pd:{OTHER_ID}", 200)]


@pytest.mark.parametrize(
    "asked",
    [
        {"lead": LEAD_ID},
        {"email": EMAIL},
        pytest.param({"lead": f"pd:{LEAD_ID}"}, marks=pytest.mark.slow),
        pytest.param({"email_hash": HASH}, marks=pytest.mark.slow),
    ],
)
def test_a_person_is_gone_and_no_extraction_brings_it_back(
    settings: Settings, made: Made, asked: dict[str, str]
) -> None:
    assert "warehouse/work.duckdb" in files_with(settings, LEAD_ID)  # or the search proves nothing
    assert raw(settings, "select count(*) from raw_pipedrive.quarantine") == [(1,)]
    first = current(settings)
    assert first is not None
    done = erase(settings, **asked)
    assert (done.outcome, done.leads) == ("forgotten", 1)
    assert done.rows == {
        "pipedrive.persons": (1, 0),
        "pipedrive.leads": (1, 0),
        "pipedrive.deals": (0, 1),
        "pipedrive.activities": (2, 2),
        "pipedrive.quarantine": (1, 0),
    }
    assert first.release_id in done.expired.removed
    assert any(sentence.startswith("Remove the person in the CRM of pd:") for sentence in done.to_do)
    assert any("pd:9" in sentence and "--account" in sentence for sentence in done.to_do)
    assert not any("export" in sentence for sentence in done.to_do)
    assert_gone(settings)

    said = extract(settings)
    assert "1 records of persons are about somebody who was forgotten and are left out." in said
    made.records["leads"].append({"id": "later-lead", "person_id": 7, "added": "2026-03-01T10:00:00Z"})
    made.records["activities"].append({"id": 20, "lead_id": "later-lead"})
    build_and_publish(settings)
    assert_gone(settings)

    (settings.paths.warehouse / "work.duckdb").unlink()  # a damaged warehouse that was moved away
    made.records["leads"].pop()
    build_and_publish(settings)
    assert_gone(settings)
    again = erase(settings, **asked)
    assert (again.outcome, again.rows) == ("already", {})


class KilledError(Exception):
    pass


def test_a_cursor_that_stands_on_the_person_is_gone_too(settings: Settings) -> None:
    with Warehouse(settings).connect() as con:
        con.execute(
            "update raw_pipedrive.cursors set position = json_object('at', '2026-03-01', 'last', ?)"
            " where table_name in ('leads', 'activities')",
            [LEAD_ID],
        )

    def after(done: str) -> None:
        if done == "removed":
            raise KilledError  # before the next extraction sets them anew

    with pytest.raises(KilledError):
        forget(settings, Asked(lead=LEAD_ID), wait_seconds=0, after=after)
    assert raw(settings, "select table_name from raw_pipedrive.cursors order by all") == [
        ("accounts",),
        ("deals",),
        ("persons",),
    ]
    erase(settings, lead=LEAD_ID)
    assert files_with(settings, LEAD_ID) == []


def test_an_account_that_is_a_person(settings: Settings, made: Made) -> None:
    done = erase(settings, account="9")
    assert done.rows == {"pipedrive.accounts": (0, 1)}
    with open_release(settings) as con:
        found = con.execute("select account_id, account_name from dim_accounts order by all").fetchall()
    assert found == [("pd:7", "Bakery"), ("pd:9", None)]
    assert files_with(settings, f"{MARKER} and Sons") == []
    build_and_publish(settings)
    assert files_with(settings, f"{MARKER} and Sons") == []


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS[:-1])
def test_broken_off_after_any_step_the_same_command_finishes(settings: Settings, step: str) -> None:
    def after(done: str) -> None:
        if done == step:
            raise KilledError

    with pytest.raises(KilledError):
        forget(settings, Asked(lead=LEAD_ID), wait_seconds=0, after=after)
    erase(settings, lead=LEAD_ID)
    assert_gone(settings)


def test_somebody_unknown_is_refused_and_nothing_is_removed(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="There is no such lead"):
        erase(settings, lead="7")  # a contact's, a deal's and an account's id
    assert raw(settings, "select count(*) from raw_pipedrive.persons") == [(2,)]


def test_the_command_says_what_was_done_and_no_address(settings: Settings) -> None:
    done = CliRunner().invoke(
        cli, ["forget", "--email", "--json", "--settings", str(settings.file)], input=f"{EMAIL}\n"
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["rows"]["pipedrive.deals"] == {"removed": 0, "cleared": 1}
    assert EMAIL.lower() not in done.output.lower()
    assert_gone(settings)
