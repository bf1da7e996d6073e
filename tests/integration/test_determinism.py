"""The same records give the same tables, however they come: in another order, other files, several runs.

Everything goes through the real pipeline, each company in a fresh folder; what is compared is every row of
every published table but `release_info` and `restatements`. That two runs of the same files agree follows.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

from demo.render_export import make_export
from orchestration.publish.catalogue import open_release
from orchestration.run import run_pipeline
from orchestration.settings import PROJECT_ROOT, Settings, load_settings

UNTIL = date(2026, 3, 10)
Content = dict[str, list[tuple[Any, ...]]]
Lines = list[str]

BY_UPDATED_AT = ("leads", "opportunities", "activities")
"""Of several rows with one id the newest wins, in any order. In the other tables the last loaded one wins, so
only tables in which no id stands twice may be turned around."""

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("determinism")]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Lines]:
    """The lines of each file of a small demo company, header first."""
    folder = tmp_path_factory.mktemp("export")
    make_export(folder, until=UNTIL, seed=13, scale=0.13, years=1, clean=False)
    return {file.stem: file.read_text(encoding="utf-8").splitlines() for file in folder.glob("*.csv")}


class Company:
    """A folder with settings and export files."""

    def __init__(self, folder: Path) -> None:
        self.settings = _settings(folder)
        self.exports = folder / "demo_data"
        self.exports.mkdir()

    def write(self, name: str, lines: Lines) -> Path:
        file = self.exports / f"{name}.csv"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file

    def published(self) -> Content:
        run_pipeline(self.settings, as_of=UNTIL.isoformat(), accept="halves of a company, on purpose")
        with open_release(self.settings) as con:
            tables = con.execute("select table_name from duckdb_tables() order by all").fetchall()
            return {
                table: con.execute(f'select * from "{table}" order by all').fetchall()
                for (table,) in tables
                if table not in ("release_info", "restatements")
            }


def _settings(folder: Path) -> Settings:
    file = folder / "zeven.toml"
    shutil.copy(PROJECT_ROOT / "zeven.toml", file)
    return load_settings(file)


@pytest.fixture(scope="module")
def as_exported(export: dict[str, Lines], tmp_path_factory: pytest.TempPathFactory) -> Content:
    company = Company(tmp_path_factory.mktemp("as_exported"))
    for name, lines in export.items():
        company.write(name, lines)
    return company.published()


def same_content(found: Content, expected: Content) -> None:
    assert sorted(found) == sorted(expected)
    for table, rows in expected.items():
        differing = [pair for pair in zip(found[table], rows, strict=False) if pair[0] != pair[1]]
        assert len(found[table]) == len(rows), table
        assert not differing, f"{table}: {len(differing)} rows differ, first {differing[0]}"
    assert sum(len(rows) for rows in expected.values()) > 10_000


def turned_around(name: str, lines: Lines, rng: Random) -> Lines:
    header, *rows = lines
    keys = [row.split(",")[0] for row in rows]
    if name in BY_UPDATED_AT or len(set(keys)) == len(keys):
        rng.shuffle(rows)
    return [header, *rows]


def in_halves(lines: Lines, belongs_to_first: Callable[[str], bool]) -> tuple[Lines, Lines]:
    header, *rows = lines
    first = [row for row in rows if belongs_to_first(row)]
    second = [row for row in rows if not belongs_to_first(row)]
    return [header, *first], [header, *second]


def is_early(row: str) -> bool:
    """By the first column: all versions of a record, and all lines and changes of a deal, stay together."""
    return Random(row.split(",")[0]).random() < 0.5


def test_rows_in_another_order_and_files_in_parts_and_copies(
    export: dict[str, Lines], as_exported: Content, tmp_path: Path
) -> None:
    company = Company(tmp_path)
    rng = Random(1)
    for name, lines in reversed(export.items()):
        first, second = in_halves(turned_around(name, lines, rng), is_early)
        company.write(f"{name}-1", first)
        company.write(f"{name}-2", second)
        company.write(f"{name}-3-again", first)
    same_content(company.published(), as_exported)


def test_files_that_come_in_two_runs_and_again(
    export: dict[str, Lines], as_exported: Content, tmp_path: Path
) -> None:
    company = Company(tmp_path)
    halves = {name: in_halves(lines, is_early) for name, lines in export.items()}
    files = [company.write(f"{name}-1", first) for name, (first, _) in halves.items()]
    assert company.published() != as_exported, "half of the company is not the company"
    for file in files:
        os.utime(file)
        shutil.copy(file, file.with_name(f"{file.stem}-copy.csv"))
    for name, (_, second) in halves.items():
        company.write(f"{name}-2", second)
    same_content(company.published(), as_exported)
