"""What the warehouse knows of its runs: the schema `zeven`.

Belongs here: the tables `zeven.run` (the instant of this run, which the models read),
`zeven.build_result` (whether the marts are whole, which publishing asks), `zeven.released` (what the last
release was made from, which tells whether there is anything new to do), `zeven.last_published` (the last run
that came to a release), `zeven.patch_base` (what the tables that are there were published from, while nobody
has changed them), `zeven.build_base` (up to which batch of files they read) and `zeven.patched` (the tables
that this build changed in place, `patches.py`). Does not belong here: the ledger of loaded files (`ingest/`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchestration.tables import has_table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TABLES = """
create schema if not exists zeven;
create table if not exists zeven.run (run_id varchar, as_of timestamp, observed_at timestamp);
alter table zeven.run add column if not exists observed_at timestamp;
create table if not exists zeven.build_result (
    run_id varchar, as_of timestamp, finished_at timestamp, passed boolean, is_whole boolean, checks json
);
create table if not exists zeven.released (release_id varchar, as_of timestamp, made_from varchar);
create table if not exists zeven.last_published (run_id varchar);
create table if not exists zeven.patch_base (as_of timestamp, basis varchar);
create table if not exists zeven.build_base (batch_number bigint);
create table if not exists zeven.patched (table_name varchar);
"""


@dataclass(frozen=True)
class Released:
    """The release that was made from this warehouse last. `made_from` stands for code, settings and
    contracts."""

    release_id: str
    as_of: datetime
    made_from: str


def prepare(con: DuckDBPyConnection) -> None:
    """Make the tables where they are missing."""
    con.execute(_TABLES)


def begin(con: DuckDBPyConnection, run_id: str, as_of: datetime, observed_at: datetime) -> None:
    """From here on the models describe `as_of`, from sources that are read at `observed_at` (both aware).

    What was built before counts as unfinished, and what the last run saw of the opportunities is forgotten if
    it came to no release: a load that the gate refused must not stay behind in our history.
    """
    if has_table(con, "history", "int_opportunity_sightings"):
        con.execute(
            "delete from history.int_opportunity_sightings where run_id in (select run_id from zeven.run) "
            "and run_id not in (select run_id from zeven.last_published)"
        )
    _replace(con, "run", (run_id, _stored(as_of), _stored(observed_at)))
    forget_build(con)
    forget_release(con)


def as_of_now(con: DuckDBPyConnection) -> datetime | None:
    """The instant that the models describe, aware; None before the first run."""
    found = con.execute("select as_of from zeven.run").fetchall()
    return found[0][0].replace(tzinfo=UTC) if found else None


def forget_release(con: DuckDBPyConnection) -> None:
    """Called before raw data may change: from then on something is new, until the next release."""
    con.execute("delete from zeven.released")


def forget_build(con: DuckDBPyConnection) -> None:
    """Called before anything of the marts changes: until the build has ended, nothing may be published."""
    con.execute("delete from zeven.build_result")


def record_build(
    con: DuckDBPyConnection, *, run_id: str, passed: bool, is_whole: bool, checks: list[dict[str, Any]]
) -> None:
    """The outcome of a build. `is_whole`: every model and test ran. `checks`: name, status, failures of
    each test."""
    as_of = con.execute("select as_of from zeven.run").fetchall()[0][0]
    now = _stored(datetime.now(UTC))
    _replace(con, "build_result", (run_id, as_of, now, passed, is_whole, json.dumps(checks)))


def record_release(con: DuckDBPyConnection, release_id: str, as_of: datetime, made_from: str) -> None:
    _replace(con, "released", (release_id, _stored(as_of), made_from))
    [(run_id,)] = con.execute("select run_id from zeven.run").fetchall()
    _replace(con, "last_published", (run_id,))


def record_patch_base(con: DuckDBPyConnection, as_of: datetime, basis: str) -> None:
    _replace(con, "patch_base", (_stored(as_of), basis))


def take_patch_base(con: DuckDBPyConnection) -> tuple[datetime, str] | None:
    """As of when (aware) and on which basis the tables were made that were published last; None where they
    have changed since. From here on they have."""
    if not has_table(con, "zeven", "patch_base"):
        return None
    found = con.execute("select as_of, basis from zeven.patch_base").fetchall()
    con.execute("delete from zeven.patch_base")
    return (found[0][0].replace(tzinfo=UTC), found[0][1]) if found else None


def take_build_base(con: DuckDBPyConnection, batch_number: int) -> int | None:
    """Up to which batch of files the build before read, None where nobody can tell what changed since; this
    one reads up to `batch_number`."""
    found = con.execute("select batch_number from zeven.build_base").fetchall()
    _replace(con, "build_base", (batch_number,))
    return found[0][0] if found else None


def forget_build_base(con: DuckDBPyConnection) -> None:
    """Called where rows of raw are taken out or changed: then new rows do not tell all that is new.

    Inside the caller's transaction.
    """
    if has_table(con, "zeven", "build_base"):
        con.execute("delete from zeven.build_base")


def restore_release(con: DuckDBPyConnection, released: Released) -> None:
    """After `forget_release`, where raw data has not changed after all."""
    _replace(con, "released", (released.release_id, _stored(released.as_of), released.made_from))


def last_released(con: DuckDBPyConnection) -> Released | None:
    """None where nothing was released from this warehouse, or it has no tables yet."""
    if not has_table(con, "zeven", "released"):
        return None
    found = con.execute("select release_id, as_of, made_from from zeven.released").fetchall()
    return Released(found[0][0], found[0][1].replace(tzinfo=UTC), found[0][2]) if found else None


def _replace(con: DuckDBPyConnection, table: str, row: tuple[Any, ...]) -> None:
    """Make `row` the only one of the table."""
    marks = ", ".join("?" for _ in row)
    con.execute("begin")
    try:
        con.execute(f"delete from zeven.{table}")  # noqa: S608 - a name of this module
        con.execute(f"insert into zeven.{table} values ({marks})", row)  # noqa: S608 - a name of this module
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise


def _stored(instant: datetime) -> datetime:
    """UTC without zone and in whole seconds, as the warehouse keeps the instants of a run."""
    return instant.astimezone(UTC).replace(microsecond=0, tzinfo=None)
