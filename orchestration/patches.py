"""Changing the tables of the last run in place, instead of making them anew.

Belongs here: whether a build may do so, which tables it did it to, and which of their rows it wrote. Does not
belong here: finding the rows that differ (`dbt_project/macros/patches.sql`).

A table may be patched where every other row of it would come out as it is: the tables are those that were
published last, from the same code, settings and contracts, and time has not gone back. So a run that fails
after it began to build, an erasure and a build of single models are each followed by a run that makes
everything anew. So is a person who was forgotten since: DuckDB leaves the bytes of a row that it takes out in
the file, and the file is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from orchestration import run_record
from orchestration.ingest import tombstones
from orchestration.ingest.export_format import RAW_SCHEMA
from orchestration.ingest.raw_tables import next_batch_number
from orchestration.made_from import made_from
from orchestration.marts import MARTS
from orchestration.settings import Settings
from orchestration.sql_text import identifier
from orchestration.tables import has_table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from orchestration.checks.contracts import Contract

WORTHWHILE = 32 * 2**20
"""Bytes of the marts below which everything is made anew: each of 70 tables costs a few statements more to
change than to replace. A day of a company of 100 leads (8 MB) cost 19.7 CPU-s instead of 15.7, of 10,000
leads (23 MB) as much, of 30,000 (48 MB) 28 instead of 31."""

UP_TO = 0.3
"""The largest part of a table that is changed in place: above it, making the table anew costs less."""


def begin(
    con: DuckDBPyConnection, settings: Settings, contracts: Mapping[str, Contract], *, anew: bool
) -> bool:
    """Called before the first table changes: whether this build may patch; never where it is to be `anew`.

    What the build before noted of its changes is forgotten; since when they are looked for stands in
    `changes.since`.
    """
    base = run_record.take_patch_base(con)
    batch_number = run_record.take_build_base(con, _newest_batch(con))
    con.execute("drop schema if exists changes cascade")
    con.execute("create schema changes")
    con.execute("delete from zeven.patched")
    as_of = run_record.as_of_now(con)
    [(bytes_of_marts,)] = con.execute(
        "select coalesce(max(total_blocks * block_size), 0) from pragma_database_size() "
        "where database_name = ?",
        [MARTS],
    ).fetchall()
    if anew or base is None or as_of is None or bytes_of_marts < WORTHWHILE:
        return False
    base_as_of, base_basis = base
    if base_as_of > as_of or base_basis != basis(con, settings, contracts):
        return False
    zone = ZoneInfo(settings.company.time_zone)
    con.execute(
        "create table changes.since as select ?::timestamp as as_of, ?::date as as_of_on, "
        "?::timestamp as now, ?::date as now_on, ?::bigint as batch_number, "
        "(select max(run_id) from zeven.last_published) as last_run_id",
        [
            *(base_as_of.astimezone(UTC).replace(tzinfo=None), base_as_of.astimezone(zone).date()),
            *(as_of.astimezone(UTC).replace(tzinfo=None), as_of.astimezone(zone).date()),
            batch_number,
        ],
    )
    return True


def _newest_batch(con: DuckDBPyConnection) -> int:
    """The number of the batch of files that was loaded last; 0 where there is none."""
    return next_batch_number(con) - 1 if has_table(con, RAW_SCHEMA, "load_ledger") else 0


def basis(con: DuckDBPyConnection, settings: Settings, contracts: Mapping[str, Contract]) -> str:
    """What tables were made from besides the records: the same for every `as_of` of the settings, since later
    days are what patching is for."""
    run = settings.run.model_copy(update={"as_of": "now"})
    code = made_from(settings.model_copy(update={"run": run}), contracts)
    return f"{code} {len(tombstones.read(con, settings.paths.warehouse))}"


@dataclass(frozen=True)
class Changed:
    """Rows of a table that was changed in place, as the quoted names of relations with its columns."""

    written: str
    removed: str
    """As they were: rows that are gone, and those that were written anew."""


def changed_since(con: DuckDBPyConnection, run_id: str) -> dict[str, Changed]:
    """As `changed_rows`, of tables that were changed from what that run published; none where it was another
    that this build followed upon."""
    if not has_table(con, "changes", "since", database="work"):
        return {}
    followed = con.execute("select last_run_id from work.changes.since").fetchall()
    return changed_rows(con) if followed == [(run_id,)] else {}


def changed_rows(con: DuckDBPyConnection) -> dict[str, Changed]:
    """The tables that this build changed in place, each with the rows that it changed.

    Asked of the working database, also where another one is in use.
    """
    if not has_table(con, "zeven", "patched", database="work"):
        return {}
    listed = {table for (table,) in con.execute("select table_name from work.zeven.patched").fetchall()}
    noted = con.execute(
        "select distinct table_name from duckdb_columns() "
        "where database_name = 'work' and schema_name = 'changes'"
    )
    there = {table for (table,) in noted.fetchall()}
    return {
        table: Changed(f"work.changes.{identifier(table)}", f"work.changes.{identifier(f'{table}__before')}")
        for table in listed
        if {table, f"{table}__before"} <= there
    }
