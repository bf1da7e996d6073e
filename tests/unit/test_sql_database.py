"""A database's tables in raw: typed by expressions, each record once, changes, deletes, and every refusal."""

# ruff: noqa: DTZ001, DTZ005 -- raw keeps instants in UTC without saying so
from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from database_source import DatabaseSource

from orchestration import run_record
from orchestration.errors import SourceError
from orchestration.expressions import columns_named
from orchestration.ingest import sql_database, sql_database_connection
from orchestration.ingest.export_format import TABLES
from orchestration.ingest.mapping import check_expressions, check_names
from orchestration.ingest.sql_database_connection import Database
from orchestration.ingest.sql_database_dates import accept_endless
from orchestration.ingest.sql_database_values import Kind, Own, arrow_table
from orchestration.setting_sources import SqlSource
from orchestration.settings import PROJECT_ROOT, load_settings

DEALS = """
[sources.crm.tables.opportunities]
table = "crm_lead"
key = "id"
cursor = "write_date"
deleted = "not active"
[sources.crm.tables.opportunities.columns]
opportunity_id = "id"
created_at = "create_date"
stage = "'S' || stage_id"
amount = "revenue"
closed_on = "closed"
updated_at = "write_date"
"""
TABLE = (
    "create table crm_lead (id integer primary key, stage_id integer, revenue numeric(12,2), active boolean,"
    " create_date datetime, write_date datetime, closed date, phone varchar(20))"
)


@pytest.fixture
def crm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DatabaseSource:
    url = f"sqlite:///{tmp_path / 'crm.sqlite'}"
    monkeypatch.setenv("ZEVEN_CRM_URL", url)
    source = DatabaseSource(tmp_path, url, DEALS)
    source.run(TABLE)
    return source


LONG_AGO = (
    "update raw_files.database_positions set position = replace(position, 'keys_at\":\"20', 'keys_at\":\"19')"
)


def deal(number: int, revenue: object = 10, day: int = 1, active: object = 1) -> str:
    at = f"'2026-03-{day:02} 10:00:00'"
    return (
        f"insert or replace into crm_lead values ({number}, {number % 3}, {revenue}, {active},"
        f" '2026-01-01 09:00:00', {at}, '2026-02-03', '06-{number}')"
    )


def test_rows_are_typed_by_the_mapping(crm: DatabaseSource) -> None:
    crm.run(deal(1, 1200.5), deal(2, "null", active=0))
    load = crm.load()
    assert (load.rows_in, load.rows_loaded, load.rows_quarantined, load.batches_new) == (2, 2, 0, 1)
    columns = (
        "opportunity_id, stage, amount, is_deleted, created_at, closed_on, _source, _source_file, _source_row"
    )
    assert crm.deals(columns) == [
        (
            "1",
            "S1",
            Decimal("1200.50"),
            False,
            datetime(2026, 1, 1, 9),
            date(2026, 2, 3),
            "crm",
            "crm_lead",
            1,
        ),
        ("2", "S2", None, True, datetime(2026, 1, 1, 9), date(2026, 2, 3), "crm", "crm_lead", 2),
    ]
    assert crm.rows("select columns_found from raw_files.load_ledger")[0][0].count("phone") == 0
    assert crm.rows("select count(*) from raw_files.opportunities where _other_columns is not null") == [(0,)]


def test_a_time_without_zone_is_local_to_the_source(crm: DatabaseSource) -> None:
    crm.keys = 'time_zone = "Europe/Amsterdam"'
    crm.run(deal(1))
    crm.load()
    assert crm.deals("created_at, updated_at") == [(datetime(2026, 1, 1, 8), datetime(2026, 3, 1, 9))]


def test_a_second_run_reads_the_overlap_and_keeps_nothing_of_it(crm: DatabaseSource) -> None:
    crm.run(*(deal(number, day=number) for number in range(1, 21)))
    assert crm.load().rows_loaded == 20
    again = crm.load()
    assert (again.rows_in, again.rows_loaded, again.batches_new) == (1, 0, 0)
    crm.keys = "overlap_minutes = 7200"
    assert crm.load().rows_in == 6
    assert crm.ledger() == [(20, 20, 0, 0, 0)]


def test_a_change_takes_the_place_of_the_earlier_version(crm: DatabaseSource) -> None:
    crm.run(*(deal(number) for number in range(1, 4)))
    crm.load()
    crm.run(deal(2, 99, day=5), deal(4, day=5))
    load = crm.load()
    assert (load.rows_in, load.rows_loaded) == (4, 2), "two lie in the overlap"
    assert crm.deals("opportunity_id, amount") == [("1", 10), ("2", 99), ("3", 10), ("4", 10)]
    assert crm.ledger() == [(3, 2, 0, 1, 0), (4, 2, 2, 0, 0)]
    crm.check_ledger()


def test_pieces_are_committed_one_by_one(crm: DatabaseSource) -> None:
    crm.keys = "rows_per_piece = 3"
    crm.run(*(deal(number) for number in range(1, 9)))
    assert crm.load().batches_new == 3
    assert [row[0] for row in crm.ledger()] == [3, 3, 2]
    crm.run(*(deal(number, 11, day=2) for number in range(1, 8)))
    assert crm.load().rows_loaded == 7, "equal values of the cursor run over several pieces"
    assert crm.deals("opportunity_id, amount") == [(str(n), 11 if n < 8 else 10) for n in range(1, 9)]
    crm.check_ledger()


def test_a_run_that_broke_off_goes_on_where_it_was(
    crm: DatabaseSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm.keys = "rows_per_piece = 3"
    crm.run(*(deal(number) for number in range(1, 9)))
    whole = Database.pieces

    def broken(self: Database, *given: Any) -> Any:
        for count, piece in enumerate(whole(self, *given)):
            if count == 2:
                raise RuntimeError
            yield piece

    with monkeypatch.context() as patch:
        patch.setattr(Database, "pieces", broken)
        with pytest.raises(RuntimeError):
            crm.load()
    assert len(crm.deals()) == 6
    crm.run(deal(1, 77, day=9))
    load = crm.load()
    assert load.rows_loaded == 3, "the rest, and what changed meanwhile in the part that was read"
    assert [row[1] for row in crm.deals()] == [77, *[10] * 7]
    crm.check_ledger()


def test_a_row_that_is_gone_is_marked_and_may_come_back(crm: DatabaseSource) -> None:
    crm.keys = "keys_every_days = 7"
    crm.run(*(deal(number, day=number) for number in range(1, 5)))
    crm.load()
    crm.run("delete from crm_lead where id = 2")
    crm.load()
    assert crm.deals()[1] == ("2", 10, False), "its keys are not compared at every run"
    back = LONG_AGO
    crm.con.execute(back)
    crm.load()
    assert crm.deals()[1] == ("2", 10, True)
    assert crm.ledger()[-1] == (0, 0, 0, 0, 1)
    crm.con.execute(back)
    crm.load()
    assert len(crm.ledger()) == 2, "a deleted row is found once"
    crm.run(deal(2, 12, day=1).replace("2026-03-01 10:00:00", "2026-03-04 10:00:01"))
    crm.load()
    assert crm.deals()[1] == ("2", 12, False)
    crm.check_ledger()


@pytest.mark.parametrize(
    ("change", "is_known"),
    [
        (deal(5, 10, day=5), True),
        ("delete from crm_lead where id = 2", False),
        (deal(2, 11, day=6), False),
    ],
)
def test_new_rows_tell_what_is_new_where_no_other_went(
    crm: DatabaseSource, change: str, is_known: bool
) -> None:
    crm.keys = "keys_every_days = 7"
    crm.run(*(deal(number, 10, day=number) for number in range(1, 5)))
    crm.load()
    run_record.prepare(crm.con)
    run_record.take_build_base(crm.con, 1)
    crm.run(change)
    crm.con.execute(LONG_AGO)
    crm.load()
    assert (run_record.take_build_base(crm.con, 2) == 1) is is_known


def test_an_empty_table_deletes_nothing(crm: DatabaseSource) -> None:
    crm.keys = "keys_every_days = 7"
    crm.tables = DEALS.replace('cursor = "write_date"\n', "")
    crm.run(deal(1))
    crm.load()
    crm.run("delete from crm_lead")
    assert crm.refusal() == (
        "crm: crm_lead shows no row any more, where 1 were; nothing is marked as deleted. May the user"
        " still read its"
        " rows?"
    )
    assert crm.deals()[0][2] is False


def test_without_a_cursor_everything_is_read_and_compared(crm: DatabaseSource) -> None:
    crm.tables = DEALS.replace('cursor = "write_date"\n', "")
    crm.run(*(deal(number) for number in range(1, 5)))
    crm.load()
    crm.run("delete from crm_lead where id = 1", "update crm_lead set revenue = 5 where id = 3")
    load = crm.load()
    assert (load.rows_in, load.rows_loaded) == (3, 1)
    assert crm.deals() == [("1", 10, True), ("2", 10, False), ("3", 5, False), ("4", 10, False)]
    crm.check_ledger()


def test_rows_without_a_value_in_the_cursor_are_read_always(crm: DatabaseSource) -> None:
    crm.run(deal(1), deal(2))
    crm.load()
    crm.run(deal(3), "update crm_lead set write_date = null where id = 3")
    assert crm.load().rows_loaded == 1
    assert len(crm.deals()) == 3
    assert crm.load().rows_loaded == 0


def test_a_date_of_the_future_does_not_hide_what_comes_before_it(crm: DatabaseSource) -> None:
    crm.run(deal(1), "update crm_lead set write_date = '2199-01-01 00:00:00' where id = 1")
    crm.load()
    soon = datetime.now() + timedelta(minutes=5)
    crm.run(deal(2), f"update crm_lead set write_date = '{soon:%Y-%m-%d %H:%M:%S}' where id = 2")
    assert crm.load().rows_loaded == 1
    assert [row[0] for row in crm.deals()] == ["1", "2"]


def test_another_mapping_reads_everything_again(crm: DatabaseSource) -> None:
    crm.run(*(deal(number) for number in range(1, 4)))
    crm.load()
    crm.tables = DEALS.replace('"revenue"', '"revenue * 2"').replace('updated_at = "write_date"\n', "")
    assert crm.load().rows_loaded == 3
    assert crm.deals("amount, updated_at") == [(20, None)] * 3
    assert crm.load().rows_loaded == 0
    crm.check_ledger()


def test_what_cannot_be_read_is_put_aside_until_it_can(crm: DatabaseSource) -> None:
    crm.tables = DEALS.replace('"revenue"', "\"case id when 2 then 'many' else revenue::varchar end\"")
    crm.run(*(deal(number) for number in range(1, 4)))
    load = crm.load()
    assert (load.rows_loaded, load.rows_quarantined) == (2, 1)
    assert load.findings[0].startswith("crm_lead: 1 rows are in quarantine")
    [(row, reason, record)] = crm.rows("select row_number, reason, record from raw_files.quarantine")
    assert row == 2
    assert reason.startswith("amount: 'many' is no number that fits")
    assert "06-" not in record, "only what is needed was read"
    crm.check_ledger()
    crm.run("update crm_lead set write_date = '2026-03-02 10:00:00' where id = 2")
    assert crm.load().rows_quarantined == 1, "a single bad row does not refuse the table"
    assert len(crm.rows("select * from raw_files.quarantine")) == 1
    crm.check_ledger()
    crm.tables = DEALS
    assert crm.load().rows_loaded == 3
    assert crm.rows("select * from raw_files.quarantine") == []
    crm.check_ledger()


def test_too_many_unreadable_rows_refuse_the_piece(crm: DatabaseSource) -> None:
    crm.tables = DEALS.replace('"revenue"', "\"'x'\"")
    crm.run(*(deal(number) for number in range(1, 21)))
    assert crm.refusal().startswith("crm: crm_lead: 20 of its 20 rows are unreadable, more than")
    assert crm.deals() == []


LINES = """
[sources.crm.tables.opportunities]
table = "crm_lead"
key = "id"
[sources.crm.tables.opportunities.columns]
opportunity_id = "id"
created_at = "create_date"
stage = "stage_id"
[sources.crm.tables.opportunity_products]
table = "line"
key = "id"
cursor = "at"
deleted = "is_gone = 1"
[sources.crm.tables.opportunity_products.columns]
opportunity_id = "deal"
product_id = "product"
"""


def test_a_line_that_names_another_product_leaves_nothing_behind(crm: DatabaseSource) -> None:
    crm.tables = LINES
    crm.run(
        "create table line (id integer primary key, deal integer, product text, is_gone integer, at"
        " datetime)",
        "insert into line values (1, 1, 'A', 0, '2026-01-01'), (2, 1, 'B', 0, '2026-01-01'), (3, 1, 'C',"
        " 1, '2026-01-01'),"
        " (4, 2, 'C', 0, '2026-01-01')",
    )
    lines = "select opportunity_id, product_id from raw_files.opportunity_products order by all"
    assert crm.load("opportunity_products").rows_loaded == 3
    assert crm.rows(lines) == [("1", "A"), ("1", "B"), ("2", "C")]
    crm.run(
        "update line set product = 'X', at = '2026-01-02' where id = 1",
        "update line set is_gone = 1, at = '2026-01-02' where id = 2",
    )
    load = crm.load("opportunity_products")
    assert load.rows_loaded == 1
    assert crm.rows(lines) == [("1", "X"), ("2", "C")]
    crm.run("delete from line where id = 4")
    crm.con.execute(LONG_AGO)
    crm.load("opportunity_products")
    assert crm.rows(lines) == [("1", "X")]
    told = "select sum(rows_loaded), sum(rows_deleted) from raw_files.load_ledger"
    assert crm.rows(told) == [(1, 2)]


def test_changed_columns_are_told(crm: DatabaseSource) -> None:
    crm.run(deal(1))
    assert crm.load().findings == ()
    crm.run(
        "alter table crm_lead rename column phone to phone_no",
        "alter table crm_lead add column lost text",
    )
    assert crm.load().findings == (
        "crm_lead: the column 'phone' is gone and 'phone_no' is new: probably renamed.",
        "crm_lead: the column 'lost' is new since the last load; no expression names it.",
    )
    crm.run("alter table crm_lead drop column lost", "alter table crm_lead add column lost integer")
    assert crm.load().findings == ("crm_lead: the column 'lost' was text and is integer now.",)
    crm.run("alter table crm_lead drop column lost")
    assert crm.load().findings == ("crm_lead: the column 'lost', there at the last load, is missing.",)
    assert crm.load().findings == ()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            '"crm_lead"',
            '"crm_leed"',
            "has no table or view 'crm_leed' that this user can see. Did you mean crm_lead?",
        ),
        (
            'key = "id"',
            'key = "idd"',
            "tables.opportunities.key: crm_lead has no column 'idd'; did you mean 'id'?",
        ),
        (
            'key = "id"',
            'key = "stage_id"',
            "key: the column 'stage_id' of crm_lead has one value in several rows",
        ),
        (
            'key = "id"',
            'key = "create_date"',
            "key: the column 'create_date' of crm_lead is datetime, and a whole number",
        ),
        (
            '"write_date"\ndel',
            '"writedate"\ndel',
            ".cursor: crm_lead has no column 'writedate'; did you mean 'write_date'?",
        ),
        (
            '"write_date"\ndel',
            '"id"\ndel',
            ".cursor: the column 'id' of crm_lead is integer, and a timestamp or a date",
        ),
        (
            '"revenue"',
            '"revenu * 2"',
            ".columns.amount: crm_lead has no column 'revenu'; did you mean 'revenue'?",
        ),
        ('"revenue"', '"(select 1)"', ".columns.amount: holds a subquery"),
        (
            '"revenue"',
            '"photo"',
            ".columns.amount: the column 'photo' of crm_lead holds bytes, which are not read",
        ),
        ('"not active"', '"now() > closed"', ".deleted: calls now()"),
        (
            "amount =",
            "amont =",
            ".columns.amont: the format has no column 'amont' in opportunities, did you mean amount?",
        ),
        (
            "stage =",
            "source =",
            ".columns: crm_lead has no column 'stage', which opportunities requires; add a line",
        ),
        ('"revenue"', '"sqrt(closed)"', ".columns.amount: is refused by the database: Binder Error"),
        ("tables.opportunities", "tables.deals", "sources.crm.tables.deals: the format has no table 'deals'"),
        (
            "tables.opportunities",
            "tables.accounts",
            "sources.crm.tables: neither leads nor opportunities are mapped",
        ),
    ],
)
def test_refusals(crm: DatabaseSource, old: str, new: str, sentence: str) -> None:
    crm.run(deal(1), deal(4), "alter table crm_lead add column photo blob")
    assert old in DEALS
    crm.tables = DEALS.replace(old, new)
    assert sentence in crm.refusal()
    assert crm.deals() == []


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "crm: the environment variable ZEVEN_CRM_URL is not set; it holds the address"),
        ("hunter2", "sources.crm: ZEVEN_CRM_URL holds no address of a database"),
        (
            "oracle://a:hunter2@h/d",
            "ZEVEN_CRM_URL names the database 'oracle', and postgresql, mysql, mariadb and sqlite",
        ),
        ("sqlite:////nowhere/crm.sqlite", "crm: the database file /nowhere/crm.sqlite is not there."),
        (
            "postgresql://u:hunter2@127.0.0.1:1/d",
            "crm: there is no connection to the database at 127.0.0.1:1",
        ),
        ("mysql://u:hunter2@127.0.0.1:1/d", "crm: there is no connection to the database at 127.0.0.1:1"),
    ],
)
def test_an_address_that_leads_nowhere(
    crm: DatabaseSource, monkeypatch: pytest.MonkeyPatch, url: str, sentence: str
) -> None:
    monkeypatch.setenv("ZEVEN_CRM_URL", url)
    refusal = crm.refusal()
    assert sentence in refusal
    assert "hunter2" not in refusal


def test_the_password_may_stand_in_a_variable_of_its_own() -> None:
    given = {"ZEVEN_CRM_URL": "postgres://u@h/d", "ZEVEN_CRM_PASSWORD": "p@ss"}
    url = sql_database_connection.address("crm", given)
    assert (url.drivername, url.password) == ("postgresql+psycopg", "p@ss")


def test_nothing_can_be_written(crm: DatabaseSource) -> None:
    database = Database("crm", sql_database_connection.address("crm", {"ZEVEN_CRM_URL": crm.url}))
    with pytest.raises(Exception, match="readonly database"), database._engine.connect() as connection:
        connection.exec_driver_sql("delete from crm_lead")


def test_nothing_is_left_of_the_working_tables(crm: DatabaseSource) -> None:
    crm.run(deal(1))
    crm.load()
    left = crm.rows("select table_name from information_schema.tables where table_schema <> 'raw_files'")
    assert left == []


def test_a_key_of_a_person_is_remembered_as_a_hash(crm: DatabaseSource) -> None:
    crm.run(deal(4711))
    crm.load()
    assert "4711" not in str(
        crm.rows("select * exclude (row_hash, key_hash) from raw_files.database_records")
    )
    [(stored, made)] = crm.rows("select key_hash, md5_number('4711') from raw_files.database_records")
    assert stored == made


@pytest.mark.parametrize("example", ["odoo", "suitecrm"])
def test_the_expressions_of_the_examples_are_accepted(example: str) -> None:
    """That the tables are as they think is proved by nothing here."""
    settings = load_settings(PROJECT_ROOT / "docs" / "examples" / f"{example}.toml", environ={})
    with duckdb.connect() as con:
        for source in settings.sources.values():
            assert isinstance(source, SqlSource)
            for name, mapping in source.tables.items():
                check_names("x", TABLES[name], mapping)
                assert set(check_expressions(con, mapping)) == set(mapping.columns)
                assert set(TABLES[name].required) <= set(mapping.columns)
                if mapping.deleted:
                    assert columns_named(con, mapping.deleted)


def test_the_doctor_looks_at_every_table(crm: DatabaseSource, monkeypatch: pytest.MonkeyPatch) -> None:
    crm.run(deal(1))
    found = [(one.about, one.verdict, one.message) for one in sql_database.diagnose(crm.settings(), "crm")]
    assert found == [
        ("credential", "ok", "ZEVEN_CRM_URL in the environment"),
        ("opportunities", "ok", "7 columns of crm_lead can be read"),
    ]
    crm.tables = DEALS.replace("crm_lead", "crm_leads")
    with pytest.raises(SourceError, match="has no table or view 'crm_leads'"):
        list(sql_database.diagnose(crm.settings(), "crm"))
    monkeypatch.delenv("ZEVEN_CRM_URL")
    [missing] = sql_database.diagnose(crm.settings(), "crm")
    assert missing.verdict == "wrong"


@pytest.mark.parametrize("kind", ["date", "timestamp", "timestamptz"])
def test_an_endless_date_of_postgresql_is_one_in_duckdb(kind: str) -> None:
    """With psycopg's own way from the server's words on; a server is in the slow tests."""
    import psycopg
    from psycopg.adapt import AdaptersMap, PyFormat

    connection = SimpleNamespace(adapters=AdaptersMap(psycopg.adapters))
    accept_endless(connection)
    oid = connection.adapters.types[kind].oid
    end = "" if kind == "date" else " 08:00:00" + ("+00" if kind == "timestamptz" else "")
    loader = connection.adapters.get_loader(oid, psycopg.pq.Format.TEXT)(oid)
    words = [b"infinity", b"-infinity", f"2026-03-01{end}".encode(), f"0044-03-15{end} BC".encode()]
    values = [loader.load(word) for word in words]
    kinds: dict[str, Kind] = {"date": "date", "timestamp": "local", "timestamptz": "instant"}
    table = arrow_table([Own("at", kinds[kind], kind)], [(value,) for value in [*values, None]])
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'").register("given", table)
        found = con.execute('select isfinite("at"), "at"::varchar from given').fetchall()
    assert found == [
        (False, "infinity"),
        (False, "-infinity"),
        (True, f"2026-03-01{end}"),
        (False, "-infinity"),
        (None, None),
    ]
    dumper = connection.adapters.get_dumper(type(values[0]), PyFormat.TEXT)(type(values[0]))
    assert dumper.dump(values[0]) == b"infinity"
