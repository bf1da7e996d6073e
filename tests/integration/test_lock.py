"""One writer at a time: who waits, who is refused in which words, and what a killed holder leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestration.errors import BusyError, SettingsError, ZevenError
from orchestration.progress import Event, reporting_to
from orchestration.settings import Settings, load_settings
from orchestration.warehouse import COMMAND_LINE, DAGSTER_UI, Warehouse, holder, writer_lock

HOLD = """
import sys, time
from pathlib import Path
from orchestration.settings import load_settings
from orchestration.warehouse import writer_lock
with writer_lock(load_settings(Path(sys.argv[1])), who="the Dagster UI", run_id="abcdef1234567890"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""
OPEN = """
import sys, time, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("create or replace table committed as select 42 as answer")
print("open", flush=True)
time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "zeven.toml"
    file.write_text('[company]\nname = "Test"\n[sources.crm]\nkind = "files"\nfolder = "exports"\n')
    return load_settings(file)


@contextmanager
def elsewhere(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Another process that has done what it is for when the block begins."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() in ("held", "open")
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_the_second_run_waits_says_for_whom_and_then_proceeds(settings: Settings) -> None:
    events: list[Event] = []
    with elsewhere(HOLD, settings.file, 1.5) as other, reporting_to(events.append):
        started = time.monotonic()
        with writer_lock(settings, who=COMMAND_LINE, wait_seconds=30):
            assert time.monotonic() - started > 0.5
            now_held_by = holder(settings)
    assert now_held_by is not None
    assert now_held_by.pid == os.getpid()
    assert [event.status for event in events] == ["started", "done"]
    assert f"run abcdef12, started by the Dagster UI (process {other.pid})" in events[0].detail


def test_who_does_not_want_to_wait_is_refused_with_the_name_of_the_holder(settings: Settings) -> None:
    with (
        elsewhere(HOLD, settings.file, 60) as other,
        pytest.raises(BusyError) as refused,
        writer_lock(settings, who=COMMAND_LINE, wait_seconds=0),
    ):
        pytest.fail("the lock was given twice")
    assert str(refused.value).startswith(f"Run abcdef12, started by the Dagster UI (process {other.pid}) at ")
    assert "\n" not in str(refused.value)


def test_a_killed_holder_frees_the_lock_at_once(settings: Settings) -> None:
    with elsewhere(HOLD, settings.file, 60) as other:
        assert holder(settings) is not None
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert holder(settings) is None
        with writer_lock(settings, who=COMMAND_LINE, run_id="next", wait_seconds=0):
            found = holder(settings)
    assert found is not None
    assert (found.run_id, found.who) == ("next", COMMAND_LINE)
    assert holder(settings) is None


def test_the_lock_is_given_again_within_the_process_and_freed_by_the_outermost_block(
    settings: Settings,
) -> None:
    with writer_lock(settings, who=COMMAND_LINE, wait_seconds=0):
        with writer_lock(settings, who=DAGSTER_UI, run_id="inner", wait_seconds=0):
            pass
        assert holder(settings) is not None
    assert holder(settings) is None


def test_an_error_in_the_block_frees_the_lock(settings: Settings) -> None:
    with pytest.raises(ValueError, match="boom"), writer_lock(settings, who=COMMAND_LINE):
        raise ValueError("boom")
    assert holder(settings) is None


def test_looking_who_holds_the_lock_never_refuses_a_writer(settings: Settings) -> None:
    """`holder` takes the lock for an instant; a writer that will not wait must not stumble over it."""
    look = "\n".join(
        (
            "import sys",
            "from pathlib import Path",
            "from orchestration.settings import load_settings",
            "from orchestration.warehouse import holder",
            "settings = load_settings(Path(sys.argv[1]))",
            "print('held', flush=True)",
            "while True: holder(settings)",
        )
    )
    with writer_lock(settings, who=COMMAND_LINE):
        pass
    with elsewhere(look, settings.file):
        for _ in range(100):
            with writer_lock(settings, who=COMMAND_LINE, wait_seconds=0):
                pass


def test_the_warehouse_is_private_and_in_utc(settings: Settings) -> None:
    warehouse = Warehouse(settings)
    with warehouse.connect() as connection:
        assert connection.cursor().execute("select current_setting('TimeZone')").fetchall() == [("UTC",)]
    assert warehouse.folder.stat().st_mode & 0o777 == 0o700
    assert warehouse.file.stat().st_mode & 0o777 == 0o600


def test_a_new_warehouse_is_stored_the_newest_way_and_an_old_one_stays_usable(
    settings: Settings, tmp_path: Path
) -> None:
    import duckdb

    def storage() -> str:
        with Warehouse(settings).connect() as con:
            con.execute("create or replace table t as select 'x' || range as x from range(1000)")
            query = (
                "select tags['storage_version'] from duckdb_databases() "
                "where database_name = current_database()"
            )
            return str(con.execute(query).fetchall()[0][0])

    with duckdb.connect(str(tmp_path / "newest.duckdb"), config={"storage_compatibility_version": "latest"}):
        pass
    with duckdb.connect(str(tmp_path / "newest.duckdb")) as con:
        [(newest,)] = con.execute(
            "select tags['storage_version'] from duckdb_databases() where not internal"
        ).fetchall()
    assert storage() == newest
    file = Warehouse(settings).file
    file.unlink()
    with duckdb.connect(str(file)) as con:
        con.execute("create table committed as select 42 as answer")
    assert storage() != newest
    with Warehouse(settings).connect() as con:
        assert con.execute("select answer from committed").fetchall() == [(42,)]


def test_reading_a_warehouse_that_is_not_there_makes_nothing(settings: Settings) -> None:
    with Warehouse(settings).connect(read_only=True) as connection:
        assert connection.execute("select count(*) from duckdb_tables()").fetchall() == [(0,)]
    assert not settings.paths.warehouse.exists()


def test_a_connection_waits_for_another_process_to_close_the_file(settings: Settings) -> None:
    warehouse = Warehouse(settings, wait_seconds=30)
    with warehouse.connect():
        pass
    with elsewhere(OPEN, warehouse.file, 1.5), warehouse.connect() as connection:
        assert connection.execute("select answer from committed").fetchall() == [(42,)]


def test_a_connection_that_cannot_wait_names_the_process(settings: Settings) -> None:
    warehouse = Warehouse(settings, wait_seconds=0)
    with warehouse.connect():
        pass
    with elsewhere(OPEN, warehouse.file, 60) as other:
        for read_only in (False, True):
            with (
                pytest.raises(BusyError, match=rf"is open in process {other.pid} \(python"),
                warehouse.connect(read_only=read_only),
            ):
                pytest.fail("opened twice")


def test_what_a_killed_process_had_committed_is_there(settings: Settings) -> None:
    warehouse = Warehouse(settings, wait_seconds=5)
    with warehouse.connect():
        pass
    with elsewhere(OPEN, warehouse.file, 60) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()
        for read_only in (True, False):
            with warehouse.connect(read_only=read_only) as connection:
                assert connection.execute("select answer from committed").fetchall() == [(42,)]


@pytest.mark.parametrize("content", [b"", b"garbage" * 5000, b"\0" * 20_000])
def test_a_damaged_file_is_one_sentence(settings: Settings, content: bytes) -> None:
    warehouse = Warehouse(settings)
    warehouse.folder.mkdir()
    warehouse.file.write_bytes(content)
    with pytest.raises(ZevenError, match=r"work\.duckdb: .* probably damaged .* Move it away") as refused:
        warehouse.connect().__enter__()
    assert "\n" not in str(refused.value)


def test_a_truncated_file_is_one_sentence(settings: Settings) -> None:
    warehouse = Warehouse(settings)
    with warehouse.connect() as connection:
        connection.execute("create table t as select range as a, 'x' || range as b from range(200000)")
    warehouse.file.write_bytes(warehouse.file.read_bytes()[:20_000])
    with pytest.raises(ZevenError, match="probably damaged"), warehouse.connect() as connection:
        connection.execute("select count(*), max(b) from t").fetchall()


def test_a_warehouse_that_cannot_be_made_is_refused(settings: Settings) -> None:
    settings.paths.warehouse.write_text("in the way")
    with pytest.raises(SettingsError, match="a file stands in the way"):
        Warehouse(settings).connect().__enter__()


def test_an_impossible_memory_limit_is_the_settings_fault(tmp_path: Path) -> None:
    file = tmp_path / "zeven.toml"
    file.write_text(
        '[company]\nname = "Test"\n[run]\nmemory_limit = "99999999999999999999GB"\n'
        '[sources.crm]\nkind = "files"\nfolder = "exports"\n'
    )
    settings = load_settings(file)
    with pytest.raises(SettingsError, match=r"zeven\.toml: run\.memory_limit: "):
        Warehouse(settings).connect().__enter__()
