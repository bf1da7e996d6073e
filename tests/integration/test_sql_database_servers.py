"""Real PostgreSQL and MariaDB servers, private and on loopback: types, rights, speed of a load, and kill
-9."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from orchestration.errors import SourceError
from orchestration.ingest import sql_database
from orchestration.settings import Settings, load_settings
from tests.proof.database_servers import NoServer, Server, mysql, postgresql

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sql_servers")]

LOADED_AT = datetime(2026, 3, 31, 6, 0)  # noqa: DTZ001 -- in UTC
SERVERS = ("postgresql", "mysql")
ODOO = """
[sources.crm.tables.opportunities]
table = "TABLE"
key = "id"
cursor = "write_date"
deleted = "not active"
[sources.crm.tables.opportunities.columns]
opportunity_id = "id"
created_at = "create_date"
stage = "stage ->> 'en_US'"
amount = "expected_revenue"
probability = "probability"
expected_close_on = "date_deadline"
is_won = "won"
source = "note"
updated_at = "write_date"
"""
COLUMNS = {
    "postgresql": "id bigint primary key, stage jsonb, expected_revenue numeric, probability float8,"
    " date_deadline date, won boolean, active boolean, note text, create_date timestamptz,"
    " write_date timestamp",
    "mysql": "id bigint unsigned primary key, stage json, expected_revenue decimal(16,4), probability double,"
    " date_deadline date, won bit(1), active tinyint(1), note varchar(80), create_date timestamp(6) null,"
    " write_date datetime(6)",
}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    # a socket's path may have 107 characters, and the folders of pytest are not open to the server's user
    with tempfile.TemporaryDirectory(prefix="zeven-") as folder:
        Path(folder).chmod(0o755)
        try:
            yield from (postgresql if request.param == "postgresql" else mysql)(Path(folder))
        except NoServer as missing:
            pytest.skip(str(missing))


@pytest.fixture
def settings(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    grant = "reader" if server.kind == "postgresql" else "reader@'127.0.0.1'"
    name = table_of(server)
    server.run(
        f"drop table if exists {name}",
        f"create table {name} ({COLUMNS[server.kind]})",
        f"grant select on {name} to {grant}",
    )
    if server.kind == "postgresql":
        server.run(f"grant usage on schema public to {grant}")
    monkeypatch.setenv("ZEVEN_CRM_URL", server.reader)
    return written(tmp_path, ODOO.replace("TABLE", name))


def table_of(server: Server) -> str:
    return "public.crm_lead" if server.kind == "postgresql" else "crm_lead"


def written(folder: Path, tables: str, keys: str = "") -> Settings:
    (folder / "warehouse").mkdir(exist_ok=True)
    file = folder / "zeven.toml"
    file.write_text(f'[company]\nname = "X"\n[sources.crm]\nkind = "sql"\n{keys}\n{tables}')
    return load_settings(file)


def load(con: duckdb.DuckDBPyConnection, settings: Settings) -> int:
    sql_database.prepare(con)
    return sql_database.load_table(con, settings, "crm", "opportunities", LOADED_AT).rows_loaded


def refusal(con: duckdb.DuckDBPyConnection, settings: Settings) -> str:
    with pytest.raises(SourceError) as caught:
        load(con, settings)
    assert "s3cret" not in str(caught.value)
    return str(caught.value)


def test_types(server: Server, settings: Settings) -> None:
    won = "true" if server.kind == "postgresql" else "b'1'"
    stage = """'{"en_US": "Proposition", "nl_NL": "Voorstel"}'"""
    at = "'2026-03-01 10:00:00+02'" if server.kind == "postgresql" else "'2026-03-01 08:00:00'"
    name = table_of(server)
    if server.kind == "mysql":
        server.run("set global time_zone = '+00:00'")
    server.run(
        f"insert into {name} values (9007199254740993, {stage}, 1234.565, 12.5, '2026-04-30', {won},"
        f" {won}, 'né',"
        f" {at}, '2026-03-02 10:00:00.123456'), (2, null, null, null, null, null, null, null, {at}, null)"
    )
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'Asia/Tokyo'")
        assert load(con, settings) == 1, "a deal without a stage is put aside"
        found = con.execute(
            "select opportunity_id, stage, amount, probability, expected_close_on, is_won, is_deleted,"
            " source, created_at,"
            " updated_at from raw_files.opportunities"
        ).fetchall()
        assert found == [
            (
                "9007199254740993",
                "Proposition",
                Decimal("1234.57"),
                12.5,
                date(2026, 4, 30),
                True,
                False,
                "né",
                datetime(2026, 3, 1, 8),  # noqa: DTZ001
                datetime(2026, 3, 2, 10, 0, 0, 123456),  # noqa: DTZ001
            )
        ]
        assert con.execute("select reason from raw_files.quarantine").fetchall() == [
            ("stage: is required and empty",)
        ]


def test_an_endless_date_puts_its_row_aside(server: Server, settings: Settings) -> None:
    """In any column, in that of the cursor too; and the settings may say that it means no date."""
    if server.kind != "postgresql":
        pytest.skip("only PostgreSQL has infinity")
    name, at = table_of(server), "'2026-03-01 08:00:00+00'"
    deals = ("'2026-04-30', {at}, '2026-03-02'", "'infinity', {at}, '2026-03-02'", "null, {at}, 'infinity'")
    deals += ("null, '-infinity', '-infinity'", "'20000-01-01', {at}, '0044-03-15 BC'")
    server.run(
        *(
            f"insert into {name} (id, stage, date_deadline, create_date, write_date)"
            f""" values ({number}, '{{"en_US": "New"}}', {values.format(at=at)})"""
            for number, values in enumerate(deals, start=1)
        )
    )
    reasons = "select row_number, reason from raw_files.quarantine order by 1"
    with duckdb.connect() as con:
        assert load(con, settings) == 1
        told = dict(con.execute(reasons).fetchall())
        assert told[2].startswith("expected_close_on: infinity lies outside the years 1900 to 2200")
        assert told[3].startswith("updated_at: infinity lies outside")
        assert told[4].startswith("created_at: -infinity lies outside")
        assert [("infinity" in told[5], "-infinity" in told[5], len(told))] == [(True, True, 4)]
        # the next run reads what its cursor asks for, and an endless cursor hides nothing
        server.run(f"update {name} set date_deadline = '2026-05-01', write_date = now() where id = 2")
        assert load(con, settings) == 1
        mapped = ODOO.replace("TABLE", name).replace(
            '"date_deadline"', '"case when isfinite(date_deadline) then date_deadline end"'
        )
        server.run(f"update {name} set date_deadline = 'infinity', write_date = now() where id = 2")
        assert load(con, written(settings.file.parent, mapped)) == 2
        deadlines = "select opportunity_id, expected_close_on from raw_files.opportunities order by 1"
        assert con.execute(deadlines).fetchall() == [("1", date(2026, 4, 30)), ("2", None)]
    server.run(f"delete from {name} where id <> 2", f"update {name} set write_date = '-infinity'")
    with duckdb.connect() as con:
        assert [load(con, settings) for _ in range(2)] == [0, 0]


def test_what_a_server_refuses(server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = "secret.deal" if server.kind == "postgresql" else "deal"
    server.run(f"drop table if exists {hidden}", f"create table {hidden} (id int primary key, stage text)")
    with duckdb.connect() as con:
        lost = written(settings.file.parent, ODOO.replace("TABLE", "crm_leads"))
        assert (
            "has no table or view 'crm_leads' that the user 'reader' can see. Did you mean crm_lead?"
            in refusal(con, lost)
        )
        mapping = (
            '[sources.crm.tables.opportunities]\ntable = "HIDDEN"\nkey = "id"\n'
            "[sources.crm.tables.opportunities.columns]\n"
            'opportunity_id = "id"\ncreated_at = "\'2026-01-01\'"\n'
        ).replace("HIDDEN", hidden)
        denied = refusal(con, written(settings.file.parent, mapping))
        said = (
            "the user 'reader' may not read" if server.kind == "postgresql" else "has no table or view 'deal'"
        )
        assert said in denied
        monkeypatch.setenv("ZEVEN_CRM_URL", server.reader.replace("s3cret-word", "s3cret-worse"))
        assert "refused the user 'reader' with this password; correct ZEVEN_CRM_URL." in refusal(
            con, settings
        )
        if server.kind == "postgresql":
            monkeypatch.setenv("ZEVEN_CRM_URL", server.reader.replace("/postgres", "/nowhere"))
            assert "has no database 'nowhere'" in refusal(con, settings)


def test_the_session_cannot_write(server: Server, settings: Settings) -> None:
    from orchestration.ingest.sql_database_connection import Database, address

    server.run(f"insert into {table_of(server)} (id) values (1)")
    database = Database("crm", address("crm", {"ZEVEN_CRM_URL": server.admin}))
    with database._engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match=r"(?i)read.only"):
        connection.exec_driver_sql(f"delete from {table_of(server)}")


RUN = """
import sys
from datetime import datetime
from pathlib import Path
import duckdb
from orchestration.ingest import sql_database
from orchestration.settings import load_settings
settings, at = load_settings(Path(sys.argv[1])), datetime(2026, 3, 31, 6)
with duckdb.connect(sys.argv[2]) as con:
    sql_database.prepare(con)
    sql_database.load_table(con, settings, "crm", "opportunities", at)
"""
ROWS, KILLS = 60_000, 12


def test_kill_at_any_moment(server: Server, settings: Settings, tmp_path: Path) -> None:
    """Rows change and go while runs are killed; what is there in the end is what the database holds."""
    name, seed = table_of(server), random.Random(7)
    settings = written(tmp_path, ODOO.replace("TABLE", name), "rows_per_piece = 4000\nkeys_every_days = 0")
    made = (
        "generate_series(1, {0}) as s(i)"
        if server.kind == "postgresql"
        else "(select seq as i from seq_1_to_{0}) s"
    )
    plus = "{0} * interval '1 second'" if server.kind == "postgresql" else "interval {0} second"
    stamp = f"timestamp '2026-01-01 00:00:00' + {plus}"
    server.run(
        f"insert into {name} (id, stage, expected_revenue, active, create_date, write_date)"
        f' select i, \'{{"en_US": "New"}}\', i, {"true" if server.kind == "postgresql" else 1},'
        " '2026-01-01',"
        f" {stamp.format('i')} from {made.format(ROWS)}"
    )
    file, killed = tmp_path / "raw.duckdb", 0
    for turn in range(KILLS):
        command = [sys.executable, "-W", "ignore", "-c", RUN, str(settings.file), str(file)]
        process = subprocess.Popen(command)
        try:
            process.wait(timeout=seed.uniform(0.8, 3.0))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.wait()
        first = 1 + turn * 1000
        server.run(
            f"update {name} set expected_revenue = expected_revenue + 100000, write_date ="
            f" {stamp.format(ROWS + turn)}"
            f" where id between {first} and {first + 700}"
        )
    assert killed >= KILLS // 3, "the machine was too fast for this test to mean anything"
    subprocess.run([sys.executable, "-W", "ignore", "-c", RUN, str(settings.file), str(file)], check=True)
    with sa.create_engine(server.admin).connect() as connection:
        truth = connection.exec_driver_sql(f"select count(*), sum(expected_revenue) from {name}").one()
    with duckdb.connect(str(file)) as con:
        found = con.execute(
            "select count(*), sum(amount), count(distinct opportunity_id) from raw_files.opportunities"
        ).fetchall()[0]
        assert found == (truth[0], Decimal(truth[1]), truth[0])
        odd = con.execute(
            "select * from raw_files.load_ledger where rows_in <> rows_loaded + rows_quarantined +"
            " rows_withheld"
            " + rows_unchanged + rows_replaced"
        ).fetchall()
        assert odd == []
        told = con.execute("select sum(rows_loaded) from raw_files.load_ledger").fetchall()[0][0]
        assert told == truth[0]
