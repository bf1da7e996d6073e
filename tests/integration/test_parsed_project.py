"""The parse that is kept beside the code: it is every company's, and nobody depends on its being there."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.ingest.registry import KINDS
from orchestration.settings import DBT_PROJECT_DIR, Settings, load_settings
from orchestration.transform import manifest
from orchestration.transform.dbt_command import DbtCommand
from orchestration.transform.dbt_vars import dbt_vars
from orchestration.transform.manifest import ParsedProject, _known, _parsed, parsed_project
from orchestration.warehouse import Warehouse

pytestmark = pytest.mark.xdist_group("parsed_project")

ANOTHER_COMPANY = """
[company]
name = "Other"
time_zone = "America/New_York"
currency = "USD"
fiscal_year_start_month = 4
[business_hours]
monday = "closed"
saturday = "10:00-14:00"
[leads]
capacity_per_rep = 7
workload_low = 0.1
workload_high = 2.5
[[leads.exclude]]
reason = "it's a test"
condition = "source = 'x'"
[matching]
leads_by = "off"
[response]
exclude_sources = ["list", "it's"]
sla_minutes = 7
[follow_ups]
minimum_contact_moments = 9
abandoned_acceptable = 0.9
[targets]
at_risk_from = 0.5
[pipeline]
stale_after_days = 3
coverage_good = 9.0
coverage_low = 0.5
[signals]
minimum_records = 3
change_large = 0.7
change_small = 0.6
qualification_low = 0.7
slower_factor = 3.5
elapsed_from = 0.75
stale_ratio = 0.75
[sources.hs]
kind = "hubspot"
[sources.plan]
kind = "files"
folder = "plan"
adds_to = "hs"
"""
THE_SAME_EVERYWHERE = {"leads_of_one_person"}
"""A var that no setting changes."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A company that says something else in every setting of which dbt is told."""
    file = tmp_path_factory.mktemp("another_company") / "zeven.toml"
    file.write_text(ANOTHER_COMPANY)
    settings = load_settings(file, environ={})
    declared = yaml.safe_load((DBT_PROJECT_DIR / "dbt_project.yml").read_text())["vars"]
    told = dbt_vars(settings)
    assert {name for name in told if told[name] == declared[name]} == THE_SAME_EVERYWHERE
    with Warehouse(settings).connect() as con:
        for kind in KINDS.values():
            kind.prepare(con)
    return settings


def compiled(settings: Settings, target: Path, parsed: Path | None) -> dict[str, tuple[Any, ...]]:
    """What dbt would run, by node, and what it knows of the node beside its SQL."""
    command = DbtCommand(settings, "compile", target=target, parsed=parsed)
    command.run()
    assert command.result is not None, command.exception
    nodes = [outcome.node for outcome in command.result.results]
    return {
        node.unique_id: (
            getattr(node, "compiled_code", None),
            node.relation_name,
            node.config.to_dict(),
            sorted(node.depends_on_nodes),
        )
        for node in nodes
    }


def test_a_project_parsed_without_the_settings_is_the_one_parsed_with_them(
    settings: Settings, tmp_path: Path
) -> None:
    """Fails where a var decides what the project consists of; it must then be in the state, as `crms`."""
    kept = compiled(settings, tmp_path / "kept", parsed_project(settings).file)
    own = compiled(settings, tmp_path / "own", None)
    assert len(own) > 200
    assert kept.keys() == own.keys()
    assert [name for name in own if kept[name] != own[name]] == []
    assert not (tmp_path / "kept" / "partial_parse.msgpack").exists(), "dbt parsed all the same"


def test_a_build_reads_what_it_needs_alone(settings: Settings, tmp_path: Path) -> None:
    """Fails where dbt keeps more than before, or keeps it elsewhere: each node pays for every macro."""
    from dbt.adapters.sql import impl

    command = DbtCommand(settings, "list", target=tmp_path, parsed=parsed_project(settings).file)
    kept = command._remembered()
    assert kept is not None
    names = {macro.name for macro in kept.macros.values()}
    assert {"materialization_table_duckdb", "replaced_by", impl.CREATE_SCHEMA_MACRO_NAME} <= names
    assert "get_incremental_append_sql" in names, "which only a second run calls"
    assert len(names) < 350, "of some 640"
    assert not {name for name in names if name.startswith("spark__")}
    for of_a_parse in ("files", "disabled", "docs", "exposures", "unit_tests"):
        assert not getattr(kept, of_a_parse), of_a_parse


def test_what_is_damaged_is_parsed_again(settings: Settings, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.msgpack"
    damaged.write_bytes(parsed_project(settings).file.read_bytes()[:1000])
    command = DbtCommand(settings, "list", target=tmp_path, parsed=damaged)
    command.run()
    assert command.succeeded
    assert (tmp_path / "partial_parse.msgpack").exists()


# --- keeping it, with a parse that takes no time


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders in which was parsed."""
    folders: list[Path] = []

    def parse(engine: str, wanted: list[str], folder: Path, state: str) -> ParsedProject:
        folders.append(folder)
        file = manifest._file(folder, state)
        manifest._write(file, b"dbt's")
        manifest._write(file.with_suffix(".json"), json.dumps({"crms": wanted}).encode())
        return ParsedProject({"crms": wanted}, file)

    monkeypatch.setattr(manifest, "_parse", parse)
    return folders


def test_the_second_company_finds_the_parse_of_the_first(tmp_path: Path, parses: list[Path]) -> None:
    code = tmp_path / "code"
    first = _parsed("duckdb", ["files"], (code, tmp_path / "first"))
    assert _parsed("duckdb", ["files"], (code, tmp_path / "second")) == first
    assert len(parses) == 1
    assert _parsed("duckdb", ["files", "hubspot"], (code, tmp_path / "third")).manifest == {
        "crms": ["files", "hubspot"]
    }
    assert len(parses) == 2


def test_several_at_once_parse_once(tmp_path: Path, parses: list[Path]) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: _parsed("duckdb", ["files"], (tmp_path,)), range(8)))
    assert len(parses) == 1
    assert all(project == found[0] for project in found)


def test_who_may_not_write_beside_the_code_keeps_it_beside_the_warehouse(
    tmp_path: Path, parses: list[Path]
) -> None:
    code = tmp_path / "code"
    code.write_text("a file, so that no folder can be made in it, whoever asks")
    kept = _parsed("duckdb", ["files"], (code, tmp_path / "own"))
    assert kept.file.is_relative_to(tmp_path / "own")
    assert _parsed("duckdb", ["files"], (code, tmp_path / "own")) == kept
    assert len(parses) == 1
    with pytest.raises(NotADirectoryError):
        _parsed("duckdb", ["files"], (code,))


@pytest.mark.parametrize("content", [b"", b'{"nodes": {', b"\xff\xff"])
def test_a_damaged_manifest_is_no_parse(tmp_path: Path, parses: list[Path], content: bytes) -> None:
    kept = _parsed("duckdb", ["files"], (tmp_path,))
    kept.file.with_suffix(".json").write_bytes(content)
    assert _parsed("duckdb", ["files"], (tmp_path,)) == kept
    assert len(parses) == 2


def test_another_file_is_another_project(
    tmp_path: Path, parses: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "a.sql").write_text("select 1")
    monkeypatch.setattr(manifest, "PROJECT_ROOT", tmp_path)
    monkeypatch.setattr(manifest, "DBT_PROJECT_DIR", tmp_path)
    monkeypatch.setattr(manifest, "PROJECT_FOLDERS", (models,))
    for name in ("dbt_project.yml", "profiles.yml"):
        (tmp_path / name).touch()
    states = [manifest._state("duckdb", ["files"])]
    (models / "a.sql").touch()
    assert manifest._state("duckdb", ["files"]) == states[0], "the same content at another time"
    (models / "a.sql").write_text("select 2")
    states.append(manifest._state("duckdb", ["files"]))
    (models / "a.sql").rename(models / "b.sql")
    states.append(manifest._state("duckdb", ["files"]))
    states.append(manifest._state("duckdb", ["hubspot"]))
    assert len(set(states)) == 4
    assert _known(tmp_path, states[0]) is None
