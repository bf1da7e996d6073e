"""The floor makes what a release holds, and the comparison with it sees one cell.

Belongs here: what can be known without building a company. Does not belong here: that both make the same
tables (`tests/integration/test_benchmark_floor_release.py`).
"""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from benchmarks.floor import compare
from benchmarks.floor.script import FOLDER, ORDER, without_idle_tables
from orchestration.checks.contracts import load_contracts
from orchestration.publish.candidate import BROUGHT_ALONG
from orchestration.settings import PROJECT_ROOT

ROWS = (
    "select * from (values ('a', 1::bigint, 0.1::double), ('b', 2, null), ('b', 2, null)) "
    "as rows(name, number, share)"
)


def test_every_published_table_is_made_once() -> None:
    text = "".join((FOLDER / part).read_text(encoding="utf-8") for part in ORDER if isinstance(part, str))
    models = [name for part in ORDER if not isinstance(part, str) for name in part]
    published = set(load_contracts(PROJECT_ROOT / "models"))
    made = [*re.findall(r"^create table (\w+)", text, re.MULTILINE), *(set(models) & published)]
    assert sorted(made) == sorted(published)


def test_every_file_of_the_folder_is_run() -> None:
    assert {file.name for file in FOLDER.glob("*.sql")} == {part for part in ORDER if isinstance(part, str)}


def test_what_is_left_out_of_the_comparison_is_brought_along_by_a_release() -> None:
    assert set(compare.LEFT_OUT) == set(BROUGHT_ALONG)


@pytest.fixture
def floor(tmp_path: Path) -> Path:
    return database(tmp_path / "floor.duckdb", ROWS)


def database(file: Path, query: str, table: str = "kpi_made_up") -> Path:
    with duckdb.connect(str(file)) as con:
        con.execute(f"create table {table} as {query}")
    return file


@pytest.mark.parametrize(
    "query",
    [
        ROWS,
        f"{ROWS} order by name desc",
        ROWS.replace("0.1::double", "(0.1 + 1e-17)::double"),
        ROWS.replace("0.1::double", "0.1::double * (1 + 1e-11)"),
    ],
)
def test_the_same_rows_are_the_same(tmp_path: Path, floor: Path, query: str) -> None:
    assert compare.differences(floor, database(tmp_path / "release.duckdb", query)) == []


@pytest.mark.parametrize(
    "shares",
    [
        ("0.12345678949999999", "0.12345678950000001"),
        ("0.12345678901249999", "0.12345678901250001"),
        ("329.2416665", "329.2416665 - 1e-12"),
        ("60.0000001 / 60 - 1 - 2e-13", "60.0000001 / 60 - 1"),
    ],
    ids=["of nine digits", "of twelve digits", "a median", "a change by next to nothing"],
)
def test_doubles_on_two_sides_of_a_rounding_are_the_same(tmp_path: Path, shares: tuple[str, str]) -> None:
    sides = [
        database(tmp_path / f"{name}.duckdb", f"select 'a' as name, ({share})::double as share")
        for name, share in zip(("floor", "release"), shares, strict=True)
    ]
    assert compare.differences(*sides) == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (ROWS.replace("('a', 1", "('a', 3"), "kpi_made_up: 1 rows"),
        (ROWS.replace("0.1::double", "0.1000001::double"), "kpi_made_up: 1 rows"),
        (ROWS.replace("0.1::double", "null::double"), "kpi_made_up: 1 rows"),
        (ROWS.replace(", ('b', 2, null), ('b', 2, null)", ", ('b', 2, null)"), "kpi_made_up: 0 rows"),
        (ROWS.replace("1::bigint", "1::integer"), "kpi_made_up: other columns"),
    ],
)
def test_one_cell_is_seen(tmp_path: Path, floor: Path, query: str, said: str) -> None:
    [found] = compare.differences(floor, database(tmp_path / "release.duckdb", query))
    assert found.startswith(said)


def test_a_table_of_one_side_is_seen_and_one_of_the_run_is_not(tmp_path: Path, floor: Path) -> None:
    release = database(tmp_path / "release.duckdb", "select 1 as a", "release_info")
    database(release, "select 1 as a", "kpi_other")
    assert compare.differences(floor, release) == [
        "kpi_other: is not in the floor",
        "kpi_made_up: is not published",
    ]


def test_a_temporary_table_is_dropped_after_its_last_reader_also_through_a_view() -> None:
    script = [
        "create temp table numbers as select 1 as number",
        "-- seen later\ncreate temp view seen as select * from numbers",
        "create temp table kept as select 2 as number",
        "create table one as select * from kept",
        "create table two as select * from seen",
    ]
    dropped = [*script[:4], "drop table kept", script[4], "drop table numbers"]
    assert list(without_idle_tables(script)) == dropped
