"""Which release the pages read: opened once, held while it is read, let go when another one serves.

Belongs here: `Shelf` and `Release`, on files as small as a release can be. Does not belong here: what pages
make of them (`test_app.py`), or how releases are made (`tests/unit`).
"""

from __future__ import annotations

import gc
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from dashboard import releases
from dashboard.releases import Failure, Release, Shelf
from orchestration.errors import ZevenError
from orchestration.publish.store import switch_link, write_json
from orchestration.settings import Settings, load_settings

FIRST, SECOND = "20260301T050000Z-aaaaaa", "20260302T050000Z-bbbbbb"
AS_OF = "2026-03-01T22:59:59Z"
"""One second before midnight in Amsterdam."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "zeven.toml"
    file.write_text('[company]\nname = "Small"\n[sources.x]\nkind = "files"\nfolder = "in"\n')
    return load_settings(file, environ={})


def put(settings: Settings, release_id: str, number: int = 1, *, serves: bool = True) -> Path:
    """A release of one table with one number."""
    folder = settings.paths.published / "releases" / release_id
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "zeven.duckdb")) as con:
        con.execute(f"create table numbers as select {number} as number, 'x' as name")
    company = {"name": "Small", "currency": "EUR", "time_zone": "Europe/Amsterdam"}
    manifest = {
        "format": 1,
        "release_id": release_id,
        "as_of": AS_OF,
        "created_at": AS_OF,
        "company": company,
    }
    write_json(folder / "manifest.json", manifest)
    if serves:
        switch_link(settings.paths.published / "current", f"releases/{release_id}")
    return folder


def number(release: Release | None) -> int:
    assert release is not None
    [row] = release.rows("select number from numbers")
    return int(row["number"])


# --- one release ------------------------------------------------------------------------------------------


def test_a_release_knows_whose_and_of_when_it_is(settings: Settings) -> None:
    put(settings, FIRST)
    found = Release(settings, FIRST)
    assert (found.release_id, found.company, found.currency) == (FIRST, "Small", "EUR")
    assert found.as_of == found.created_at == datetime(2026, 3, 1, 22, 59, 59, tzinfo=UTC)
    assert found.today == date(2026, 3, 1)


def test_its_day_is_the_company_s(settings: Settings) -> None:
    folder = put(settings, FIRST)
    manifest = json.loads((folder / "manifest.json").read_text())
    write_json(folder / "manifest.json", {**manifest, "as_of": "2026-03-01T23:00:00Z"})
    assert Release(settings, FIRST).today == date(2026, 3, 2)


def test_values_are_bound_and_rows_are_plain(settings: Settings) -> None:
    put(settings, FIRST, 7)
    release = Release(settings, FIRST)
    hostile = "x'; drop table numbers; --"
    assert release.rows("select * from numbers where name = $name", name=hostile) == ()
    assert release.rows("select number, name from numbers where name = $name", name="x") == (
        {"number": 7, "name": "x"},
    )
    assert release.rows("select $a::varchar as a, $b::date as b", a=None, b=date.min) == (
        {"a": None, "b": date.min},
    )


@pytest.mark.parametrize(
    "sql", ["insert into numbers values (1, 'y')", "drop table numbers", "create table more as select 1"]
)
def test_nothing_can_be_written(settings: Settings, sql: str) -> None:
    put(settings, FIRST)
    with pytest.raises(duckdb.Error):
        Release(settings, FIRST).rows(sql)


def test_a_question_is_answered_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    put(settings, FIRST)
    asked: list[str] = []
    real = Release._rows
    monkeypatch.setattr(
        Release, "_rows", lambda self, sql, **values: (asked.append(sql), real(self, sql, **values))[1]
    )
    release = Release(settings, FIRST)
    sql = "select $a::integer as a"
    assert [release.rows(sql, a=value) for value in (1, 2, 1)] == [({"a": 1},), ({"a": 2},), ({"a": 1},)]
    assert len(asked) == 2


def test_many_threads_ask_one_release(settings: Settings) -> None:
    """A cursor is for one thread and starts without a schema: each thread needs its own, in the release."""
    put(settings, FIRST, 5)
    release = Release(settings, FIRST)
    together = threading.Barrier(8)

    def ask(value: int) -> list[int]:
        together.wait(10)
        return [
            release.rows("select number * $by as product from numbers", by=value + n)[0]["product"]
            for n in range(0, 80, 10)
        ]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert found == [[5 * (value + n) for n in range(0, 80, 10)] for value in range(8)]


@pytest.mark.parametrize("lacking", ["as_of", "created_at", "company"])
@pytest.mark.parametrize("instead", [None, "nonsense"])
def test_a_manifest_without_its_facts_is_damage(
    settings: Settings, lacking: str, instead: str | None
) -> None:
    folder = put(settings, FIRST)
    manifest = json.loads((folder / "manifest.json").read_text())
    write_json(folder / "manifest.json", {**manifest, lacking: instead})
    with pytest.raises(ZevenError, match=FIRST):
        Release(settings, FIRST)


# --- which one serves -------------------------------------------------------------------------------------


def test_before_the_first_there_is_none(settings: Settings) -> None:
    shelf = Shelf(settings)
    assert shelf.current() is None
    assert shelf.by_id(FIRST) is None
    assert shelf.by_id("") is None
    put(settings, FIRST, 1)
    assert number(shelf.current()) == 1


def test_a_release_is_opened_once(settings: Settings) -> None:
    put(settings, FIRST)
    shelf = Shelf(settings)
    assert shelf.current() is shelf.current()
    assert shelf.by_id(FIRST) is shelf.current()


def test_the_one_that_serves_now_is_handed_out_and_the_one_before_stays_readable(settings: Settings) -> None:
    put(settings, FIRST, 1)
    shelf = Shelf(settings)
    first = shelf.current()
    put(settings, SECOND, 2)
    second = shelf.current()
    assert (number(first), number(second)) == (1, 2)
    assert number(shelf.by_id(FIRST)) == 1
    shutil.rmtree(settings.paths.published / "releases" / FIRST)
    assert shelf.by_id(FIRST) is None
    assert first is not None
    assert first.rows("select number + 1 as more from numbers") == ({"more": 2},)
    switch_link(settings.paths.published / "current", f"releases/{SECOND}")
    assert shelf.current() is second


def test_going_back_shows_the_older_one_again(settings: Settings) -> None:
    put(settings, FIRST, 1)
    put(settings, SECOND, 2)
    shelf = Shelf(settings)
    assert number(shelf.current()) == 2
    switch_link(settings.paths.published / "current", f"releases/{FIRST}")
    assert number(shelf.current()) == 1


def test_a_release_that_nobody_holds_is_let_go(settings: Settings) -> None:
    """Else a server that runs for weeks keeps the file of every release open."""

    def held() -> int:
        gc.collect()
        links = Path("/proc/self/fd").iterdir()
        return sum(str(settings.paths.published) in target for target in map(_target, links))

    put(settings, FIRST)
    shelf = Shelf(settings)
    number(shelf.current())
    before = held()
    for day in range(2, 7):
        put(settings, f"2026030{day}T060000Z-cccccc", day)
        assert number(shelf.current()) == day
        assert number(shelf.by_id(FIRST)) == 1
    assert held() == before > 0


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


@pytest.mark.parametrize("file", ["zeven.duckdb", "manifest.json"])
def test_damage_is_told_and_over_when_it_is_mended(settings: Settings, file: str) -> None:
    folder = put(settings, FIRST)
    whole = (folder / file).read_bytes()
    (folder / file).write_bytes(b"nonsense")
    shelf = Shelf(settings)
    for ask in (shelf.current, lambda: shelf.by_id(FIRST)):
        with pytest.raises(ZevenError, match=FIRST):
            ask()
    (folder / file).write_bytes(whole)
    assert number(shelf.current()) == 1


def test_a_link_to_nothing_is_damage(settings: Settings) -> None:
    shutil.rmtree(put(settings, FIRST))
    shelf = Shelf(settings)
    with pytest.raises(ZevenError):
        shelf.current()
    assert shelf.by_id(FIRST) is None


def test_a_whole_release_gives_its_rows_while_a_damaged_one_serves(settings: Settings) -> None:
    put(settings, FIRST, 1)
    (put(settings, SECOND) / "manifest.json").unlink()
    shelf = Shelf(settings)
    assert number(shelf.by_id(FIRST)) == 1
    with pytest.raises(ZevenError):
        shelf.by_id(SECOND)


def test_a_release_that_goes_while_it_is_opened_makes_way(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link was read, and then the next release came and the first was pruned."""
    first = put(settings, FIRST, 1)
    real = releases.Release

    def slow(given: Settings, release_id: str) -> Release:
        if release_id == FIRST and first.exists():
            put(settings, SECOND, 2)
            shutil.rmtree(first)
        return real(given, release_id)

    monkeypatch.setattr(releases, "Release", slow)
    assert number(Shelf(settings).current()) == 2


def test_one_that_is_pruned_while_it_is_opened_is_not_kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = put(settings, FIRST, 1)
    put(settings, SECOND, 2)
    shelf = Shelf(settings)
    shelf.current()
    real = releases.Release

    def slow(given: Settings, release_id: str) -> Release:
        shutil.rmtree(first)
        return real(given, release_id)

    monkeypatch.setattr(releases, "Release", slow)
    assert shelf.by_id(FIRST) is None


def test_releases_that_change_without_end_are_given_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = iter([f"202603{day:02d}T050000Z-dddddd" for day in range(1, 30)])

    def fleeting(given: Settings, release_id: str) -> Release:
        switch_link(settings.paths.published / "current", f"releases/{next(names)}")
        raise ZevenError("gone")

    put(settings, FIRST)
    monkeypatch.setattr(releases, "Release", fleeting)
    with pytest.raises(ZevenError, match="faster than they can be opened"):
        Shelf(settings).current()


def test_many_threads_get_the_same_one_while_releases_change(settings: Settings) -> None:
    """A view that mixes two releases would show a number that no release has."""
    ids = [f"2026030{day}T050000Z-eeeeee" for day in range(1, 6)]
    for place, release_id in enumerate(ids):
        put(settings, release_id, place)
    shelf = Shelf(settings)
    stop = threading.Event()

    def read() -> int:
        seen = 0
        while not stop.is_set() or not seen:
            release = shelf.current()
            assert release is not None
            assert ids[number(release)] == release.release_id
            seen += 1
        return seen

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        try:
            for turn in range(40):
                switch_link(settings.paths.published / "current", f"releases/{ids[turn % 5]}")
        finally:
            stop.set()
        assert all(reader.result(30) > 0 for reader in readers)
    assert number(shelf.current()) == 39 % 5


# --- the last failure -------------------------------------------------------------------------------------


def test_a_failure_is_told_until_a_run_publishes(settings: Settings) -> None:
    shelf = Shelf(settings)
    settings.paths.published.mkdir()
    note = settings.paths.published / "last_failure.json"
    assert shelf.failure() is None
    write_json(note, {"when": "2026-03-01T05:00:00Z", "message": "No leads.", "run_id": "1"})
    assert shelf.failure() == Failure(datetime(2026, 3, 1, 5, tzinfo=UTC), "No leads.")
    note.unlink()
    assert shelf.failure() is None


@pytest.mark.parametrize(
    "note", ["", "null", "[]", "{}", '{"when": 5, "message": ""}', '{"when": "soon"}', "\udcff"]
)
def test_a_note_that_cannot_be_read_is_a_failure_of_unknown_day(settings: Settings, note: str) -> None:
    settings.paths.published.mkdir()
    (settings.paths.published / "last_failure.json").write_bytes(note.encode("utf-8", "surrogateescape"))
    assert Shelf(settings).failure() == Failure(None, "")


def test_a_note_that_may_not_be_read_is_a_failure(settings: Settings) -> None:
    (settings.paths.published / "last_failure.json").mkdir(parents=True)
    assert Shelf(settings).failure() == Failure(None, "")
