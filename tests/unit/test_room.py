"""A disk without room for a run is refused before anything is written."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from published_company import just_now, publish_release, settings_in

from orchestration.errors import ZevenError
from orchestration.room import MEBIBYTE, refuse_a_full_disk
from orchestration.settings import Settings
from orchestration.warehouse import Warehouse


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """With a release of a few MiB, the tables for it, and a working database of 6."""
    made = settings_in(tmp_path)
    publish_release(made, made=just_now())
    made.paths.warehouse.mkdir(exist_ok=True)
    (made.paths.warehouse / "work.duckdb").write_bytes(bytes(6 * MEBIBYTE))
    return made


def needed(settings: Settings) -> int:
    release = (settings.paths.published / "current").resolve()
    files = [path for path in release.rglob("*") if path.is_file() and not path.is_symlink()]
    tables = Warehouse(settings).marts_file.stat().st_size
    return sum(path.stat().st_size for path in files) + tables + 3 * MEBIBYTE


@pytest.mark.parametrize(("short", "is_refused"), [(1, True), (0, False)])
def test_as_much_as_the_last_release_and_half_of_the_warehouse(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, short: int, is_refused: bool
) -> None:
    free = needed(settings) - short
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    if is_refused:
        with pytest.raises(ZevenError, match=rf"has {free // MEBIBYTE} MiB free, and a run will write about"):
            refuse_a_full_disk(settings)
    else:
        assert refuse_a_full_disk(settings) is None


def test_before_the_first_release_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    assert refuse_a_full_disk(settings_in(tmp_path)) is None
