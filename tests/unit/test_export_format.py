"""The format's one description in code, its prose, and the examples agree."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from orchestration.ingest.export_format import SQL_TYPES, TABLES, Kind
from orchestration.ingest.file_discovery import ENDINGS
from orchestration.setting_sources import FilesSource
from orchestration.settings import PROJECT_ROOT, load_settings

PROSE = (PROJECT_ROOT / "docs" / "export_format.md").read_text(encoding="utf-8")
EXAMPLES = sorted((PROJECT_ROOT / "docs" / "examples").glob("*.toml"))


def _rows(section: str) -> list[list[str]]:
    """The cells of the table rows in one section of the prose, without its head."""
    text = PROSE.split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in text.splitlines()
        if line[:1] == "|"
    ]
    return rows[2:]


def test_the_prose_has_every_table_and_column_in_order() -> None:
    described = {name.strip("`"): columns for name, columns in _rows("Tables")}
    assert list(described) == list(TABLES)
    for name, table in TABLES.items():
        columns = []
        for column in table.columns:
            shown = f"**{column.name}**" if column.required else column.name
            columns.append(shown if column.kind == "text" else f"{shown} ({column.kind})")
        assert described[name] == ", ".join(columns)


def test_the_prose_has_every_kind_with_its_type() -> None:
    described = {cells[0].strip("`"): cells[2] for cells in _rows("Values")}
    assert set(described) == set(get_args(Kind))
    for kind, sql_type in SQL_TYPES.items():
        assert described[kind] == f"`{sql_type}`"


def test_the_prose_names_every_ending_and_encoding() -> None:
    files = PROSE.split("## Files\n", 1)[1].split("\n## ", 1)[0]
    for ending in ENDINGS:
        assert f"`{ending}`" in files
    for encoding in get_args(FilesSource.model_fields["encoding"].annotation):
        assert f"`{encoding}`" in files


def test_the_format_is_sound() -> None:
    for table in TABLES.values():
        raw = [name for column in table.columns for name, _ in column.raw_columns]
        assert len(raw) == len(set(raw)), table.name
        assert table.required, table.name
        assert table.columns[0].required, table.name


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_a_settings_file_that_maps_to_the_format(path: Path) -> None:
    variables = re.findall(r"\$\{(\w+)\}", path.read_text(encoding="utf-8"))
    settings = load_settings(path, environ=dict.fromkeys(variables, "/nowhere"))
    for source in settings.sources.values():
        for name, mapping in source.tables.items():
            assert set(mapping.columns) <= {column.name for column in TABLES[name].columns}
            assert mapping.columns


def test_the_examples_are_linked_from_the_prose() -> None:
    assert EXAMPLES
    for path in EXAMPLES:
        assert f"(examples/{path.name})" in PROSE
