"""What publishing refuses, in which words, and that a refusal leaves nothing behind."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from small_company import AS_OF, CONTRACTS, KPI, NOW, note_build, open_warehouse, publish_small, settings_in

from orchestration.checks.contracts import Contract
from orchestration.errors import BusyError, GateError, SettingsError, ZevenError
from orchestration.publish import catalogue, gateway, store
from orchestration.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def con(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(settings) as con:
        yield con


def left_behind(settings: Settings) -> list[str]:
    root = settings.paths.published
    return [path.name for path in root.iterdir() if path.name.startswith((".candidate-", ".new-"))]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"passed": False},
            "Nothing was published: models or tests failed in the last build (run-1); "
            "see its failures, mend them and run again.",
        ),
        (
            {"is_whole": False},
            "Nothing was published: the last build (run-1) made a part of the models only; "
            "run the whole pipeline.",
        ),
        (
            {"as_of": AS_OF - timedelta(days=1)},
            "Nothing was published: the tables describe 2026-03-30T22:00:00Z and the release was asked for "
            "2026-03-31T22:00:00Z; run the whole pipeline for that instant.",
        ),
    ],
)
def test_only_a_whole_build_that_passed_for_this_instant_is_published(
    con: Any, settings: Settings, changed: dict[str, Any], sentence: str
) -> None:
    note_build(con, **changed)
    with pytest.raises(GateError) as refused:
        publish_small(con, settings)
    assert str(refused.value) == sentence
    assert json.loads((settings.paths.published / "last_failure.json").read_text())["message"] == sentence
    assert catalogue.current(settings) is None


@pytest.mark.parametrize(
    "statement",
    ["delete from zeven.build_result", "drop table zeven.build_result"],
)
def test_models_that_were_never_built_are_not_published(con: Any, settings: Settings, statement: str) -> None:
    con.execute(statement)
    with pytest.raises(GateError, match="the models were never built; run the whole pipeline"):
        publish_small(con, settings)


def test_a_build_noted_with_plain_timestamps_means_utc(con: Any, settings: Settings) -> None:
    con.execute("set timezone = 'America/New_York'")
    con.execute("alter table zeven.build_result alter as_of type timestamp using as_of at time zone 'UTC'")
    assert publish_small(con, settings).as_of == AS_OF


@pytest.mark.parametrize("name", ["release_info", "restatements"])
def test_a_model_may_not_take_the_name_of_a_table_of_the_release(
    con: Any, settings: Settings, name: str
) -> None:
    taken = Contract(name, "Mine.", KPI.columns, KPI.key)
    with pytest.raises(SettingsError, match=f"A model is named '{name}', which every release brings along"):
        publish_small(con, settings, contracts={**CONTRACTS, name: taken})
    assert left_behind(settings) == []


def test_a_file_in_the_way_is_named(con: Any, settings: Settings) -> None:
    settings.paths.published.write_text("a file")
    with pytest.raises(SettingsError) as refused:
        publish_small(con, settings)
    assert str(refused.value).startswith(f"{settings.paths.published}")
    assert "stands where publishing needs another kind of file" in str(refused.value)


def test_a_folder_named_current_is_named(con: Any, settings: Settings) -> None:
    (settings.paths.published / "current").mkdir(parents=True)
    with pytest.raises(ZevenError, match="current: is no link to a release; move it away"):
        publish_small(con, settings)
    assert left_behind(settings) == []


def test_a_pattern_in_the_folder_s_name_is_refused(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, published="pub[1]")
    with pytest.raises(SettingsError, match=r"paths\.published: .* holds one of"):
        catalogue.current(settings)


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, ZevenError, "the disk is full (No space left on device); free space and run again."),
        (errno.EROFS, SettingsError, "may not be written (Read-only file system); grant it or change"),
        (errno.EACCES, SettingsError, "may not be written (Permission denied); grant it or change"),
        (errno.EIO, ZevenError, "publishing failed at a file (Input/output error)."),
    ],
)
def test_what_the_disk_refuses_is_one_sentence(
    con: Any,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type[ZevenError],
    words: str,
) -> None:
    first = publish_small(con, settings)

    def refuse(path: Path) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr("orchestration.publish.release.seal", refuse)
    with pytest.raises(kind) as refused:
        publish_small(con, settings, minute=1)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert left_behind(settings) == []
    found = catalogue.current(settings)
    assert found is not None
    assert found.release_id == first.release_id
    monkeypatch.undo()
    publish_small(con, settings, minute=2)


def test_a_full_disk_that_duckdb_meets_is_told_alike(settings: Settings) -> None:
    error = duckdb.IOException('IO Error: Could not write file "x": No space left on device')
    with pytest.raises(ZevenError, match="the disk is full"), store.explaining(store.Store.of(settings)):
        raise error


def test_a_switch_that_fails_leaves_no_release_that_never_served(
    con: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish_small(con, settings)

    def refuse(link: Path, target: str) -> None:
        raise OSError(errno.EIO, "Input/output error", str(link))

    monkeypatch.setattr("orchestration.publish.release.switch_link", refuse)
    with pytest.raises(ZevenError):
        publish_small(con, settings, minute=1)
    assert [release.release_id for release in catalogue.releases(settings)] == [first.release_id]


def test_a_failure_after_the_switch_says_that_the_release_serves(
    con: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_small(con, settings)
    (settings.paths.published / ".gateway.sha256").unlink()

    def refuse(*_: Any) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("orchestration.publish.release.refresh_gateway", refuse)
    with pytest.raises(
        ZevenError, match=r"Release 20260401T050100Z-\w{6} serves, but tidying up after it failed"
    ):
        publish_small(con, settings, minute=1)
    found = catalogue.current(settings)
    assert found is not None
    assert found.created_at == NOW + timedelta(minutes=1)


def test_one_publisher_at_a_time(settings: Settings) -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with store.Store.of(settings).locked():
            held.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    try:
        with (
            pytest.raises(BusyError, match="another process is publishing or rolling back"),
            store.Store.of(settings).locked(wait_seconds=0.1),
        ):
            pass
    finally:
        done.set()
        thread.join()


def test_two_releases_of_one_second_and_content_have_two_names(con: Any, settings: Settings) -> None:
    ids = {publish_small(con, settings).release_id for _ in range(3)}
    assert len(ids) == 3
    assert {release_id[:17] for release_id in ids} == {"20260401T050000Z-"}


def test_the_working_database_is_as_it_was(con: Any, settings: Settings) -> None:
    before = con.execute("select database_name, table_name from duckdb_tables() order by all").fetchall()
    publish_small(con, settings)
    con.execute("update marts.kpi_sales set generation = null")
    with pytest.raises(GateError):
        publish_small(con, settings, minute=1)
    assert (
        con.execute("select database_name, table_name from duckdb_tables() order by all").fetchall() == before
    )


def test_a_damaged_gateway_note_only_means_building_it_again(con: Any, settings: Settings) -> None:
    release = publish_small(con, settings)
    (settings.paths.published / ".gateway.sha256").write_text("?")
    manifest = json.loads((release.folder / "manifest.json").read_text())
    assert gateway.refresh_gateway(store.Store.of(settings), manifest)
    assert not gateway.refresh_gateway(store.Store.of(settings), manifest)
