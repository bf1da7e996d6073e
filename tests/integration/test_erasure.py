"""Erasing one person: which rows go and which stay, in every place, killed at any step, and never back."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import re
import sqlite3
from pathlib import Path

import pytest
from erased_company import (
    EMAIL,
    EXPORT,
    MARKER,
    OTHER,
    build_and_publish,
    company_in,
    files_with,
    forget_and_die,
    landed_with,
    load,
    raw,
)

from orchestration.erasure.forget import STEPS, Asked, Forgotten, forget
from orchestration.errors import BusyError, GateError, SettingsError, ZevenError
from orchestration.publish.catalogue import current, open_release
from orchestration.settings import Settings
from orchestration.warehouse import writer_lock

PERSON = ("crm:lead1", "crm:lead2", "crm:lead3", "contact1")
HASH = hashlib.sha256(EMAIL.lower().encode()).hexdigest()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = company_in(tmp_path)
    build_and_publish(settings)
    return settings


def test_the_person_was_in_what_is_landed_for_spark(settings: Settings) -> None:
    assert {file.split("/")[-2] for file in landed_with(settings, MARKER)} >= {"leads", "activities"}


def erase(settings: Settings, **asked: object) -> Forgotten:
    return forget(settings, Asked(**asked), wait_seconds=0, rebuild=build_and_publish)  # type: ignore[arg-type]


def refusal(settings: Settings, **asked: object) -> str:
    with pytest.raises(ZevenError) as caught:
        erase(settings, **asked)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def assert_gone(settings: Settings) -> None:
    """The person is in no file's bytes and in no release; the others are as they were."""
    assert files_with(settings, f"Jan {MARKER}", f"{MARKER} ", EMAIL, *PERSON) == []
    assert landed_with(settings, f"Jan {MARKER}", f"{MARKER} ", EMAIL, *PERSON) == []
    assert raw(settings, "select lead_id from raw_files.leads order by all") == [("lead4",), ("lead5",)]
    assert raw(
        settings,
        "select activity_id, lead_id, opportunity_id, contact_id, _other_columns ->> 'subject'"
        " from raw_files.activities order by all",
    ) == [
        ("a2", None, "deal1", None, None),
        ("a4", None, "deal1", None, None),
        ("a5", "lead4", None, None, None),
        ("a6", "lead4", None, "contact4", OTHER),
    ]
    assert raw(
        settings,
        "select opportunity_id, lead_id, amount::varchar, is_won, _other_columns ->> 'deal_name'"
        " from raw_files.opportunities order by all",
    ) == [("deal1", None, "1000.50", True, None), ("deal4", "lead4", "2000.00", True, f"{OTHER} seats")]
    assert raw(
        settings,
        "select opportunity_id, amount::varchar, _other_columns ->> 'note' from raw_files.opportunity_history"
        " order by all",
    ) == [("deal1", "900.00", None), ("deal4", "900.00", f"{OTHER} hesitates")]
    assert raw(settings, "select record ->> 'lead_id' from raw_files.quarantine") == [("lead6",)]
    assert raw(settings, "select rep_name, _other_columns ->> 'rep_mail' from raw_files.reps") == [
        ("Noor", "noor@example.com")
    ]
    assert (
        raw(
            settings,
            "select * from raw_files.load_ledger"
            " where rows_in <> rows_loaded + rows_quarantined + coalesce(rows_withheld, 0)",
        )
        == []
    )
    releases = [path.name for path in (settings.paths.published / "releases").iterdir()]
    served = current(settings)
    assert served is not None
    assert served.release_id in releases
    for release in releases:
        with open_release(settings, release) as con:
            leads = con.execute("select lead_id from fct_leads order by all").fetchall()
            assert leads == [("crm:lead4",), ("crm:lead5",)]
            deals = con.execute("select lead_id, amount::varchar from fct_opportunities order by all")
            assert deals.fetchall() == [("crm:lead4", "2000.00"), (None, "1000.50")]


@pytest.mark.parametrize("given", ["lead1", "crm:lead1", "lead2", "crm:lead3"])
def test_an_id_of_a_person_takes_all_its_records_along(settings: Settings, given: str) -> None:
    assert "warehouse/work.duckdb" in files_with(settings, MARKER)  # or the search proves nothing
    before = current(settings)
    assert before is not None
    done = erase(settings, lead=given)
    assert_gone(settings)
    assert (done.outcome, done.leads) == ("forgotten", 3)
    assert done.rows == {
        "leads": (3, 0),
        "opportunities": (0, 1),
        "opportunity_history": (0, 1),
        "activities": (2, 3),
        "quarantine": (1, 0),
    }
    assert done.expired.removed == (before.release_id,)
    assert any("crm/leads.csv" in sentence for sentence in done.to_do)
    assert any("crm:acc1" in sentence for sentence in done.to_do)


@pytest.mark.parametrize("asked", [{"email": f" {EMAIL}\n"}, {"email_hash": HASH}])
def test_an_address_finds_the_person_and_whatever_holds_it(settings: Settings, asked: dict[str, str]) -> None:
    done = erase(settings, **asked)
    assert_gone(settings)
    assert done.leads == 3
    assert json.loads((settings.paths.warehouse / "forgotten.json").read_text())[0].keys() == {
        "kind",
        "source",
        "record_hash",
        "forgotten_at",
        "reason",
    }


@pytest.mark.parametrize("asked", [{"email": EMAIL}, {"email_hash": HASH}])
def test_an_address_of_which_only_the_hash_is_kept_finds_the_person(
    settings: Settings, asked: dict[str, str]
) -> None:
    folder = settings.sources["crm"].folder
    people = f"lead_id,created_at,email\nonly7hash,2026-02-05T10:00:00Z, {EMAIL.upper()} \n"
    (folder / "leads-more.csv").write_text(people + "lead8,2026-02-05T10:00:00Z,other@example.com\n")
    (folder / "activities-more.csv").write_text(
        "activity_id,activity_type,occurred_at,lead_id\nb1,call,2026-02-06T10:00:00Z,only7hash\n"
    )
    build_and_publish(settings)
    assert raw(settings, f"select lead_id from raw_files.leads where email_hash = '{HASH}'") == [
        ("only7hash",)
    ]
    assert erase(settings, **asked).leads == 4
    assert raw(settings, "select lead_id from raw_files.leads order by all") == [
        ("lead4",),
        ("lead5",),
        ("lead8",),
    ]
    assert raw(settings, "select 1 from raw_files.activities where activity_id = 'b1'") == []
    assert files_with(settings, HASH, "only7hash") == ["warehouse/forgotten.json", "warehouse/work.duckdb"]
    # and no export brings the address back
    (folder / "leads-late.csv").write_text(people.replace("only7hash", "late9"))
    load(settings)
    assert raw(settings, "select 1 from raw_files.leads where _source_file = 'leads-late.csv'") == []


def test_no_load_brings_a_person_back(settings: Settings) -> None:
    erase(settings, email=EMAIL, reason="letter of 3 March")
    folder = settings.sources["crm"].folder
    (folder / "leads-late.csv").write_text(
        "lead_id,created_at,contact_id,duplicate_of,full_name,mail\n"
        f"lead1,2026-01-01T10:00:00Z,contact1,,New name {MARKER} ,\n"
        f"new7,2026-03-01T10:00:00Z,contact1,,Known contact {MARKER} ,\n"
        f"new8,2026-03-01T10:00:00Z,,lead2,A double {MARKER} ,\n"
        f'new9,2026-03-01T10:00:00Z,,,"Known address {MARKER} ","Jan <{EMAIL.upper()}>."\n'
        f"lead1,never,,,Unreadable {MARKER} ,\n"
        "new10,2026-03-01T10:00:00Z,,,Somebody,some@example.com\n"
    )
    (folder / "opportunities-late.csv").write_text(
        "opportunity_id,created_at,stage,lead_id,amount,deal_name\n"
        f"deal9,2026-03-05,Open,lead1,50,{MARKER} more\n"
    )
    (folder / "activities-late.csv").write_text(
        "activity_id,activity_type,occurred_at,lead_id,opportunity_id,subject\n"
        f"a9,call,2026-03-06T10:00:00Z,,deal9,{MARKER} called\n"
    )
    said = load(settings)
    assert "leads-late.csv: 5 rows about somebody who was forgotten are left out." in said
    assert files_with(settings, f"{MARKER} ", EMAIL) == []
    assert raw(settings, "select lead_id from raw_files.leads where _source_file = 'leads-late.csv'") == [
        ("new10",)
    ]
    assert raw(
        settings,
        "select lead_id, amount::varchar, _other_columns from raw_files.opportunities"
        " where opportunity_id = 'deal9'",
    ) == [(None, "50.00", None)]
    assert raw(
        settings, "select opportunity_id, _other_columns from raw_files.activities where activity_id = 'a9'"
    ) == [("deal9", None)]
    assert raw(
        settings,
        "select rows_in, rows_loaded, rows_quarantined, rows_withheld from raw_files.load_ledger"
        " where source_file = 'leads-late.csv'",
    ) == [(6, 1, 0, 5)]

    (settings.paths.warehouse / "work.duckdb").unlink()  # the advice for a damaged warehouse
    for file in folder.glob("*-late.csv"):
        file.unlink()
    build_and_publish(settings)
    assert_gone(settings)


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_killed_after_any_step_the_same_command_finishes(settings: Settings, step: str) -> None:
    asked = Asked(lead="lead1")
    process = multiprocessing.get_context("spawn").Process(
        target=forget_and_die, args=(settings.file, asked, step)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -9
    served = current(settings)
    assert served is not None  # readers have a whole release all along
    with open_release(settings) as con:
        assert con.execute("select count(*) from fct_opportunities").fetchall() == [(2,)]
    done = erase(settings, lead="lead1")
    assert done.outcome in ("forgotten", "finished", "already")
    assert_gone(settings)
    assert not (settings.paths.warehouse / ".forgetting.json").exists()
    again = erase(settings, lead="lead1")
    assert (again.outcome, again.release, again.rows) == ("already", None, {})
    assert_gone(settings)


def test_another_erasure_finishes_one_that_was_killed(settings: Settings) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=forget_and_die, args=(settings.file, Asked(lead="lead1"), "rewritten")
    )
    process.start()
    process.join(60)
    done = erase(settings, lead="lead5")
    assert done.expired.removed
    served = current(settings)
    assert [path.name for path in (settings.paths.published / "releases").iterdir()] == [
        served.release_id if served else None
    ]
    assert files_with(settings, f"{MARKER} ", EMAIL, *PERSON, "crm:lead5") == []


def test_older_releases_go_also_when_pinned_and_others_stay(settings: Settings) -> None:
    first = current(settings)
    second = build_and_publish(settings)
    assert first is not None
    pins = settings.paths.published / "pins"
    pins.mkdir()
    (pins / first.release_id).touch()
    done = erase(settings, lead="lead5")
    assert set(done.expired.removed) == {first.release_id, second}
    assert done.expired.pinned == (first.release_id,)
    assert list(pins.iterdir()) == []
    served = current(settings)
    assert served is not None
    assert served.release_id == done.release

    # this release holds nobody that is forgotten from here on
    (settings.sources["crm"].folder / "leads-late.csv").write_text(
        "lead_id,created_at\nlead11,2026-03-01T10:00:00Z\n"
    )
    newest = build_and_publish(settings)
    later = erase(settings, lead="lead11")
    assert later.expired.removed == (newest,)
    assert served.folder.exists()


def test_a_gate_that_refuses_leaves_an_erasure_that_can_be_finished(settings: Settings) -> None:
    before = current(settings)
    older = build_and_publish(settings)

    def refused(_: Settings) -> str:
        raise GateError("Nothing was published: a made-up reason.")

    with pytest.raises(GateError) as caught:
        forget(settings, Asked(lead="lead1"), rebuild=refused)
    said = str(caught.value)
    assert said.startswith("The person is gone from the warehouse, but no new release could be published")
    assert f"release {older} still holds it and serves" in said
    assert "a made-up reason" in said
    assert before is not None
    assert not before.folder.exists()  # does not serve, so nothing speaks for it
    with pytest.raises(FileNotFoundError):
        (settings.paths.warehouse / "work.duckdb.wal").read_bytes()
    assert MARKER.encode() + b" " not in (settings.paths.warehouse / "work.duckdb").read_bytes()
    done = erase(settings, lead="lead1")
    assert (done.outcome, done.expired.removed) == ("finished", (older,))
    assert_gone(settings)


def test_traces_in_logs_and_in_the_run_history_are_taken_out(settings: Settings) -> None:
    warehouse = settings.paths.warehouse
    history = warehouse / "dagster" / "history" / "runs"
    history.mkdir(parents=True)
    con = sqlite3.connect(history / "run.db")
    con.execute("pragma journal_mode = wal")
    con.execute("create table event_logs (id integer primary key, event text, body blob)")
    events = [
        ('{"message": "first at lead_id=crm:lead1"}', b"crm:lead1"),
        (json.dumps({"message": f"'Jan {MARKER}' is no date\nlead1 and {EMAIL.upper()}"}), None),
        ('{"message": "first at lead_id=crm:lead11 and crm:lead4"}', None),
    ]
    con.executemany("insert into event_logs (event, body) values (?, ?)", events)
    con.execute(f"insert into event_logs (event) values ('deleted Jan {MARKER}')")
    con.execute("delete from event_logs where event like 'deleted%'")
    con.commit()
    con.close()
    (warehouse / "logs").mkdir()
    (warehouse / "logs" / "error.log").write_text(f"cannot read {EMAIL}")
    (warehouse / "logs" / "kept.log").write_text(f"cannot read {OTHER}")
    failure = settings.paths.published / "last_failure.json"
    failure.write_text('{"message": "first at lead_id=crm:lead1"}')
    for name in ("work.duckdb.tmp", "incoming", "audit.tmp"):
        (warehouse / name).mkdir(exist_ok=True)
        (warehouse / name / "left").write_text(f"{MARKER} ")
    assert len(files_with(settings, f"Jan {MARKER}", EMAIL, "crm:lead1")) >= 4

    done = erase(settings, lead="lead1")
    assert done.traces >= 2
    assert files_with(settings, f"Jan {MARKER}", f"{MARKER} ", EMAIL, "contact1", 'lead1"') == []
    assert (warehouse / "logs" / "kept.log").exists()
    with sqlite3.connect(history / "run.db") as con:
        texts = [event for (event,) in con.execute("select event from event_logs order by id")]
    con.close()
    assert texts[0] == '{"message": "first at lead_id=(forgotten)"}'
    assert json.loads(texts[1])["message"].endswith("and (forgotten)")
    assert texts[2] == events[2][0]


def test_a_dagster_home_elsewhere_is_cleaned_and_the_rest_of_it_left(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / "storage").mkdir(parents=True)
    (home / "storage" / "run.err").write_text("lead crm:lead1 fails")
    (home / "notes.txt").write_text("lead crm:lead1 called")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    assert erase(settings, lead="lead1").traces == 1
    assert [path.name for path in home.rglob("*") if path.is_file()] == ["notes.txt"]


def test_an_account_that_is_a_person_loses_its_name(settings: Settings) -> None:
    first = current(settings)
    assert first is not None
    done = erase(settings, account="acc2")
    assert done.rows == {"accounts": (0, 1)}
    assert done.expired.removed == (first.release_id,)
    assert files_with(settings, f"One Man {MARKER}") == []
    with open_release(settings) as con:
        assert con.execute("select account_id, account_name from dim_accounts order by all").fetchall() == [
            ("crm:acc1", f"Bakery {OTHER} and Sons"),
            ("crm:acc2", None),
        ]
    (settings.paths.warehouse / "work.duckdb").unlink()
    build_and_publish(settings)
    assert files_with(settings, f"One Man {MARKER}") == []


def test_who_is_not_found_is_said_and_may_be_buried_for_the_future(settings: Settings) -> None:
    before = current(settings)
    for asked in (
        {"lead": "lead9"},
        {"email": "nobody@example.com"},
        {"email_hash": "0" * 64},
        {"account": "x"},
    ):
        said = refusal(settings, **asked)
        assert re.match(r"There is no such (lead|account|e-mail address), in raw", said), said
        assert "--anyway" in said
    assert not (settings.paths.warehouse / "forgotten.json").exists()
    done = erase(settings, lead="lead9", anyway=True)
    assert (done.outcome, done.release, done.rows) == ("for the future", None, {})
    assert current(settings) == before
    (settings.sources["crm"].folder / "leads-late.csv").write_text(
        "lead_id,created_at\nlead9,2026-03-01T10:00:00Z\nlead10,2026-03-01T10:00:00Z\n"
    )
    load(settings)
    assert raw(settings, "select lead_id from raw_files.leads where _source_file = 'leads-late.csv'") == [
        ("lead10",)
    ]


def test_an_id_of_two_sources_is_refused_without_its_source(tmp_path: Path) -> None:
    settings = company_in(tmp_path, sources=2)
    build_and_publish(settings)
    assert refusal(settings, lead="lead1").endswith("one of: crm:lead1, second:lead1.")
    assert "such as crm:ID" in refusal(settings, lead="lead9")
    assert erase(settings, lead="second:lead1").leads == 3
    assert raw(settings, "select distinct _source from raw_files.leads where lead_id = 'lead1'") == [("crm",)]


def test_an_address_of_many_leads_is_no_persons(settings: Settings) -> None:
    rows = "".join(f"many{n},2026-03-01T10:00:00Z,noor@example.com\n" for n in range(30))
    (settings.sources["crm"].folder / "leads-late.csv").write_text("lead_id,created_at,owner_mail\n" + rows)
    load(settings)
    assert "more than 20 leads" in refusal(settings, email="noor@example.com")
    assert len(raw(settings, "select 1 from raw_files.leads where lead_id like 'many%'")) == 30
    assert not (settings.paths.warehouse / ".forgetting.json").exists()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"email_hash": "ABC"}, "--email-hash: expected the SHA-256"),
        ({"email": "nobody"}, "--email: expected one e-mail address on stdin"),
        ({"email": ""}, "--email: expected one e-mail address on stdin"),
        ({"lead": "lead1", "reason": "asked by jan@example.com"}, "--reason: is kept with the tombstone"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings: Settings, asked: dict[str, str], said: str) -> None:
    assert refusal(settings, **asked).startswith(said)
    assert "jan@" not in refusal(settings, **asked)


def test_only_one_may_write(settings: Settings) -> None:
    from threading import Thread

    caught: list[BaseException] = []

    def held() -> None:
        process = multiprocessing.get_context("spawn").Process(target=_forget_now, args=(settings.file,))
        process.start()
        process.join(60)
        caught.append(BusyError() if process.exitcode == BusyError.exit_code else RuntimeError())

    with writer_lock(settings, who="a test"):
        thread = Thread(target=held)
        thread.start()
        thread.join()
    assert isinstance(caught[0], BusyError)
    assert raw(settings, "select count(*) from raw_files.leads where lead_id = 'lead1'") == [(1,)]


def _forget_now(file: Path) -> None:
    from orchestration.settings import load_settings

    try:
        erase(load_settings(file, environ={}), lead="lead1")
    except ZevenError as error:
        raise SystemExit(error.exit_code) from None


def test_tombstones_that_cannot_be_read_stop_the_load(settings: Settings) -> None:
    erase(settings, lead="lead1")
    file = settings.paths.warehouse / "forgotten.json"
    assert file.stat().st_mode & 0o077 == 0
    for text in ("{", "[1]", '[{"kind": "lead"}]', file.read_text().replace('"lead"', '"person"')):
        file.write_text(text)
        (settings.sources["crm"].folder / "leads.csv").write_text(EXPORT["leads.csv"] + "\n")
        with pytest.raises(ZevenError, match="could bring a person back"):
            load(settings)
    assert isinstance(SettingsError(""), ZevenError)
