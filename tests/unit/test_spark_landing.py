"""Which files a table is landed as: whole, written once, and never more than what changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.checks.contracts import load_contracts
from orchestration.errors import ZevenError
from orchestration.settings import DBT_PROJECT_DIR, PROJECT_ROOT
from orchestration.spark.landing import BATCHES, Landed, land, show, tidy

TABLE = "raw_files.leads"


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("create schema raw_files")
        con.execute(
            f"create table {TABLE} (lead_id varchar, score double, created_at timestamp, _other_columns json,"
            " _record_hash ubigint, _batch_number bigint)"
        )
        yield con


def add(con: duckdb.DuckDBPyConnection, batch: int, *leads: str) -> None:
    for lead in leads:
        con.execute(
            f"insert into {TABLE} values (?, 0.5, ?::timestamp, '{{}}', hash(?), ?)",
            [lead, "2026-01-31 10:00:00.000001", lead, batch],
        )


def landed(con: duckdb.DuckDBPyConnection, folder: Path) -> Landed:
    return land(con, folder, "raw_files", "leads")


def rows(con: duckdb.DuckDBPyConnection, one: Landed) -> list[tuple[object, ...]]:
    return con.execute("from read_parquet(?) order by all", [[str(file) for file in one.files]]).fetchall()


def in_table(con: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    return con.execute(f"from {TABLE} order by all").fetchall()


def written_at(one: Landed) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in one.files}


def test_the_files_hold_the_rows_of_the_table(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    add(con, 1, "a", "b")
    add(con, BATCHES, "c")
    one = landed(con, tmp_path)
    assert len(one.files) == 2
    assert rows(con, one) == in_table(con)
    assert len(in_table(con)) == 3


def test_what_has_not_changed_is_not_written_again(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    add(con, 1, "a")
    add(con, BATCHES, "b")
    first = written_at(landed(con, tmp_path))
    assert written_at(landed(con, tmp_path)) == first

    add(con, BATCHES + 1, "c")
    one = landed(con, tmp_path)
    kept = first.items() & written_at(one).items()
    assert [name[:6] for name, _ in kept] == ["000000"]
    assert rows(con, one) == in_table(con)


@pytest.mark.parametrize(
    "change",
    [
        f"update {TABLE} set score = 0.25 where lead_id = 'a'",
        f"update {TABLE} set score = null where lead_id = 'a'",
        f"delete from {TABLE} where lead_id = 'a'",
        f"update {TABLE} set _batch_number = {BATCHES} where lead_id = 'a'",
        f"alter table {TABLE} add column status varchar",
        f"delete from {TABLE}",
    ],
)
def test_a_change_of_what_is_there_is_seen(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, change: str
) -> None:
    add(con, 1, "a", "b")
    before = landed(con, tmp_path)
    con.execute(change)
    after = landed(con, tmp_path)
    assert set(after.files) - set(before.files)
    assert rows(con, after) == in_table(con)
    tidy(tmp_path, [after])
    assert sorted((tmp_path / "raw_files" / "leads").iterdir()) == sorted(after.files)


def test_a_write_that_was_killed_counts_for_nothing(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    add(con, 1, "a")
    one = landed(con, tmp_path)
    [file] = one.files
    half = file.with_suffix(".new")
    half.write_bytes(file.read_bytes()[:20])
    file.unlink()
    again = landed(con, tmp_path)
    assert again == one
    assert rows(con, again) == in_table(con)
    assert not half.exists()


def test_a_table_without_rows_or_batches_is_one_file(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    [file] = landed(con, tmp_path).files
    assert rows(con, landed(con, tmp_path)) == []
    con.execute("create schema zeven; create table zeven.run as select 'x' as run_id")
    one = land(con, tmp_path, "zeven", "run")
    assert (len(one.files), rows(con, one)) == (1, [("x",)])
    assert file.exists()


def test_spark_is_told_types_of_its_own(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    assert list(landed(con, tmp_path).columns.items()) == [
        ("lead_id", "string"),
        ("score", "double"),
        ("created_at", "timestamp"),
        ("_other_columns", "string"),
        ("_record_hash", "decimal(20,0)"),
        ("_batch_number", "bigint"),
    ]
    con.execute(f"alter table {TABLE} add column odd time")
    with pytest.raises(ZevenError, match=r"raw_files\.leads\.odd: has the type TIME"):
        landed(con, tmp_path)


def test_a_view_names_each_file(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    add(con, 1, "a")
    add(con, BATCHES, "b")
    told: list[str] = []

    class Told:
        def run(self, statement: str) -> list[tuple[object, ...]]:
            told.append(statement)
            return []

    one = landed(con, tmp_path)
    show(Told(), one)  # type: ignore[arg-type]
    assert told[0] == "create schema if not exists `raw_files`"
    assert all(file.name in told[1] for file in one.files)
    assert told[1].startswith(
        "create or replace view `raw_files`.`leads` as select cast(`lead_id` as string)"
    )


def test_a_folder_that_refuses_is_told(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    (tmp_path / "raw_files").write_text("a file stands in the way")
    with pytest.raises(ZevenError, match=r"cannot be written .*see spark\.folder"):
        landed(con, tmp_path)


def test_both_engines_lay_a_published_table_in_the_same_order() -> None:
    macro = (DBT_PROJECT_DIR / "macros" / "materializations.sql").read_text(encoding="utf-8")
    [first] = re.findall(r"narrowed_by = \[([^\]]*)\]", macro)
    narrowed_by = re.findall(r"'(\w+)'", first)
    for contract in load_contracts(PROJECT_ROOT / "models").values():
        known = [name for name in narrowed_by if name in contract.key]
        assert contract.order == (*known, *(name for name in contract.key if name not in known))
