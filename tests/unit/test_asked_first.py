"""Sources that must be asked are asked before a run is started: where nothing came, none is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestration import run as running
from orchestration import run_record
from orchestration.errors import SourceError
from orchestration.ingest.asking import Answers
from orchestration.ingest.crm.kind import CrmKind, Reader
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.objects import Object, declare
from orchestration.ingest.registry import KINDS
from orchestration.made_from import made_from
from orchestration.publish import catalogue
from orchestration.resources import Journal
from orchestration.settings import Settings, load_settings
from orchestration.warehouse import Warehouse

OBJECTS = (declare("users", "id!", "name"), declare("deals", "id!", "title"))
AS_OF = datetime(2026, 3, 31, 21, 59, 59, tzinfo=UTC)


class Made:
    """What the CRM answers, and which tables it was asked for."""

    def __init__(self) -> None:
        self.records: dict[str, list[dict[str, str]]] = {"users": [{"id": "1", "name": "An"}], "deals": []}
        self.asked: list[str] = []
        self.refused: Exception | None = None

    def read(self, object_: Object, landing: Landing) -> int:
        self.asked.append(object_.name)
        if self.refused and object_.name == "users":
            raise self.refused
        landing.land(object_, self.records[object_.name], cursor={"at": len(self.asked)})
        return 1


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    made = Made()

    def open_reader(settings: Settings, source: str) -> Reader:
        return made

    monkeypatch.setitem(KINDS, "pipedrive", CrmKind("pipedrive", OBJECTS, open_reader))
    served = SimpleNamespace(release_id="r1", as_of=AS_OF, warnings=())
    monkeypatch.setattr(catalogue, "current", lambda settings: served)
    return made


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[Answers]:
    """The answers that each started run was given."""
    given: list[Answers] = []

    def launch(*arguments: Any) -> tuple[str, Journal]:
        given.append(arguments[-1])
        return "run", Journal(release=SimpleNamespace())  # type: ignore[arg-type]

    monkeypatch.setattr(running, "_launch", launch)
    return given


@pytest.fixture
def settings(made: Made, tmp_path: Path) -> Settings:
    """A company whose release was made from what the CRM has."""
    file = tmp_path / "zeven.toml"
    file.write_text(
        '[company]\nname = "Small"\n[run]\nas_of = "2026-03-31"\n'
        '[sources.pd]\nkind = "pipedrive"\napi = "https://small.pipedrive.com"\n'
    )
    settings = load_settings(file, environ={})
    kind = KINDS["pipedrive"]
    with Warehouse(settings).connect() as con:
        run_record.prepare(con)
        kind.prepare(con)
        for table in kind.TABLES:
            kind.load_table(con, settings, "pd", table, AS_OF)
        run_record.begin(con, "r", AS_OF, AS_OF)
        run_record.record_release(con, "r1", AS_OF, made_from(settings, running._contracts()))
    made.asked.clear()
    return settings


def released(settings: Settings) -> str | None:
    with Warehouse(settings).connect() as con:
        found = run_record.last_released(con)
    return found.release_id if found else None


def test_nothing_came_and_no_run_is_started(settings: Settings, made: Made, launched: list[Answers]) -> None:
    for _ in range(2):
        done = running.run_pipeline(settings)
        assert done.nothing_new
        assert [load.table for load in done.loads] == ["users", "deals"]
    assert made.asked == ["users", "deals"] * 2
    assert (launched, released(settings)) == ([], "r1")


def test_what_came_is_handed_to_the_run_and_not_asked_again(
    settings: Settings, made: Made, launched: list[Answers]
) -> None:
    made.records["deals"].append({"id": "7", "title": "Ovens"})
    assert not running.run_pipeline(settings).nothing_new
    [answers] = launched
    assert released(settings) is None  # a run that is killed now is followed by one that builds
    load = answers.take("pd", "deals")
    assert load is not None
    assert load.rows_loaded == 1
    assert answers.take("pd", "deals") is None
    assert made.asked == ["users", "deals"]


def test_a_refusal_is_the_runs_to_tell(settings: Settings, made: Made, launched: list[Answers]) -> None:
    made.refused = SourceError("The token is refused.")
    running.run_pipeline(settings)
    [answers] = launched
    with pytest.raises(SourceError, match="refused"):
        answers.take("pd", "users")
    assert made.asked == ["users", "deals"]


def test_a_kill_while_asking_leaves_something_to_do(
    settings: Settings, made: Made, launched: list[Answers]
) -> None:
    made.refused = KeyboardInterrupt()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        running.run_pipeline(settings)
    assert released(settings) is None
    made.refused = None
    assert not running.run_pipeline(settings).nothing_new
    assert len(launched) == 1


@pytest.mark.parametrize("asked", [{"force": True}, {"as_of": "2026-03-31"}])
def test_a_run_that_is_wanted_anyhow_asks_by_itself(
    settings: Settings, made: Made, launched: list[Answers], asked: dict[str, Any]
) -> None:
    running.run_pipeline(settings, **asked)
    assert made.asked == []
    assert launched[0].found == {}
