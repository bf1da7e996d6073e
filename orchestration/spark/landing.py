"""What the models read, as Parquet files that Spark's workers see, and as views over them.

Belongs here: writing the files, choosing which of them count, and telling Spark. Does not belong here: how a
row got into the warehouse (`ingest/`), or what Spark makes of it (dbt).

Sources are read, their rows judged and committed as on DuckDB, with one ledger, one quarantine and one
promise that a row is loaded once. From what is committed follows which files there have to be: the rows of
`BATCHES` batches in a row are one file, named after what stands in it. So a day writes what it brought, a
file is never changed, a run that was killed leaves nothing but files that nobody names, and what a view names
is whole: it is replaced in one statement, after its files are there.
"""

# ruff: noqa: S608 -- names are identifier, paths are literals

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.errors import ZevenError
from orchestration.settings import Settings
from orchestration.sql_text import identifier, literal
from orchestration.tables import column_types, row_hash
from orchestration.warehouse import make_private_folder

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from orchestration.spark.connection import Spark

BATCHES = 64
"""Batches of one file: each day's batch in a file of its own would be thousands after some years, and a table
of as many files takes Spark longer to open than to read."""
_BATCH_NUMBER = "_batch_number"
_OF_SPARK = {
    "VARCHAR": "string",
    "JSON": "string",
    "BIGINT": "bigint",
    "UBIGINT": "decimal(20,0)",
    "INTEGER": "int",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}


@dataclass(frozen=True)
class Landed:
    """A table as files: `columns` are Spark's types by name, `files` hold all of its rows."""

    schema: str
    table: str
    columns: Mapping[str, str]
    files: tuple[Path, ...]

    def query(self) -> str:
        """Its rows, in Spark's SQL; the files of a table lie in one folder."""
        names = ",".join(file.name for file in self.files)
        columns = ", ".join(f"cast(`{name}` as {kind}) as `{name}`" for name, kind in self.columns.items())
        return f"select {columns} from parquet.`{self.files[0].parent}/{{{names}}}`"


def land(con: DuckDBPyConnection, folder: Path, schema: str, table: str) -> Landed:
    """Write the files of a table that are not there yet; none of the others is touched.

    `ZevenError` where the folder cannot be written to, or a column has a type that Spark has not.
    """
    types = column_types(con, schema, table)
    place = folder / schema / table
    try:
        place.mkdir(parents=True, exist_ok=True)
        parts = _parts(con, schema, table, types)
        files = [_written(con, schema, table, place, part) for part in parts]
    except OSError as error:
        raise ZevenError(f"{place}: cannot be written ({error.strerror}); see spark.folder.") from error
    columns = {name: _type_of_spark(f"{schema}.{table}.{name}", found) for name, found in types.items()}
    return Landed(schema, table, columns, tuple(files))


def show(spark: Spark, landed: Landed) -> None:
    """Let Spark see a landed table under its name."""
    spark.run(f"create schema if not exists `{landed.schema}`")
    spark.run(f"create or replace view `{landed.schema}`.`{landed.table}` as {landed.query()}")


def sees_our_files(settings: Settings, spark: Spark) -> bool:
    """Whether Spark reads a file that this machine has just written to the folder; it is gone afterwards."""
    import duckdb

    make_private_folder(settings.spark.folder)
    file = settings.spark.folder / f"look-{os.getpid()}.parquet"
    try:
        with duckdb.connect() as con:
            con.execute(f"copy (select 7 as seven) to {literal(file)} (format parquet)")
        return spark.run(f"select seven from parquet.`{file}`") == [(7,)]
    except ZevenError:
        return False
    finally:
        file.unlink(missing_ok=True)


def tidy(folder: Path, landed: Iterable[Landed]) -> None:
    """Remove the files of these tables that no view names any more."""
    for one in landed:
        for file in (folder / one.schema / one.table).iterdir():
            if file not in one.files:
                file.unlink()


@dataclass(frozen=True)
class _Part:
    """The rows of a table for which `where` holds, and what names their file."""

    where: str
    name: str


def _parts(con: DuckDBPyConnection, schema: str, table: str, types: Mapping[str, str]) -> list[_Part]:
    """One for every `BATCHES` batches that are there; one for a table without batches, or without rows."""
    number = f"coalesce({_BATCH_NUMBER} // {BATCHES}, -1)" if _BATCH_NUMBER in types else "0"
    found = con.execute(
        f"select {number} as part, count(*), sum({row_hash(types)}::hugeint) "
        f"from {identifier(schema)}.{identifier(table)} "
        "group by 1 order by 1"  # a source may have a column of any name
    ).fetchall()
    shape = "\n".join(f"{name} {kind}" for name, kind in types.items())
    parts = []
    for part, rows, content in found or [(0, 0, None)]:
        digest = hashlib.sha256(f"{shape}\n{rows} {content}".encode()).hexdigest()
        parts.append(_Part(f"{number} = {part}", f"{part:06d}-{digest[:24]}.parquet"))
    return parts


def _written(con: DuckDBPyConnection, schema: str, table: str, place: Path, part: _Part) -> Path:
    """The file of a part, which is either there or whole in one step."""
    file = place / part.name
    if not file.exists():
        fresh = file.with_suffix(".new")
        con.execute(
            f"copy (select * from {identifier(schema)}.{identifier(table)} where {part.where}) "
            f"to {literal(fresh)} (format parquet, compression zstd)"
        )
        with fresh.open("rb") as written:
            os.fsync(written.fileno())
        fresh.replace(file)
    return file


def _type_of_spark(column: str, found: str) -> str:
    if found.startswith("DECIMAL"):
        return found.lower()
    if found not in _OF_SPARK:
        raise ZevenError(f"{column}: has the type {found}, which cannot be handed to Spark.")
    return _OF_SPARK[found]
