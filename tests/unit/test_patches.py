"""When tables may be changed in place: never where another row of them could come out differently."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration import patches, run_record
from orchestration.ingest import tombstones
from orchestration.settings import Settings, load_settings
from orchestration.warehouse import Warehouse

AS_OF = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return written(tmp_path, "")


@pytest.fixture(autouse=True)
def any_size_is_worthwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "WORTHWHILE", 0)


@pytest.fixture
def con(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse whose tables were published as of AS_OF, and a run of a day later."""
    with Warehouse(settings).connect() as con:
        run_record.prepare(con)
        run_record.record_patch_base(con, AS_OF, patches.basis(con, settings, {}))
        run_record.begin(con, "next", AS_OF + timedelta(days=1), AS_OF + timedelta(days=1))
        yield con


def written(folder: Path, text: str) -> Settings:
    file = folder / "zeven.toml"
    file.write_text(f'[company]\nname = "A"\n[sources.crm]\nkind = "files"\nfolder = "in"\n{text}')
    return load_settings(file, environ={})


def test_the_tables_of_the_last_release_are_changed_once(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    assert patches.begin(con, settings, {}, anew=False)
    assert not patches.begin(con, settings, {}, anew=False), "the first build may have ended half way"


def test_who_wants_everything_anew_gets_it(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    assert not patches.begin(con, settings, {}, anew=True)


def test_time_that_goes_back_takes_records_away(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    run_record.begin(con, "earlier", AS_OF - timedelta(seconds=1), AS_OF)
    assert not patches.begin(con, settings, {}, anew=False)


def test_another_as_of_in_the_settings_is_a_day_like_any_other(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    assert patches.begin(con, written(tmp_path, '[run]\nas_of = "2026-03-02"\n'), {}, anew=False)


def test_a_build_knows_what_the_one_before_has_read(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    run_record.take_build_base(con, 7)
    assert patches.begin(con, settings, {}, anew=False)
    [since] = con.execute("select as_of, as_of_on::varchar, now, batch_number from changes.since").fetchall()
    as_of = AS_OF.replace(tzinfo=None)
    assert since == (as_of, "2026-03-01", as_of + timedelta(days=1), 7)


def test_rows_taken_out_of_raw_leave_nothing_to_tell_what_is_new_by(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    run_record.take_build_base(con, 7)
    run_record.forget_build_base(con)
    assert patches.begin(con, settings, {}, anew=False)
    assert con.execute("select batch_number from changes.since").fetchall() == [(None,)]


def test_a_release_is_compared_by_what_changed_since_it_alone(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    con.execute("insert into zeven.last_published values ('published')")
    assert patches.begin(con, settings, {}, anew=False)
    con.execute("create table changes.kpi_a as select 1 as a")
    con.execute("create view changes.kpi_a__before as select 2 as a")
    con.execute("insert into zeven.patched values ('kpi_a')")
    assert set(patches.changed_since(con, "published")) == {"kpi_a"}
    assert patches.changed_since(con, "rolled_back_to") == {}


def test_other_settings_make_other_rows(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    assert not patches.begin(con, written(tmp_path, "[response]\nsla_minutes = 5\n"), {}, anew=False)


def test_a_forgotten_person_leaves_no_bytes_behind(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    tombstones.write(con, [tombstones.Tombstone("lead", "crm", "0" * 64, AS_OF.isoformat(), "asked")])
    assert not patches.begin(con, settings, {}, anew=False)


def test_small_tables_are_made_anew_faster(
    con: duckdb.DuckDBPyConnection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patches, "WORTHWHILE", 2**40)
    assert not patches.begin(con, settings, {}, anew=False)


def test_what_the_build_before_changed_is_forgotten(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    con.execute("create schema changes; create table changes.kpi_a as select 1 as a")
    con.execute("create table changes.kpi_a__before as select 2 as a")
    con.execute("insert into zeven.patched values ('kpi_a')")
    assert list(patches.changed_rows(con)) == ["kpi_a"]
    patches.begin(con, settings, {}, anew=False)
    assert patches.changed_rows(con) == {}
