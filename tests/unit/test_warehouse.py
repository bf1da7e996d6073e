"""How much of the machine the warehouse takes."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from orchestration.settings import Settings, load_settings
from orchestration.transform.dbt_command import DbtCommand
from orchestration.warehouse import Warehouse


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    file = tmp_path / "zeven.toml"
    file.write_text('[company]\nname = "Many cores"\n[sources.crm]\nkind = "files"\nfolder = "in"\n')
    return load_settings(file, environ={})


@pytest.mark.parametrize(
    ("mebibytes", "threads"), [(None, 1), (0, 1), (15, 1), (16, 1), (33, 2), (100, 6), (5000, 8)]
)
def test_a_warehouse_has_as_many_threads_as_there_is_work_for(
    settings: Settings, mebibytes: int | None, threads: int
) -> None:
    warehouse = Warehouse(settings)
    if mebibytes is not None:
        warehouse.folder.mkdir()
        with warehouse.file.open("wb") as file:
            file.truncate(mebibytes * 2**20)  # takes no room
    assert warehouse.threads == threads
    command = DbtCommand(settings, "build", target=warehouse.folder / "dbt")
    assert command._environment["ZEVEN_THREADS"] == str(threads)


@pytest.mark.parametrize(("mebibytes", "at_once"), [(1, 2), (99, 2), (101, 1)])
def test_models_of_data_larger_than_half_of_memory_are_built_one_by_one(
    settings: Settings, mebibytes: int, at_once: int
) -> None:
    warehouse = Warehouse(settings)
    warehouse.folder.mkdir()
    with warehouse.file.open("wb") as file:
        file.truncate(mebibytes * 2**20)
    with duckdb.connect(config={"memory_limit": "200MiB"}) as con:
        assert warehouse.nodes_at_once(con) == at_once


def test_what_comes_is_read_with_every_core(settings: Settings) -> None:
    asked = "select current_setting('threads')"
    with Warehouse(settings).connect(loading=True) as con:
        every_core = con.execute(asked).fetchall()
    with Warehouse(settings).connect() as con:
        assert con.execute(asked).fetchall() == [(1,)]
        assert con.execute("reset threads").execute(asked).fetchall() == every_core
