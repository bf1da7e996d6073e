"""A build on Spark, seen from the step that calls dbt: what goes over before it, what comes back after it.

Belongs here: the order of these. Does not belong here: how each is done (`landing.py`, `built_tables.py`).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from orchestration.checks.contracts import Contract
from orchestration.progress import Event, report
from orchestration.settings import Settings
from orchestration.spark.built_tables import (
    HISTORY,
    SIGHTINGS,
    hand_over_history,
    make_schemas,
    start_afresh,
    take_history,
    take_published,
)
from orchestration.spark.connection import connect
from orchestration.spark.folders import landed_folder, tables_folder
from orchestration.spark.landing import land, show, tidy
from orchestration.sql_text import identifier
from orchestration.tables import column_types, has_table
from orchestration.warehouse import make_private_folder

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Manifest = Mapping[str, Any]
_BUILT = ("model", "seed")
_FACTS = "fct_"
"""In front of the names of the tables that grow with the records."""


def hand_over(con: DuckDBPyConnection, settings: Settings, manifest: Manifest, *, anew: bool) -> None:
    """Let Spark see what the models read. `anew`: what an earlier build made is dropped, on either engine."""
    started = time.monotonic()
    make_private_folder(settings.spark.folder)
    folder = landed_folder(settings)
    sources = sorted({(source["schema"], source["identifier"]) for source in manifest["sources"].values()})
    landed = [
        land(con, folder, schema, table) for schema, table in sources if column_types(con, schema, table)
    ]
    with connect(settings) as spark:
        for one in landed:
            show(spark, one)
        schemas = _schemas(manifest)
        if anew:
            for schema in schemas - {HISTORY}:
                con.execute(f"drop schema if exists {identifier(schema)} cascade")
            start_afresh(spark, tables_folder(settings), schemas)
            if has_table(con, HISTORY, SIGHTINGS):
                log = land(con, folder, HISTORY, SIGHTINGS)
                hand_over_history(spark, log)
                landed.append(log)
        else:
            make_schemas(spark, tables_folder(settings), schemas)
    tidy(folder, landed)
    files = sum(len(one.files) for one in landed)
    seconds = time.monotonic() - started
    report(Event("transform", "landing", "done", seconds=seconds, detail=f"{files} files for Spark"))


def take_back(
    con: DuckDBPyConnection,
    settings: Settings,
    manifest: Manifest,
    contracts: Mapping[str, Contract],
    built: Collection[str],
) -> None:
    """Bring what is published, and what the run saw, into the warehouse; `built` are the nodes' ids."""
    nodes = {manifest["nodes"][name]["name"]: manifest["nodes"][name] for name in built}
    folder = tables_folder(settings)
    if SIGHTINGS in nodes:
        take_history(con, folder)
    published = {table: contract for table, contract in contracts.items() if table in nodes}
    stay = settings.spark.facts == "in_place"
    in_place = {table for table in published if stay and table.startswith(_FACTS)}
    take_published(con, folder, published, {table: nodes[table]["schema"] for table in published}, in_place)


def _schemas(manifest: Manifest) -> set[str]:
    return {node["schema"] for node in manifest["nodes"].values() if node["resource_type"] in _BUILT}
