"""The file of the tables to publish, beside the working database."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
import yaml
from published_company import settings_in

from orchestration import marts
from orchestration.errors import ZevenError
from orchestration.settings import DBT_PROJECT_DIR
from orchestration.warehouse import Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(settings_in(tmp_path))


def test_dbt_attaches_the_same_file_in_the_same_storage() -> None:
    profiles = yaml.safe_load((DBT_PROJECT_DIR / "profiles.yml").read_text(encoding="utf-8"))
    [attached] = profiles["zeven"]["outputs"]["duckdb"]["attach"]
    named = attached["path"].replace("{{ env_var('ZEVEN_WAREHOUSE_FILE') }}", "/folder/work.duckdb")
    assert Path(named) == marts.file_beside(Path("/folder/work.duckdb"))
    assert attached["alias"] == marts.MARTS
    assert attached["options"] == {"storage_version": marts.STORAGE_VERSION}


def test_at_rest_the_file_is_whole_and_afterwards_attached_again(warehouse: Warehouse) -> None:
    with warehouse.connect() as con:
        con.execute("create table marts.numbers as select 1 as one")
        with marts.at_rest(con) as file:
            assert file == warehouse.marts_file
            assert not file.with_name(f"{file.name}.wal").exists()
            with duckdb.connect(str(file), read_only=True) as other:
                assert other.execute("from numbers").fetchall() == [(1,)]
        con.execute("insert into marts.numbers values (2)")
        assert con.execute("select count(*) from marts.numbers").fetchall() == [(2,)]


def test_it_is_attached_again_where_copying_failed(warehouse: Warehouse) -> None:
    with warehouse.connect() as con:
        with pytest.raises(OSError, match="full"), marts.at_rest(con):
            raise OSError("full")
        con.execute("create table marts.numbers as select 1 as one")


def test_only_its_owner_may_read_it(warehouse: Warehouse) -> None:
    with warehouse.connect():
        assert warehouse.marts_file.stat().st_mode & 0o777 == 0o600


def test_a_fresh_start_leaves_nothing(warehouse: Warehouse) -> None:
    with warehouse.connect() as con:
        con.execute("create table marts.numbers as select 1 as one")
    marts.start_afresh(warehouse.marts_file)
    with warehouse.connect(read_only=True) as con:
        assert con.execute(
            "select count(*) from duckdb_databases() where database_name = 'marts'"
        ).fetchall() == [(0,)]
    with warehouse.connect() as con:
        assert con.execute(
            "select count(*) from duckdb_tables() where database_name = 'marts'"
        ).fetchall() == [(0,)]


def test_a_file_that_cannot_be_read_is_told(warehouse: Warehouse) -> None:
    with warehouse.connect():
        pass
    warehouse.marts_file.write_bytes(b"no database " * 1_000)
    with pytest.raises(ZevenError, match=r"work\.duckdb\.marts: .* remove it"), warehouse.connect():
        pass
