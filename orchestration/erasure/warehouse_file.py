"""Removing people from the working database, down to the bytes of its file.

Belongs here: the one transaction of tombstones and removal, dropping what was built from the rows, and
writing the file anew. Does not belong here: who is removed (`people.py`), or which rows
(`ingest/forgotten_rows.py`).

DuckDB marks deleted rows and leaves their bytes in the file until something else happens to need the room; a
checkpoint does not change that. So what remains is copied into a new file, which takes the place of the old
one in one step. The marts are not copied: their file goes, and the next run makes them.
"""

from __future__ import annotations

import os
import shutil

import duckdb

from orchestration import marts, run_record
from orchestration.erasure import crm_people
from orchestration.ingest import tombstones
from orchestration.ingest.forgotten_rows import Rules, remove_from_raw
from orchestration.ingest.tombstones import Tombstone
from orchestration.sql_text import identifier, literal
from orchestration.warehouse import Warehouse

KEPT = ("zeven", "history", "main", "information_schema", "pg_catalog")
"""Schemas that a run does not build anew; those of raw (`raw_*`) besides."""
_SCRATCH = ("work.duckdb.tmp", "incoming", "audit.tmp")
"""Folders that only a living run needs; a killed one leaves rows in them."""


def remove(con: duckdb.DuckDBPyConnection, new: list[Tombstone]) -> dict[str, tuple[int, int]]:
    """Bury and remove in one transaction; (removed, cleared) rows per raw table.

    What was built from the rows is dropped with them: it is built anew, and must not wait for that.
    """
    con.begin()
    try:
        tombstones.write(con, new)
        changed = remove_from_raw(con, Rules(new)) | crm_people.remove_from_raw(con, Rules(new))
        built = con.execute(
            "select distinct schema_name from duckdb_schemas() where database_name = current_database()"
        ).fetchall()
        for (schema,) in built if changed else []:
            if schema not in KEPT and not schema.startswith("raw_"):
                con.execute(f"drop schema {identifier(schema)} cascade")
        if changed:
            run_record.forget_build(con)
            run_record.forget_release(con)
            run_record.take_patch_base(con)
    except BaseException:
        con.rollback()
        raise
    con.commit()
    return changed


def write_anew(warehouse: Warehouse) -> None:
    """Copy the database into a new file and let that take its place, and remove the marts. Nobody else may
    have it open.
    """
    new = warehouse.folder / "work.duckdb.new"
    for leftover in (new, new.with_name(f"{new.name}.wal")):
        leftover.unlink(missing_ok=True)
    with warehouse.connect() as con:
        [(name,)] = con.execute("select current_database()").fetchall()
        con.execute("checkpoint")
        con.execute(f"attach {literal(new)} as zeven_new")
        con.execute(f"copy from database {identifier(name)} to zeven_new")
        con.execute("checkpoint zeven_new")
        con.execute("detach zeven_new")
    new.chmod(0o600)
    _sync(new)
    # an old log beside the new file would be replayed into it; closing the database has folded it in
    warehouse.file.with_name(f"{warehouse.file.name}.wal").unlink(missing_ok=True)
    new.replace(warehouse.file)
    marts.start_afresh(warehouse.marts_file)
    _sync(warehouse.folder)


def clear_scratch(warehouse: Warehouse) -> None:
    """Remove what a killed run left beside the database. For who holds the writer lock."""
    for name in _SCRATCH:
        shutil.rmtree(warehouse.folder / name, ignore_errors=True)


def _sync(path: os.PathLike[str]) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
