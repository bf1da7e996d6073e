"""Releases of which a table stays in the files that another engine wrote: the same to whoever reads them."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from small_company import KPI, generate, open_warehouse, publish_small, settings_in

from orchestration.checks.sanity import _tables
from orchestration.erasure.old_releases import expire, holds
from orchestration.erasure.people import Person
from orchestration.errors import GateError, ZevenError
from orchestration.marts import MARTS
from orchestration.publish import catalogue
from orchestration.publish.in_place import hash_of, views
from orchestration.publish.release import STEPS
from orchestration.publish.store import Store
from orchestration.settings import Settings
from orchestration.spark.build import take_back
from orchestration.spark.in_place import left_in_spark
from tests.proof.left_elsewhere import LeftElsewhere

READABLE_BY = 65
"""The storage version in a file's header that DuckDB 1.2 writes and reads (`v1.2.0`)."""
ROWS = "select * from kpi_sales order by all"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def con(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(settings) as con:
        yield con


@pytest.fixture
def engine(tmp_path: Path) -> LeftElsewhere:
    return LeftElsewhere(tmp_path / "spark" / "a folder=1" / "marts")


def build(con: Any, engine: LeftElsewhere, generation: int) -> list[tuple[Any, ...]]:
    """Marts of a generation with one table left elsewhere; the rows of that table."""
    if "kpi_sales" in views(con, MARTS):
        con.execute("drop view marts.kpi_sales")
    generate(con, generation)
    rows: list[tuple[Any, ...]] = con.execute("select * from marts.kpi_sales order by all").fetchall()
    engine.take(con, ["kpi_sales"])
    return rows


def gateway(settings: Settings) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(settings.paths.published / "gateway.duckdb"), read_only=True)


def assert_nothing_half_done(settings: Settings) -> None:
    store = Store.of(settings)
    assert [path for path in store.root.iterdir() if path.name.startswith((".candidate-", ".new-"))] == []
    assert [path for path in store.releases.iterdir() if path.is_symlink() or path.name[0] == "."] == []
    assert catalogue.damaged(settings) == {}


def test_it_reads_like_any_release_and_no_byte_is_copied(
    con: Any, engine: LeftElsewhere, settings: Settings
) -> None:
    rows = build(con, engine, 3)
    release = publish_small(con, settings, elsewhere=engine)
    assert engine.audited == ["kpi_sales"]
    parts = sorted((release.folder / "parquet" / "kpi_sales").iterdir())
    assert [file.name for file in parts] == sorted(file.name for file in engine.folder("kpi_sales").iterdir())
    assert [file.stat().st_ino for file in parts] == [
        (engine.folder("kpi_sales") / file.name).stat().st_ino for file in parts
    ]
    assert {oct(file.stat().st_mode & 0o777) for file in parts} == {"0o444"}
    shutil.rmtree(engine.folder("kpi_sales"))  # what the engine drops is its own name alone

    with catalogue.open_release(settings) as reader:
        assert reader.execute(ROWS).fetchall() == rows
        described = reader.execute("describe kpi_sales").fetchall()
        assert [(name, kind.lower()) for name, kind, *_ in described] == [
            (column.name, column.data_type) for column in KPI.columns
        ]
        comments = reader.execute(
            "select comment from duckdb_views() where view_name = 'kpi_sales' union all "
            "select comment from duckdb_columns() where table_name = 'kpi_sales'"
        ).fetchall()
        assert {comment for (comment,) in comments} == {
            KPI.description,
            *(column.description for column in KPI.columns),
        }
        assert _tables(reader, "release") == ["dim_teams", "kpi_sales", "release_info", "restatements"]
    with duckdb.connect(str(release.database), read_only=True) as alone:
        assert alone.execute(ROWS).fetchall() == rows
    with duckdb.connect() as other:
        other.execute(f"attach '{release.database}' as some_name (read_only)")
        assert other.execute(f"{ROWS.replace('kpi', 'some_name.main.kpi')}").fetchall() == rows
    with gateway(settings) as bi:
        assert bi.execute(ROWS).fetchall() == rows
    assert int.from_bytes(release.database.read_bytes()[12:20], "little") <= READABLE_BY
    said = json.loads((release.folder / "manifest.json").read_text())["tables"]["kpi_sales"]
    assert said["rows"] == len(rows) == release.tables["kpi_sales"]
    assert sorted(said["parts"]) == [file.name for file in parts]
    assert said["sha256"] == hash_of(said["parts"])
    assert_nothing_half_done(settings)


def test_releases_follow_each_other_and_are_gone_back_to(
    con: Any, engine: LeftElsewhere, tmp_path: Path
) -> None:
    settings = settings_in(tmp_path, keep=2)
    ids, rows = [], []
    publish_small(con, settings)
    for generation in (1, 2, 3):
        rows.append(build(con, engine, generation))
        ids.append(publish_small(con, settings, minute=generation, elsewhere=engine).release_id)
        with gateway(settings) as bi:
            assert bi.execute(ROWS).fetchall() == rows[-1]
    assert Store.of(settings).release_ids() == [ids[2], ids[1]]
    catalogue.rollback(settings)
    assert_nothing_half_done(settings)
    for release_id, expected in ((None, rows[1]), (ids[2], rows[2])):
        with catalogue.open_release(settings, release_id) as reader:
            assert reader.execute(ROWS).fetchall() == expected
    # and once more with all rows in the database
    con.execute("drop view marts.kpi_sales")
    generate(con, 4)
    publish_small(con, settings, minute=9)
    with gateway(settings) as bi, catalogue.open_release(settings) as reader:
        assert bi.execute(ROWS).fetchall() == reader.execute(ROWS).fetchall()
        assert reader.execute("select max(generation) from kpi_sales").fetchall() == [(4,)]


@pytest.mark.parametrize("fault", ["changed", "added", "gone", "all gone"])
def test_files_that_are_not_those_that_were_published_are_told(
    con: Any, engine: LeftElsewhere, settings: Settings, fault: str
) -> None:
    build(con, engine, 0)
    first = publish_small(con, settings, elsewhere=engine)
    publish_small(con, settings, minute=1, elsewhere=engine)
    folder = first.folder / "parquet" / "kpi_sales"
    part = sorted(folder.iterdir())[0]
    for path in (folder.parent, folder):
        path.chmod(0o755)
    if fault == "all gone":
        shutil.rmtree(folder)
    elif fault == "added":
        shutil.copyfile(part, folder / "part-9.parquet")
    else:
        content = part.read_bytes()
        part.unlink()
        if fault == "changed":
            part.write_bytes(content + b" ")
    assert list(catalogue.damaged(settings)) == [first.release_id]
    assert "is damaged" in catalogue.damaged(settings)[first.release_id]
    with pytest.raises(ZevenError, match="is damaged"):
        catalogue.rollback(settings)


def refused(con: Any, settings: Settings, engine: LeftElsewhere | None) -> str:
    with pytest.raises(GateError) as caught:
        publish_small(con, settings, minute=1, elsewhere=engine)
    assert_nothing_half_done(settings)
    return str(caught.value)


def test_the_gate_is_as_strict_as_ever(con: Any, engine: LeftElsewhere, settings: Settings) -> None:
    generate(con, 1)
    con.execute("update marts.kpi_sales set win_ratio = 1.25 where team_id in ('crm:T3', 'crm:T4')")
    con.execute("update marts.kpi_sales set team_id = 'someone@example.com' where team_id = 'crm:T5'")
    engine.take(con, ["kpi_sales"])
    said = refused(con, settings, engine)
    assert "kpi_sales.win_ratio: rule 'maximum 1' fails in 2 of 11 rows, first at team_id=crm:T3." in said
    assert "kpi_sales.team_id: 1 of 11 values hold e-mail addresses" in said
    assert catalogue.current(settings) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("alter table marts.kpi_sales alter amount type decimal(9,2)", "is decimal(9,2); expected"),
        ("alter table marts.kpi_sales drop column amount", "lacks the column 'amount'"),
        ("alter table marts.kpi_sales add column more int", "has the column 'more'"),
    ],
)
def test_other_columns_are_refused(
    con: Any, engine: LeftElsewhere, settings: Settings, change: str, said: str
) -> None:
    con.execute(change)
    engine.take(con, ["kpi_sales"])
    told = refused(con, settings, engine)
    assert said in told
    assert "Parquet files of 10 rows: " in told


def test_what_is_published_is_what_the_engine_read(
    con: Any, engine: LeftElsewhere, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(con, engine, 0)
    there = engine.files("kpi_sales")
    left_out = dict(list(there.items())[1:])
    monkeypatch.setattr(engine, "files", lambda table: left_out)
    assert "they are not those that Spark checked, which are 2 with" in refused(con, settings, engine)
    name, (size, rows) = next(iter(there.items()))
    monkeypatch.setattr(engine, "files", lambda table: {**there, name: (size + 1, rows)})
    assert "they are not those that Spark checked" in refused(con, settings, engine)


def test_what_nobody_answers_for_is_refused(con: Any, engine: LeftElsewhere, settings: Settings) -> None:
    build(con, engine, 0)
    assert "nobody was asked about the rows of kpi_sales" in refused(con, settings, None)
    with pytest.raises(GateError, match="the rows of kpi_sales stand in Spark, and the target is duckdb now"):
        left_in_spark(con, settings).__enter__()
    shutil.rmtree(engine.folder("kpi_sales"))
    engine.folder("kpi_sales").mkdir()
    assert "there is no Parquet file in" in refused(con, settings, engine)


def test_without_such_tables_no_session_is_opened(con: Any, settings: Settings) -> None:
    with left_in_spark(con, settings) as elsewhere:
        assert elsewhere is None


@pytest.mark.parametrize("why", ["another file system", "another owner"])
def test_what_cannot_be_linked_is_copied(
    con: Any, engine: LeftElsewhere, settings: Settings, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    def link(source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    if why == "another owner":
        mine = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    else:
        monkeypatch.setattr(os, "link", link)
    rows = build(con, engine, 0)
    release = publish_small(con, settings, elsewhere=engine)
    copied = {file.stat().st_ino for file in (release.folder / "parquet" / "kpi_sales").iterdir()}
    assert not copied & {file.stat().st_ino for file in engine.folder("kpi_sales").iterdir()}
    with catalogue.open_release(settings) as reader:
        assert reader.execute(ROWS).fetchall() == rows


def test_a_table_without_rows(con: Any, engine: LeftElsewhere, settings: Settings) -> None:
    con.execute("delete from marts.dim_teams; delete from marts.kpi_sales where team_id is not null")
    engine.take(con, ["dim_teams"], parts=1)
    release = publish_small(con, settings, elsewhere=engine)
    assert release.tables["dim_teams"] == 0
    with catalogue.open_release(settings) as reader:
        assert reader.execute("select count(*) from dim_teams").fetchall() == [(0,)]


def test_an_erasure_looks_into_the_files_and_takes_them_along(
    con: Any, engine: LeftElsewhere, settings: Settings
) -> None:
    build(con, engine, 0)
    first = publish_small(con, settings, elsewhere=engine)
    assert holds(first.folder, Person(names={"crm:T3"})) is True
    assert holds(first.folder, Person(names={"crm:T99"})) is False
    kept = sorted((first.folder / "parquet" / "kpi_sales").iterdir())[0]
    assert kept.stat().st_nlink == 2
    con.execute("drop view marts.kpi_sales; drop table marts.dim_teams")
    con.execute(
        "create table marts.kpi_sales as select null::varchar as team_id, 1::bigint as generation, "
        "1::decimal(18,2) as amount, 0.5::double as win_ratio; "
        "create table marts.dim_teams (team_id varchar, generation bigint)"
    )
    written = engine.folder("kpi_sales") / kept.name
    written.rename(written.with_suffix(".kept"))
    left = written.with_suffix(".kept").rename(settings.file.parent / "left")
    engine.take(con, ["kpi_sales"])
    second = publish_small(con, settings, minute=1, elsewhere=engine)
    done = expire(settings, Person(names={"crm:T3"}))
    assert (done.removed, done.unreadable, done.serving) == ((first.release_id,), (), None)
    assert left.stat().st_nlink == 1  # nothing of a release holds the rows any more
    assert Store.of(settings).release_ids() == [second.release_id]


def test_a_release_whose_files_are_gone_cannot_be_looked_into(
    con: Any, engine: LeftElsewhere, settings: Settings
) -> None:
    build(con, engine, 0)
    release = publish_small(con, settings, elsewhere=engine)
    folder = release.folder / "parquet" / "kpi_sales"
    for path in (folder.parent, folder):
        path.chmod(0o755)
    shutil.rmtree(folder)
    assert holds(release.folder, Person(names={"crm:T99"})) is None


class Killed(BaseException):
    pass


@pytest.mark.parametrize("step", STEPS)
def test_killed_after_any_step_the_next_publication_works(
    con: Any, engine: LeftElsewhere, settings: Settings, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """What a kill leaves: nothing that tidies up after an error runs."""
    publish_small(con, settings)

    def die(done: str) -> None:
        if done == step:
            monkeypatch.setattr(Store, "sweep", lambda store: None)
            monkeypatch.setattr("orchestration.publish.release.remove", lambda path: None)
            raise Killed

    rows = build(con, engine, 1)
    with pytest.raises(Killed):
        publish_small(con, settings, minute=1, elsewhere=engine, after=die)
    monkeypatch.undo()
    store = Store.of(settings)
    switched = STEPS.index(step) >= STEPS.index("switched")
    assert all(not (store.releases / name).is_symlink() for name in store.release_ids())
    with catalogue.open_release(settings) as reader:
        assert reader.execute("select max(generation) from kpi_sales").fetchall() == [(int(switched),)]
    publish_small(con, settings, minute=2, elsewhere=engine)
    with catalogue.open_release(settings) as reader:
        assert reader.execute(ROWS).fetchall() == rows
    assert_nothing_half_done(settings)


def test_only_facts_stay_in_spark_and_the_setting_can_be_changed(con: Any, settings: Settings) -> None:
    folder = settings.spark.folder / "tables" / "marts"
    contracts = {"fct_sales": dataclasses.replace(KPI, table="fct_sales"), "kpi_sales": KPI}
    nodes = {name: {"name": name, "schema": "marts"} for name in contracts}
    for table in contracts:
        (folder / table).mkdir(parents=True)
        con.execute(f"copy marts.kpi_sales to '{folder}/{table}/part-0.parquet'")
    rows = con.execute("select * from marts.kpi_sales order by all").fetchall()
    for facts in ("in_place", "copied", "in_place"):
        spark = settings.spark.model_copy(update={"facts": facts})
        chosen = settings.model_copy(update={"spark": spark})
        take_back(con, chosen, {"nodes": nodes}, contracts, list(nodes))
        assert views(con, MARTS) == ({"fct_sales"} if facts == "in_place" else set())
        for table in contracts:
            assert con.execute(f"select * from marts.{table} order by all").fetchall() == rows
