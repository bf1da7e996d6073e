"""Landed tables in a real PostgreSQL: the raw tables that come of them are those of a DuckDB file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from demo.render_hubspot import render_hubspot
from orchestration.ingest.crm import raw_schema
from orchestration.ingest.crm.hubspot_objects import OBJECTS
from orchestration.ingest.crm.kind import CrmKind
from orchestration.ingest.crm.landed_by_others import LandedReader
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.salesforce_landed import Salesforce
from orchestration.ingest.crm.salesforce_objects import OBJECTS as OF_SALESFORCE
from orchestration.ingest.registry import KINDS
from orchestration.setting_sources import SalesforceLandedSource
from orchestration.settings import load_settings
from tests.fakecrm.hubspot_scene import newest
from tests.integration import test_landed_hubspot, test_landed_numbers
from tests.integration.test_sql_database_servers import Server, postgresql
from tests.proof import faces

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sql_servers")]

_TYPES = {"VARCHAR": "text", "DOUBLE": "double precision", "TIMESTAMP WITH TIME ZONE": "timestamptz"}
_JSON = ("properties", "contacts", "companies", "deals", "line_items", "teams", "stages")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="zeven-") as folder:
        Path(folder).chmod(0o755)
        yield from postgresql(Path(folder))


@pytest.fixture
def reader(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("LAKE", "SF"):
        monkeypatch.setenv(f"ZEVEN_{name}_URL", server.reader)
    return server.admin.replace("+psycopg", "")


def copy(lake: Path, schema: str, admin: str, into: str) -> None:
    """Every table of a schema, with the types that a tool gives its columns in PostgreSQL."""
    with duckdb.connect(str(lake), read_only=True) as con, psycopg.connect(admin) as server:
        con.execute("set TimeZone = 'UTC'")
        server.execute(f"drop schema if exists {into} cascade; create schema {into}")
        names = con.execute(
            "select table_name from duckdb_tables() where schema_name = ?", [schema]
        ).fetchall()
        for (name,) in names:
            columns = con.execute(f'describe {schema}."{name}"').fetchall()
            declared = ", ".join(
                f'"{column}" {"jsonb" if column in _JSON else _TYPES.get(sql_type, sql_type)}'
                for column, sql_type, *_ in columns
            )
            server.execute(f'create table {into}."{name}" ({declared})')
            with server.cursor().copy(f'copy {into}."{name}" from stdin') as copied:
                for row in con.execute(f'select * from {schema}."{name}"').fetchall():
                    copied.write_row(row)
        server.execute(f"grant usage on schema {into} to reader")
        server.execute(f"grant select on all tables in schema {into} to reader")


def prepared(crm: str, objects: Any) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("set TimeZone = 'Asia/Tokyo'")  # no instant may depend on it
    raw_schema.prepare(con, f"raw_{crm}", {one.name: one for one in objects})
    return con


def test_hubspot(reader: str, tmp_path: Path) -> None:
    face = render_hubspot(faces.ledger())
    for tool, lake in test_landed_hubspot.lakes(face, tmp_path).items():
        copy(lake, "hubspot", reader, tool)
        of_file, of_server = prepared("hubspot", OBJECTS), prepared("hubspot", OBJECTS)
        told = [
            test_landed_hubspot.read(lake, of_file, "lake", tmp_path).findings,
            test_landed_hubspot.read("database", of_server, "lake", tmp_path, tool).findings,
        ]
        assert [one.replace("the database of ZEVEN_LAKE_URL", str(lake)) for one in told[1]] == told[0]
        for one in OBJECTS:
            assert newest(of_server, one) == newest(of_file, one), (tool, one.name)
        assert len(newest(of_server, OBJECTS[5])) > 100, "no contacts"
        again = test_landed_hubspot.read("database", of_server, "lake", tmp_path, tool)
        assert {name for name, one in again.landed.items() if one.rows_in} <= {
            "account",
            "merged_contacts",
            "merged_deals",
            "owners",
            "teams",
        }, "a table that says when it was written is not read again"
        left = of_server.execute("select table_name from duckdb_tables() where table_name like '%brought%'")
        assert left.fetchall() == []


def test_salesforce(reader: str, tmp_path: Path) -> None:
    lake = tmp_path / "lake.duckdb"
    face = test_landed_numbers.render(faces.ledger())
    extra = {"_fivetran_deleted": False, "_fivetran_synced": "2026-04-01"}
    test_landed_numbers.write(face, lake, test_landed_numbers.snake, extra)
    copy(lake, "crm", reader, "sf")
    found = []
    for place in (lake, "database"):
        con = prepared("salesforce", OF_SALESFORCE)
        keys = {"place": place, "dataset": "sf" if place == "database" else "crm"}
        source = SalesforceLandedSource(kind="salesforce_landed", fields=test_landed_numbers.FIELDS, **keys)
        tables = LandedReader("sf", source, Salesforce(source, "sf"))
        into = Landing(con, "raw_salesforce", "sf", faces.LOADED_AT, tmp_path)
        for one in OF_SALESFORCE:
            tables.read(one, into)
        found.append(test_landed_numbers.raw(con))
    assert found[0] == found[1]
    assert len(found[1]["Opportunity"]) > 40
    with psycopg.connect(reader) as server:
        server.execute("update sf.opportunity set _fivetran_deleted = true")
    into = Landing(con, "raw_salesforce", "sf", faces.LOADED_AT + timedelta(days=1), tmp_path)
    with pytest.raises(Exception, match="is empty, where"):
        tables.read(next(one for one in OF_SALESFORCE if one.name == "Opportunity"), into)


def test_the_doctor(reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(reader) as server:
        server.execute("drop schema if exists lake cascade; create schema lake")
        server.execute("create table lake.deal (deal_id bigint, owner_id bigint, property_amount numeric)")
        server.execute("grant usage on schema lake to reader; grant select on lake.deal to reader")
    file = tmp_path / "zeven.toml"
    file.write_text(
        '[company]\nname = "X"\n[sources.lake]\nkind = "hubspot_landed"\nplace = "database"\ndataset ='
        ' "lake"\n'
    )
    settings, kind = load_settings(file), KINDS["hubspot_landed"]
    assert isinstance(kind, CrmKind)
    assert kind.diagnose is not None
    told = {one.about: one for one in kind.diagnose(settings, "lake")}
    assert told["credential"].message == "ZEVEN_LAKE_URL in the environment"
    assert told["contacts"].verdict == "wrong"
    assert "createdate" in told["deals"].message
    assert "account" not in told
    assert "merged_deals" not in told
    monkeypatch.delenv("ZEVEN_LAKE_URL")
    assert [one.verdict for one in kind.diagnose(settings, "lake")] == ["wrong"]
