"""Tables that another tool has loaded: spelt its way, without what is gone, half loaded or an earlier
version."""

# ruff: noqa: DTZ001 -- raw keeps instants in UTC without saying so
from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.errors import SettingsError, SourceError
from orchestration.ingest.crm import raw_schema
from orchestration.ingest.crm.landed_by_others import Find, LandedReader, OfRaw, Wanted
from orchestration.ingest.crm.landed_table import Part
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.objects import Object, declare
from orchestration.setting_sources import LandedSource
from orchestration.settings import load_settings

USER = declare("User", "Id!", "Name", "IsActive boolean")
DEAL = declare(
    "Opportunity",
    "Id!",
    "StageName",
    "Amount amount",
    "CloseDate calendar_date",
    "CreatedDate instant",
    "CurrencyIsoCode",
    "LostReason_z",
)
CHANGE = declare("OpportunityFieldHistory", "Id!", "Field", "NewValue")
OBJECTS = {one.name: one for one in (USER, DEAL, CHANGE)}
OWN = {"LostReason_z": "Loss_Reason__c"}


class OneTableEach:
    """As of Salesforce: every object has a table of its own."""

    wanted = Wanted(
        required={"Opportunity": ("Id", "StageName", "Amount"), "User": ("Id",)},
        costs={"OpportunityFieldHistory": {"": "earlier owners are not known"}},
        quiet={"CurrencyIsoCode"},
        only={"OpportunityFieldHistory": "Field IN ('Owner', 'OwnerId')"},
    )

    def parts(self, object_: Object, find: Find, of_raw: OfRaw) -> list[Part]:
        table = find(object_.name, f"sf_{object_.name}")
        if table is None:
            return []
        given = {one.name: table.text(OWN.get(one.name, one.name)) for one in object_.fields}
        return [Part(table, {name: sql for name, sql in given.items() if sql})]


AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Company:
    """A warehouse in memory, and the place of the other tool."""

    def __init__(self, root: Path, place: str = "lake.duckdb", dataset: str = "") -> None:
        self.place: Any = root / place
        self.root, self.dataset = root, dataset
        self.con = duckdb.connect()
        self.con.execute("set TimeZone = 'Asia/Tokyo'")  # no instant may depend on it
        self.runs = 0
        raw_schema.prepare(self.con, "raw_salesforce", OBJECTS)

    def tool(self, *statements: str) -> None:
        with duckdb.connect(str(self.place)) as con:
            con.execute("set TimeZone = 'UTC'")
            for statement in statements:
                con.execute(statement)

    def read(self, name: str = "Opportunity") -> Landing:
        self.runs += 1
        at = AT + timedelta(days=self.runs)
        into = Landing(self.con, "raw_salesforce", "sf", at, self.root)
        source = LandedSource(kind="any", place=self.place, dataset=self.dataset)
        self.batches = LandedReader("sf", source, OneTableEach()).read(OBJECTS[name], into)
        return into

    def refusal(self, name: str = "Opportunity") -> str:
        with pytest.raises(SourceError) as caught:
            self.read(name)
        return str(caught.value)

    def alive(self, columns: str = "Id, Amount", table: str = "Opportunity") -> list[Any]:
        return self.con.execute(
            f"select {columns} from (select * from raw_salesforce.{table} qualify row_number() over"
            " (partition by Id order by _batch_number desc, _source_row desc) = 1) where not _is_deleted"
            " order by 1"
        ).fetchall()


FIVETRAN = (
    "create schema sf_prod",
    "create table sf_prod.opportunity (id varchar, stage_name varchar, amount double, close_date date,"
    " created_date timestamptz, loss_reason_c varchar, _fivetran_deleted boolean, _fivetran_synced"
    " timestamptz)",
    "insert into sf_prod.opportunity values ('1', 'New', 12.5, '2026-04-01', '2026-01-02 10:00:00+02',"
    " 'price', false,"
    " '2026-02-01'), ('2', 'New', 1, null, '2026-01-02', null, true, '2026-02-01')",
)


def test_fivetran(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.tool(*FIVETRAN)
    assert company.read().findings == []
    columns = "Id, StageName, Amount, CloseDate, CreatedDate, CurrencyIsoCode, LostReason_z"
    assert company.alive(columns) == [
        ("1", "New", Decimal("12.50"), date(2026, 4, 1), datetime(2026, 1, 2, 8), None, "price")
    ]
    company.tool(
        "insert into sf_prod.opportunity values ('3', 'Won', 3, null, '2026-01-02', null, false,"
        " '2026-02-02')",
        "update sf_prod.opportunity set _fivetran_deleted = true, _fivetran_synced = '2026-02-02' where id"
        " = '1'",
    )
    company.read()
    assert company.alive() == [("3", 3)]


def test_what_was_not_written_to_is_not_read_again(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.tool(*FIVETRAN)
    company.read()
    assert company.batches == 1
    company.read()
    assert company.batches == 0
    company.tool("update sf_prod.opportunity set amount = 13, _fivetran_synced = '2026-02-03' where id = '1'")
    company.read()
    assert (company.batches, company.alive()) == (1, [("1", 13)])
    company.tool("delete from sf_prod.opportunity where id = '2'")
    company.read()
    assert company.batches == 1, "a row that is gone was not written"


def test_history_mode_of_fivetran(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.tool(
        "create table opportunity (id varchar, stage_name varchar, amount int, close_date date,"
        " created_date timestamp,"
        " loss_reason_c varchar, _fivetran_active boolean, _fivetran_synced timestamp)",
        "insert into opportunity values ('1', 'New', 1, null, null, null, false, '2026-01-01'),"
        " ('1', 'Won', 2, null, null, null, true, '2026-01-01')",
    )
    company.read()
    assert company.alive("Id, StageName, Amount") == [("1", "Won", 2)]


def test_airbyte(tmp_path: Path) -> None:
    """Also in its append mode, in which the versions of a record stand beside each other."""
    company = Company(tmp_path)
    company.tool(
        'create table "Opportunity" ("Id" varchar, "StageName" varchar, "Amount" decimal(38,9),'
        ' "CloseDate" date, "CreatedDate" timestamptz, "Loss_Reason__c" varchar, _airbyte_raw_id varchar,'
        " _airbyte_extracted_at timestamptz, _ab_cdc_deleted_at varchar)",
        "insert into \"Opportunity\" values ('1', 'Won', 2, null, null, null, 'b', '2026-02-02', null),"
        " ('1', 'New', 1, null, null, null, 'a', '2026-02-01', null),"
        " ('2', 'New', 1, null, null, null, 'c', '2026-02-01', '2026-02-01T00:00:00Z')",
    )
    company.read()
    assert company.alive("Id, StageName, Amount") == [("1", "Won", 2)]


def test_only_what_a_number_needs_is_taken(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.tool(
        "create table opportunity_field_history (id varchar, field varchar, new_value varchar)",
        "insert into opportunity_field_history values ('1', 'Owner', '005'), ('2', 'Description', 'a"
        " secret')",
    )
    company.read("OpportunityFieldHistory")
    assert company.alive("Id, NewValue", "OpportunityFieldHistory") == [("1", "005")]
    company.read("OpportunityFieldHistory")
    assert company.batches == 1, "no column tells when it was written"


def load_with_dlt(place: Path, deals: list[dict[str, Any]], folder: Path) -> None:
    dlt = pytest.importorskip("dlt")
    pipeline = dlt.pipeline(
        "sf",
        destination=dlt.destinations.duckdb(str(place)),
        dataset_name="sf_data",
        pipelines_dir=str(folder),
    )
    users = [{"Id": "u", "Name": "Ann", "IsActive": True}]
    pipeline.run(
        [
            dlt.resource(deals, name="Opportunity", primary_key="Id", write_disposition="merge"),
            dlt.resource(users, name="sf_user", write_disposition="replace"),
        ]
    )


def test_dlt_itself(tmp_path: Path) -> None:
    deals = [
        {"Id": "1", "StageName": "New", "Amount": 1.5, "CloseDate": "2026-04-01", "Loss_Reason__c": "price"},
        {"Id": "2", "StageName": "Won", "Amount": 2.0, "CreatedDate": "2026-01-02T10:00:00.000+0000"},
    ]
    company = Company(tmp_path)
    load_with_dlt(company.place, deals, tmp_path / "pipelines")
    assert company.read().findings == []
    assert company.alive("Id, StageName, Amount, CloseDate, CreatedDate, LostReason_z") == [
        ("1", "New", Decimal("1.50"), date(2026, 4, 1), None, "price"),
        ("2", "Won", Decimal("2.00"), None, datetime(2026, 1, 2, 10), None),
    ]
    company.read("User")
    assert company.alive("Id, Name, IsActive", "User") == [("u", "Ann", True)]
    load_with_dlt(company.place, [deals[0] | {"Amount": 9.0}], tmp_path / "pipelines")
    # as a load looks that is not complete yet: its rows are there, and it is not in the list
    company.tool(
        "delete from sf_data._dlt_loads where load_id = (select max(load_id) from sf_data._dlt_loads)"
    )
    assert company.read().findings == [
        "Opportunity: 1 rows are of a load that dlt has not finished; the table stays as it was until it has."
    ]
    assert company.alive() == [("1", Decimal("1.50")), ("2", 2)]
    company.tool(
        "insert into sf_data._dlt_loads select max(_dlt_load_id), 'sf', 0, now(), '' from sf_data.opportunity"
    )
    assert company.read().findings == []
    assert company.alive() == [("1", 9), ("2", 2)]


def test_a_folder_of_parquet_files(tmp_path: Path) -> None:
    company = Company(tmp_path, "lake")
    deals, users = company.place / "opportunity" / "2026", company.place / "user.parquet"
    deals.mkdir(parents=True)
    select = (
        "select '{0}' as id, 'New' as stage_name, {0} as amount, null::date as close_date,"
        " now() as created_date"
    )
    for number in (1, 2):
        duckdb.sql(f"copy ({select.format(number)}, 'x' as loss_reason_c) to '{deals / f'{number}.parquet'}'")
    duckdb.sql(f"copy (select 'u' as \"Id\", 'Ann' as \"Name\", true as \"IsActive\") to '{users}'")
    company.read()
    company.read("User")
    assert (company.alive(), company.alive("Id", "User")) == ([("1", 1), ("2", 2)], [("u",)])
    company.read()
    assert company.batches == 0
    (deals / "2.parquet").unlink()
    company.read()
    assert company.alive() == [("1", 1)]


def test_a_table_that_was_emptied_deletes_nothing(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.tool(*FIVETRAN)
    company.read()
    company.tool("delete from sf_prod.opportunity")
    assert company.refusal().startswith("sf: the table of Opportunity in ")
    assert "is empty, where 1 records were; nothing is taken as deleted." in company.refusal()
    assert company.alive() == [("1", Decimal("12.50"))]


def test_what_is_absent(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.tool("create table opportunity (id varchar, stage_name varchar, amount int)")
    assert company.read().findings == [
        f"Opportunity has no column for CloseDate, CreatedDate, LostReason_z in {company.place}."
    ]
    assert company.read("OpportunityFieldHistory").findings == [
        f"OpportunityFieldHistory is not in {company.place}: without it, earlier owners are not known."
    ]
    assert "has no table for User, and no number can do without it" in company.refusal("User")
    company.tool("alter table opportunity drop column amount")
    assert "Amount of Opportunity is not among the columns of its table" in company.refusal()
    company.dataset = "salesforce"
    assert "sources.sf.dataset: " in company.refusal()
    company.dataset = ""
    company.tool("create schema other", "create table other.opportunity (id varchar)")
    assert "has several tables for Opportunity" in company.refusal()


def test_a_place_that_is_none(tmp_path: Path) -> None:
    assert "nowhere.duckdb is not there" in Company(tmp_path, "nowhere.duckdb").refusal()
    (tmp_path / "text.duckdb").write_text("no database, and long enough to look like one" * 200)
    assert "text.duckdb cannot be opened" in Company(tmp_path, "text.duckdb").refusal()


def test_nothing_stays_attached(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.tool(*FIVETRAN)
    company.read()
    company.refusal("User")
    attached = company.con.execute(
        "select database_name from duckdb_databases() where not internal"
    ).fetchall()
    assert attached == [("memory",)]


class InSqlite(Company):
    """The same by the way of databases; PostgreSQL itself is in the slow tests."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(root)
        self.file, self.place = root / "lake.sqlite", "database"
        monkeypatch.setenv("ZEVEN_SF_URL", f"sqlite:///{self.file}")
        self.tool(
            "create table opportunity (id varchar, stage_name varchar, amount numeric(12,2), close_date date,"
            " created_date datetime, loss_reason_c varchar, name varchar, _fivetran_deleted boolean,"
            " _fivetran_synced datetime)",
            "insert into opportunity values ('1', 'New', 12.5, '2026-04-01', '2026-01-02 08:00:00', 'price',"
            " 'a secret', false, '2026-02-01 00:00:00'), ('2', 'New', 1, null, '2026-01-02', null, null,"
            " true, '2026-02-01 00:00:00')",
        )

    def tool(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.file)) as con, con:
            for statement in statements:
                con.execute(statement)


def test_a_database_is_read_as_a_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    company = InSqlite(tmp_path, monkeypatch)
    assert company.read().findings == []
    columns = "Id, StageName, Amount, CloseDate, CreatedDate, LostReason_z"
    assert company.alive(columns) == [
        ("1", "New", Decimal("12.50"), date(2026, 4, 1), datetime(2026, 1, 2, 8), "price")
    ]
    company.read()
    assert company.batches == 0, "nothing was written since"
    company.tool("update opportunity set _fivetran_deleted = false where id = '2'")
    company.read()
    assert [one for one, _ in company.alive()] == ["1", "2"], "a mark counts, whenever it was written"
    left = "select table_name from duckdb_tables() where table_name like 'zeven_brought%'"
    assert company.con.execute(left).fetchall() == []
    assert "has no table for User, and no number can do without it" in company.refusal("User")
    company.tool("delete from opportunity")
    assert (
        "of Opportunity in the database of ZEVEN_SF_URL is empty, where 2 records were" in company.refusal()
    )
    company.dataset = "nowhere"
    assert "nowhere" in company.refusal()
    monkeypatch.delenv("ZEVEN_SF_URL")
    with pytest.raises(SettingsError, match="the environment variable ZEVEN_SF_URL is not set"):
        company.read()


def test_a_load_of_dlt_in_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    company = InSqlite(tmp_path, monkeypatch)
    company.tool(
        "create table sf_user (id varchar, name varchar, is_active boolean, _dlt_load_id varchar)",
        "insert into sf_user values ('u', 'Ann', true, '1.5')",
    )
    assert company.read("User").findings == [
        "the database of ZEVEN_SF_URL has no _dlt_loads, so a load that dlt is at work on cannot be told."
    ]
    company.tool(
        "create table _dlt_loads (load_id varchar, status bigint)",
        "insert into _dlt_loads values ('1.5', 0)",
        "update sf_user set name = 'Eve', _dlt_load_id = '2.5'",
    )
    assert company.read("User").findings[0].startswith("User: 1 rows are of a load that dlt has not finished")
    assert company.alive("Id, Name", "User") == [("u", "Ann")]
    company.tool("insert into _dlt_loads values ('2.5', 0)")
    assert company.read("User").findings == []
    assert company.alive("Id, Name", "User") == [("u", "Eve")]


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ('place = "postgresql://u:s3cret@h/d"', "settings are no place for a password; write place ="),
        ("place = 5", 'the path of a DuckDB file or of a folder of Parquet files, or "database" (found 5)'),
        ("", "sources.lake.place: this key is required and missing"),
        ('place = "x"\nleads = "leads"', "sources.lake.leads: unknown key"),
    ],
)
def test_a_place_is_a_file_a_folder_or_a_database(tmp_path: Path, written: str, sentence: str) -> None:
    file = tmp_path / "zeven.toml"
    start = '[company]\nname = "X"\n[sources.lake]\nkind = "hubspot_landed"\n'
    file.write_text(f'{start}place = "lake"\n')
    assert load_settings(file).sources["lake"].place == tmp_path / "lake"  # type: ignore[union-attr]
    file.write_text(start + written)
    with pytest.raises(SettingsError) as caught:
        load_settings(file)
    assert sentence in str(caught.value)
    assert "s3cret" not in str(caught.value)
