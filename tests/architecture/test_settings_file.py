"""The settings file that ships documents every key with the default that holds without it, and no other."""

from __future__ import annotations

import re
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from orchestration.ingest.registry import KINDS
from orchestration.setting_sections import LeadExclusion
from orchestration.setting_sources import SOURCE_KINDS, FilesSource, SqlTable, TableMapping
from orchestration.settings import PROJECT_ROOT, Settings, load_settings
from orchestration.toml_lines import line_of

FILE = PROJECT_ROOT / "zeven.toml"
TEXT = FILE.read_text(encoding="utf-8")


def switched_on(lines: list[str]) -> Iterator[str]:
    """The lines with the examples as if they counted: from `# [table]` on, as long as keys follow."""
    is_example = False
    for line in lines:
        is_example = line.startswith("# [") or (is_example and bool(re.match(r"# [\w\".-]+ = ", line)))
        yield line.removeprefix("# ") if is_example else line


UNCOMMENTED = "\n".join(switched_on(TEXT.splitlines()))
"""The file with its examples switched on."""

EXAMPLE_ONLY = {"company.name", "sources.demo.folder", "response.exclude_sources"}
"""Keys that have no default, or whose value in the file is the demo company's own."""


def keys_of(model: type[BaseModel], prefix: str = "") -> dict[str, Any]:
    """`section.key` -> default, down to the leaves, free keys aside."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        inner = field.annotation
        if prefix == "" and name in ("file", "sources"):
            continue
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found |= keys_of(inner, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = field.get_default(call_default_factory=True, validated_data={})
    return found


def keys_in(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            found |= keys_in(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


MODEL_KEYS = keys_of(Settings) | keys_of(FilesSource, "sources.demo.")
FILE_KEYS = keys_in(tomllib.loads(TEXT))
EXAMPLE_KEYS = keys_in(tomllib.loads(UNCOMMENTED))
FREE = "sources.demo.tables"


def test_the_file_loads() -> None:
    assert load_settings(FILE).company.name


def test_every_key_of_the_models_stands_in_the_file() -> None:
    shown_as_example = {"leads.exclude", "dashboard.reps", FREE}
    assert set(MODEL_KEYS) - set(FILE_KEYS) - shown_as_example == set()
    assert "leads.exclude" in EXAMPLE_KEYS
    assert any(key.startswith(FREE) for key in EXAMPLE_KEYS)


def test_every_key_of_the_file_stands_in_the_models() -> None:
    assert set(FILE_KEYS) - set(MODEL_KEYS) == set()


@pytest.mark.parametrize("key", sorted(set(FILE_KEYS) - EXAMPLE_ONLY - {"sources.demo.kind"}))
def test_the_file_shows_the_default(key: str) -> None:
    default = MODEL_KEYS[key]
    plain = (
        list(default)
        if isinstance(default, tuple)
        else str(default)
        if isinstance(default, Path)
        else default
    )
    assert FILE_KEYS[key] == plain


@pytest.mark.parametrize("model", [LeadExclusion, TableMapping])
def test_the_examples_show_every_key_of_what_has_no_default(model: type[BaseModel]) -> None:
    shown = tomllib.loads(UNCOMMENTED)
    if model is LeadExclusion:
        example = shown["leads"]["exclude"][0]
    else:
        example = next(iter(shown["sources"]["demo"]["tables"].values()))
    assert set(example) == set(model.model_fields)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"files"}))
def test_every_kind_of_source_has_an_example_with_every_key_and_its_default(kind: str) -> None:
    sources = tomllib.loads(UNCOMMENTED)["sources"].values()
    example = next(source for source in sources if source["kind"] == kind)
    keys = keys_of(SOURCE_KINDS[kind])
    assert set(example) == set(keys)
    for key in set(keys) - {"kind"}:
        default = SOURCE_KINDS[kind].model_fields[key]
        if not default.is_required() and not isinstance(example[key], dict):
            value = default.get_default()
            assert example[key] == (list(value) if isinstance(value, tuple) else value), f"{kind}.{key}"


def test_the_example_of_a_database_shows_every_key_of_a_table() -> None:
    sources = tomllib.loads(UNCOMMENTED)["sources"].values()
    [database] = [source for source in sources if source["kind"] == "sql"]
    assert set(database["tables"]["opportunities"]) == set(SqlTable.model_fields)


def test_the_examples_load(tmp_path: Path) -> None:
    file = tmp_path / "zeven.toml"
    file.write_text(UNCOMMENTED, encoding="utf-8")
    assert load_settings(file).leads.exclude


@pytest.mark.parametrize("key", sorted(FILE_KEYS))
def test_every_key_is_explained_where_it_stands(key: str) -> None:
    """On its own line, on the line of its table, or by a comment that says so for the lines below."""
    lines = TEXT.splitlines()
    path = tuple(key.split("."))
    line, table = lines[line_of(TEXT, path) - 1], lines[line_of(TEXT, path[:-1]) - 1]
    covered = {"company.name", "sources.demo.quote", "sources.demo.decimal_separator"}  # by their neighbours
    assert "#" in line or "#" in table or key in covered, f"{key} has no comment"


def test_literal_values_are_listed() -> None:
    """Where a key takes one of a few words, the file names them all."""
    for name, field in FilesSource.model_fields.items():
        for word in typing.get_args(field.annotation):
            if typing.get_origin(field.annotation) is typing.Literal and isinstance(word, str):
                assert word in TEXT, f"sources.*.{name} may be '{word}', which the file does not say"
