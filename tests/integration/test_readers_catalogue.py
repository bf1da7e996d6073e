"""The catalogue: which releases there are, going back, clearing away, and what damage is noticed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from small_company import generate, open_warehouse, publish_small, settings_in

from orchestration.errors import SettingsError, ZevenError
from orchestration.publish import catalogue
from orchestration.publish.manifest import ReleaseInfo
from orchestration.publish.store import remove
from orchestration.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path, keep=3)


@pytest.fixture
def con(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(settings) as con:
        yield con


@pytest.fixture
def three(con: Any, settings: Settings) -> list[ReleaseInfo]:
    """Generations 0, 1 and 2, oldest first."""
    made = []
    for generation in range(3):
        generate(con, generation)
        made.append(publish_small(con, settings, minute=generation))
    return made


def serving(settings: Settings) -> int:
    with catalogue.open_release(settings) as con:
        [(generation,)] = con.execute("select distinct generation from kpi_sales").fetchall()
        return int(generation)


def overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def test_before_the_first_release_there_is_none(settings: Settings) -> None:
    assert catalogue.current(settings) is None
    assert catalogue.releases(settings) == []
    assert catalogue.damaged(settings) == {}
    with pytest.raises(ZevenError, match="nothing was published yet; run `zeven run`"):
        catalogue.open_release(settings)
    with pytest.raises(SettingsError, match="nothing was published yet, so there is nothing to go back to"):
        catalogue.rollback(settings)


def test_going_back_and_forth(settings: Settings, three: list[ReleaseInfo]) -> None:
    assert catalogue.rollback(settings).release_id == three[1].release_id
    assert serving(settings) == 1
    assert catalogue.rollback(settings).release_id == three[0].release_id
    assert serving(settings) == 0
    with pytest.raises(
        SettingsError, match=f"There is no release before {three[0].release_id}, which serves"
    ):
        catalogue.rollback(settings)
    assert catalogue.rollback(settings, three[2].release_id).is_current
    assert serving(settings) == 2
    assert [release.is_current for release in catalogue.releases(settings)] == [True, False, False]


def test_the_one_before_is_the_one_that_served_not_the_one_that_was_made(
    con: Any, settings: Settings, three: list[ReleaseInfo]
) -> None:
    catalogue.rollback(settings)
    generate(con, 3)
    assert publish_small(con, settings, minute=3).previous == three[1].release_id
    catalogue.rollback(settings)
    assert serving(settings) == 1, "generation 2 was gone back from; it is not where going back leads"


def test_going_back_beyond_what_was_pruned_takes_the_next_older(
    settings: Settings, three: list[ReleaseInfo]
) -> None:
    remove(three[1].folder)
    assert catalogue.rollback(settings).release_id == three[0].release_id


def test_an_unknown_release_is_refused_with_those_that_exist(
    settings: Settings, three: list[ReleaseInfo]
) -> None:
    with pytest.raises(SettingsError) as refused:
        catalogue.rollback(settings, "20200101T000000Z-000000")
    assert str(refused.value) == (
        "There is no release '20200101T000000Z-000000'; the newest are: "
        f"{three[2].release_id}, {three[1].release_id}, {three[0].release_id}."
    )
    with pytest.raises(SettingsError):
        catalogue.rollback(settings, "../releases")
    assert serving(settings) == 2


@pytest.mark.parametrize("file", ["zeven.duckdb", "parquet/kpi_sales.parquet"])
def test_a_damaged_release_is_not_gone_back_to(
    settings: Settings, three: list[ReleaseInfo], file: str
) -> None:
    path = three[1].folder / file
    overwrite(path, path.read_bytes()[:-1] + b"?")
    with pytest.raises(ZevenError) as refused:
        catalogue.rollback(settings)
    assert str(refused.value) == (
        f"{path}: release {three[1].release_id} is damaged, this is not the file that was published. "
        "Nothing was switched; choose another release."
    )
    assert serving(settings) == 2
    assert list(catalogue.damaged(settings)) == [three[1].release_id]


def test_a_lost_file_is_damage_too(settings: Settings, three: list[ReleaseInfo]) -> None:
    three[1].parquet("dim_teams").parent.chmod(0o755)
    three[1].parquet("dim_teams").unlink()
    [sentence] = catalogue.damaged(settings).values()
    assert sentence.endswith("is damaged (No such file or directory).")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "its manifest cannot be read"),
        (b"{}", "has a manifest of another format"),
        (b'{"format": 1, "release_id": "x"}', "its manifest lacks"),
    ],
)
def test_a_damaged_manifest_hides_one_release_only(
    settings: Settings, three: list[ReleaseInfo], content: bytes, words: str
) -> None:
    overwrite(three[1].folder / "manifest.json", content)
    assert [r.release_id for r in catalogue.releases(settings)] == [three[2].release_id, three[0].release_id]
    assert words in catalogue.damaged(settings)[three[1].release_id]
    overwrite(three[2].folder / "manifest.json", content)
    with pytest.raises(ZevenError, match=words):
        catalogue.current(settings)


def test_a_current_release_that_is_gone_is_told(settings: Settings, three: list[ReleaseInfo]) -> None:
    remove(three[2].folder)
    with pytest.raises(ZevenError, match=f"release {three[2].release_id} is damaged"):
        catalogue.current(settings)
    with pytest.raises(ZevenError, match=f"release {three[2].release_id} cannot be opened"):
        catalogue.open_release(settings)
    assert catalogue.rollback(settings).release_id == three[1].release_id


def test_publishing_keeps_the_newest(con: Any, settings: Settings, three: list[ReleaseInfo]) -> None:
    fourth = publish_small(con, settings, minute=3)
    kept = [release.release_id for release in catalogue.releases(settings)]
    assert kept == [fourth.release_id, three[2].release_id, three[1].release_id]
    assert sorted(path.name for path in (settings.paths.published / "releases").iterdir()) == sorted(kept)


def test_what_serves_and_what_is_pinned_is_never_cleared_away(
    con: Any, settings: Settings, three: list[ReleaseInfo]
) -> None:
    pins = settings.paths.published / "pins"
    pins.mkdir()
    (pins / three[0].release_id).touch()
    catalogue.rollback(settings, three[1].release_id)
    with catalogue.open_release(settings, three[2].release_id) as reader:
        once = settings.model_copy(update={"release": settings.release.model_copy(update={"keep": 1})})
        assert catalogue.prune(once) == [], "the newest is kept, the older two are pinned and serving"
        (pins / three[0].release_id).unlink()
        assert catalogue.prune(once) == [three[0].release_id]
        catalogue.rollback(settings, three[2].release_id)
        assert catalogue.prune(once) == [three[1].release_id]
        assert reader.execute("select count(*) from kpi_sales").fetchall() == [(12,)]


def test_a_reader_outlives_its_release(con: Any, settings: Settings, three: list[ReleaseInfo]) -> None:
    with catalogue.open_release(settings, three[0].release_id) as reader:
        publish_small(con, settings, minute=3)
        assert not three[0].folder.exists()
        assert reader.execute("select distinct generation from kpi_sales").fetchall() == [(0,)]


def test_a_reader_who_comes_between_a_switch_and_a_clearing_looks_again(
    con: Any, settings: Settings, three: list[ReleaseInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration.publish.store import Store

    true_answer = Store.current_id
    answers = iter(["20200101T000000Z-000000"])
    monkeypatch.setattr(Store, "current_id", lambda self: next(answers, None) or true_answer(self))
    assert serving(settings) == 2


def test_a_manifest_is_plain_json_for_anyone(three: list[ReleaseInfo]) -> None:
    manifest = json.loads((three[2].folder / "manifest.json").read_text())
    assert manifest["previous"] == three[1].release_id
    assert set(manifest) == {
        "format",
        "release_id",
        "previous",
        "run_id",
        "as_of",
        "created_at",
        "code_version",
        "contract_hash",
        "duckdb_version",
        "company",
        "database",
        "tables",
        "build",
        "definitions",
        "restated",
        "checks",
        "sanity",
        "warnings",
    }
