"""The tables that the models make on Spark: where they lie, and taking what is published back.

Belongs here: the schemas before a build, and what of them comes into the warehouse after it. Does not belong
here: making the tables (dbt), or judging them (`checks/`, `publish/`), which goes on as on DuckDB.

Spark keeps nothing that cannot be made anew. What Zeven remembers is in the warehouse: raw rows, ledger and
the log of what opportunities were seen to say. The log goes over before a build, and what the run saw comes
back after it; so a company moves to Spark and back without losing history, and an erasure has one place.
"""

# ruff: noqa: S608 -- names are identifier, paths are literals

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.checks.contracts import Contract
from orchestration.errors import GateError
from orchestration.marts import MARTS
from orchestration.progress import Event, report
from orchestration.publish.in_place import create_view, views
from orchestration.spark.landing import Landed
from orchestration.sql_text import identifier, literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from orchestration.spark.connection import Spark

HISTORY = "history"
SIGHTINGS = "int_opportunity_sightings"


def start_afresh(spark: Spark, folder: Path, schemas: Iterable[str]) -> None:
    """Drop what an earlier build made, and let the tables of the next one lie in folders of `folder`."""
    for schema in sorted(schemas):
        spark.run(f"drop schema if exists `{schema}` cascade")
        # what a worker wrote that was killed belongs to no table
        shutil.rmtree(folder / schema, ignore_errors=True)
    make_schemas(spark, folder, schemas)


def make_schemas(spark: Spark, folder: Path, schemas: Iterable[str]) -> None:
    """Make those that are missing."""
    for schema in sorted(schemas):
        place = folder / schema
        spark.run(f"create schema if not exists `{schema}` location {literal(place)}")


def hand_over_history(spark: Spark, log: Landed) -> None:
    """Make the log as it is so far a table of Spark, to which the build adds."""
    spark.run(f"create table {HISTORY}.{SIGHTINGS} using parquet as {log.query()}")


def take_history(con: DuckDBPyConnection, folder: Path) -> None:
    """Keep in the warehouse what the run at hand saw, all of which is in Spark's log."""
    found = _select(con, folder, HISTORY, SIGHTINGS)
    target = f"{HISTORY}.{SIGHTINGS}"
    of_this_run = "run_id in (select run_id from zeven.run)"
    con.execute(f"create schema if not exists {HISTORY}")
    con.execute(f"create table if not exists {target} as {found} limit 0")
    con.begin()
    try:
        con.execute(f"delete from {target} where {of_this_run}")
        con.execute(f"insert into {target} by name select * from ({found}) where {of_this_run}")
    except BaseException:
        con.rollback()
        raise
    con.commit()


def take_published(
    con: DuckDBPyConnection,
    folder: Path,
    contracts: Mapping[str, Contract],
    schemas: Mapping[str, str],
    in_place: Collection[str] = (),
) -> None:
    """Copy the tables to publish into the marts, each in the order of its key; `schemas` says where they lie.

    Of those `in_place` the marts get a view over the files. A type that is not the contract's is left as it
    is: that is for the audit to find.
    """
    were_views = views(con, MARTS)
    for table, contract in contracts.items():
        started = time.monotonic()
        kind = "view" if table in were_views else "table"
        con.execute(f"drop {kind} if exists {MARTS}.{identifier(table)}")
        if table in in_place:
            create_view(con, MARTS, table, _written(folder, schemas[table], table))
        else:
            order = ", ".join(identifier(name) for name in contract.order)
            con.execute(
                f"create table {MARTS}.{identifier(table)} as "
                f"{_select(con, folder, schemas[table], table)} order by {order}"
            )
        [(rows,)] = con.execute(f"select count(*) from {MARTS}.{identifier(table)}").fetchall()
        report(Event("transform", table, "done", rows=rows, seconds=time.monotonic() - started))


def _select(con: DuckDBPyConnection, folder: Path, schema: str, table: str) -> str:
    """A query of the rows of a table that Spark has written.

    Spark's instants come with a zone, which is UTC; ours stand without one.
    """
    source = f"read_parquet({literal(_written(folder, schema, table) / '*.parquet')})"
    types = con.execute(f"describe select * from {source}").fetchall()
    columns = [
        f"cast({name} as timestamp) as {name}" if "TIME ZONE" in kind else name
        for name, kind in ((identifier(name), kind) for name, kind, *_ in types)
    ]
    return f"select {', '.join(columns)} from {source}"


def _written(folder: Path, schema: str, table: str) -> Path:
    """The folder of the files of a table that Spark has written."""
    place = folder / schema / table
    if not list(place.glob("*.parquet")):
        raise GateError(
            f"Nothing was published: Spark wrote {schema}.{table} to no file in {place}; spark.folder has to "
            "be the same folder, under the same path, for this machine and for Spark's workers."
        )
    return place
