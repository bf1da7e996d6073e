"""Tables whose rows stay in the files that Spark wrote: checked on Spark, published where they are."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration import marts
from orchestration.checks.contracts import Column, Contract, Rule
from orchestration.errors import GateError
from orchestration.marts import MARTS
from orchestration.publish.catalogue import damaged, open_release
from orchestration.publish.manifest import ReleaseInfo, read_manifest
from orchestration.publish.release import publish
from orchestration.settings import Settings, load_settings
from orchestration.spark.build import take_back
from orchestration.spark.built_tables import start_afresh
from orchestration.spark.cluster import Cluster
from orchestration.spark.connection import connect
from orchestration.spark.folders import tables_folder
from orchestration.spark.in_place import left_in_spark
from orchestration.warehouse import Warehouse, make_private_folder

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("spark")]

DEALS = Contract(
    table="fct_deals",
    description="One row per deal.",
    columns=(
        Column("deal_id", "varchar", "Deal.", required=True),
        Column("calls", "bigint", "Calls.", minimum=0),
        Column("year", "integer", "Year.", minimum=2000),
        Column("amount", "decimal(18,2)", "Amount.", minimum=0, maximum=10_000),
        Column("win_ratio", "double", "Won of closed.", minimum=0, maximum=1),
        Column("is_won", "boolean", "Whether it was won."),
        Column("closed_on", "date", "Day.", minimum=date(2000, 1, 1)),
        Column("changed_at", "timestamp", "Instant."),
        Column("stage", "varchar", "Stage.", allowed=("open", "won")),
    ),
    key=("deal_id",),
    minimum_rows=1,
    rules=(Rule("won_is_won", "is_won or stage <> 'won'"),),
)
ROWS = """
select
    concat('crm:', cast(id as string)) as deal_id, id as calls, cast(2026 as int) as year,
    cast(id as decimal(18, 2)) as amount, cast(id as double) / {leads} as win_ratio, id % 3 = 0 as is_won,
    date '2026-03-01' as closed_on, timestamp '2026-03-01 12:30:00.123456' as changed_at,
    case when id % 3 = 0 then 'won' else 'open' end as stage
from range(0, {leads}, 1, 3)
"""
AS_OF = datetime(2026, 3, 31, 21, 59, 59, tzinfo=UTC)
MANIFEST = {"nodes": {"model.zeven.fct_deals": {"name": "fct_deals", "schema": MARTS}}}


@pytest.fixture
def settings(spark: Cluster, tmp_path: Path) -> Settings:
    (tmp_path / "zeven.toml").write_text(
        f'target = "spark"\n[company]\nname = "Large"\n[spark]\nport = {spark.port}\nfacts = "in_place"\n'
        '[sources.crm]\nkind = "files"\nfolder = "in"\n'
    )
    settings = load_settings(tmp_path / "zeven.toml", environ={})
    make_private_folder(settings.paths.warehouse)
    return settings


@pytest.fixture
def con(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'; create schema zeven")
        marts.attach(con, Warehouse(settings).marts_file)
        con.execute(
            "create table zeven.build_result as select 'run-1' as run_id, $1::timestamptz as as_of, "
            "$1::timestamptz as finished_at, true as passed, true as is_whole, '[]'::json as checks",
            [AS_OF],
        )
        yield con


def build(con: duckdb.DuckDBPyConnection, settings: Settings, rows: str) -> None:
    """What a run leaves: a table of Spark, and the marts with what came back of it."""
    with connect(settings) as spark:
        start_afresh(spark, tables_folder(settings), [MARTS])
        spark.run(f"create table {MARTS}.fct_deals using parquet as {rows}")
    take_back(con, settings, MANIFEST, {"fct_deals": DEALS}, list(MANIFEST["nodes"]))


def published(con: duckdb.DuckDBPyConnection, settings: Settings, minute: int = 0) -> ReleaseInfo:
    with left_in_spark(con, settings) as elsewhere:
        return publish(
            con,
            settings,
            run_id="run-1",
            as_of=AS_OF,
            code_version="0.1.0",
            contracts={"fct_deals": DEALS},
            reconciliations=(),
            created_at=datetime(2026, 4, 1, 5, minute, tzinfo=UTC),
            elsewhere=elsewhere,
            accept="made up",
        )


def test_a_table_is_published_where_spark_wrote_it(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    build(con, settings, ROWS.format(leads=1000))
    first = published(con, settings)
    written = list((tables_folder(settings) / MARTS / "fct_deals").glob("*.parquet"))
    assert len(written) == 3
    linked = {file.stat().st_ino for file in (first.folder / "parquet" / "fct_deals").iterdir()}
    assert linked == {file.stat().st_ino for file in written}
    told = [check for check in read_manifest(first.folder)["checks"] if check["table"] == "fct_deals"]
    assert {check.name for check in DEALS.checks()} < {check["rule"] for check in told}
    assert "fct_deals: 3 Parquet files of 1,000 rows, as Spark checked them." in [
        check["message"] for check in told
    ]

    build(con, settings, ROWS.format(leads=500))  # Spark drops the table of before
    second = published(con, settings, minute=1)
    assert damaged(settings) == {}
    for release, rows in ((first, 1000), (second, 500)):
        with open_release(settings, release.release_id) as reader:
            types = {name: kind.lower() for name, kind, *_ in reader.execute("describe fct_deals").fetchall()}
            assert types == {column.name: column.data_type for column in DEALS.columns}
            found = reader.execute(
                "select count(*), sum(amount), max(changed_at)::varchar, count(*) filter (is_won) "
                "from fct_deals"
            ).fetchall()
            assert found == [
                (rows, Decimal(sum(range(rows))), "2026-03-01 12:30:00.123456", len(range(0, rows, 3)))
            ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            ROWS.format(leads=30).replace("cast(id as decimal", "cast(id - 1 as decimal"),
            "fct_deals.amount: rule 'minimum 0' fails in 1 of 30 rows, first at deal_id=crm:0.",
        ),
        (ROWS.format(leads=30).replace("then 'won'", "then 'lost'"), "stage: rule 'one of"),
        (ROWS.format(leads=30).replace("cast(2026 as int)", "2026L"), "fct_deals.year: is bigint; expected"),
        (f"{ROWS.format(leads=30)} union all {ROWS.format(leads=1)}", "fails in 2 of 31 rows, first at"),
        (f"{ROWS.format(leads=30)} where id < 0", "the table has 0"),
    ],
    ids=["value", "list", "type", "key", "empty"],
)
def test_what_breaks_the_contract_is_told(
    con: duckdb.DuckDBPyConnection, settings: Settings, rows: str, said: str
) -> None:
    build(con, settings, rows)
    with pytest.raises(GateError) as refused:
        published(con, settings)
    assert said in str(refused.value)


def test_a_table_that_spark_has_lost_is_not_published(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    build(con, settings, ROWS.format(leads=31))
    kept = settings.spark.folder / "kept"
    place = tables_folder(settings) / MARTS / "fct_deals"
    shutil.copytree(place, kept)
    with connect(settings) as spark:
        spark.run(f"drop table {MARTS}.fct_deals")
    shutil.copytree(kept, place, dirs_exist_ok=True)
    with pytest.raises(GateError, match=r"fct_deals: the table is missing\."):
        published(con, settings)
