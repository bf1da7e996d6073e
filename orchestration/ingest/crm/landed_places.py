"""Where another tool has put its tables: a DuckDB file or a folder of Parquet files.

Belongs here: what a place must be able to do, finding a table in one of these two, and whether anything was
written to it. Does not belong here: a database (`landed_database.py`), what a row means (`landed_table.py`),
or what is read (`landed_by_others.py`).
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.crm.landed_table import Table, plain
from orchestration.sql_text import first_line, identifier, literal

INTERNAL = ("_staging", "airbyte_internal", "fivetran_metadata")
"""Ends of names of schemas in which a tool keeps its own."""
_DATABASE = "zeven_landed"


class Place(Protocol):
    """`said` is what sentences call it. Everything happens while it is `opened`, for one connection."""

    said: str

    def opened(self, con: duckdb.DuckDBPyConnection) -> AbstractContextManager[None]:
        """Raises `SourceError` where it cannot be."""

    def find(self, con: duckdb.DuckDBPyConnection, *names: str) -> Table | None:
        """The table with one of these names. Raises `SourceError` where there are several."""

    def facts(self, con: duckdb.DuckDBPyConnection, table: Table) -> Any:
        """What changes when something is written to a table, without reading it; None where nothing
        tells."""

    def bring(self, con: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> None:
        """Let the relations of tables, with the columns that are used of them, be asked by DuckDB."""

    def loads(self, con: duckdb.DuckDBPyConnection, table: Table) -> str | None:
        """The relation of dlt's list of loads (`load_id`, `status`) that goes with a table."""


def one_of(source_name: str, said: str, found: list[tuple[str, Any]], names: Iterable[str]) -> Any:
    """The only one of the (place in words, table) that were found, or None."""
    if len(found) > 1:
        raise SourceError(
            f"{source_name}: {said} has several tables for {next(iter(names))}:"
            f" {', '.join(words for words, _ in found)}; name the schema of one in"
            f" sources.{source_name}.dataset."
        )
    return found[0][1] if found else None


class _InDuckDb:
    """What a file and a folder have in common: DuckDB reads both itself."""

    def __init__(self, source_name: str, place: Path, dataset: str) -> None:
        self._name, self._place, self._dataset, self.said = source_name, place, dataset, str(place)

    def bring(self, con: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> None:
        pass  # a view of what is there is enough

    def _found(
        self,
        con: duckdb.DuckDBPyConnection,
        names: tuple[str, ...],
        there: list[tuple[str, str, str]],
    ) -> Table | None:
        """Of (name, relation, files)."""
        wanted = {plain(name) for name in names}
        found = [(path, (name, path, files)) for name, path, files in there if plain(name) in wanted]
        if (one := one_of(self._name, self.said, found, names)) is None:
            return None
        described = con.execute(f"DESCRIBE SELECT * FROM {one[1]}").fetchall()
        return Table(one[0], one[1], {plain(row[0]): (row[0], row[1]) for row in described}, one[2])


class DuckDbFile(_InDuckDb):
    @contextmanager
    def opened(self, con: duckdb.DuckDBPyConnection) -> Iterator[None]:
        try:
            con.execute(f"ATTACH {literal(self._place)} AS {_DATABASE} (READ_ONLY)")
        except duckdb.Error as error:
            raise SourceError(
                f"{self._name}: {self.said} cannot be opened ({first_line(error)}); is it a"
                " DuckDB file, and is no tool writing to it?"
            ) from None
        try:
            yield
        finally:
            con.execute(f"DETACH {_DATABASE}")

    def find(self, con: duckdb.DuckDBPyConnection, *names: str) -> Table | None:
        rows = con.execute(
            "SELECT schema_name, name FROM (SELECT schema_name, table_name AS name FROM duckdb_tables()"
            " WHERE database_name = $1 UNION ALL SELECT schema_name, view_name FROM duckdb_views()"
            " WHERE database_name = $1 AND NOT internal) WHERE $2 IN ('', schema_name) ORDER BY ALL",
            [_DATABASE, self._dataset],
        ).fetchall()
        if self._dataset and not rows:
            raise SourceError(
                f"sources.{self._name}.dataset: {self.said} has no schema '{self._dataset}' with tables."
            )
        if not self._dataset:
            rows = [row for row in rows if not row[0].endswith(INTERNAL)]
        there = [(name, f"{_DATABASE}.{identifier(schema)}.{identifier(name)}", "") for schema, name in rows]
        return self._found(con, names, there)

    def facts(self, con: duckdb.DuckDBPyConnection, table: Table) -> Any:
        synced = table.synced_column()
        if synced is None:
            return None
        looked = ", ".join(identifier(name) for name in (synced, *table.marks()))
        return con.execute(
            f"SELECT count(*), CAST(sum(hash({looked})) AS VARCHAR), CAST(max({identifier(synced)}) AS"
            f" VARCHAR) FROM {table.relation}"
        ).fetchall()

    def loads(self, con: duckdb.DuckDBPyConnection, table: Table) -> str | None:
        name = f"{table.relation.rpartition('.')[0]}._dlt_loads"
        try:
            con.execute(f"DESCRIBE {name}")
        except duckdb.CatalogException:
            return None
        return name


class ParquetFolder(_InDuckDb):
    """`<table>.parquet`, or all Parquet files below a folder of that name; hidden ones are not looked at."""

    @contextmanager
    def opened(self, con: duckdb.DuckDBPyConnection) -> Iterator[None]:
        yield

    def find(self, con: duckdb.DuckDBPyConnection, *names: str) -> Table | None:
        root = self._place / self._dataset if self._dataset else self._place
        if not root.is_dir():
            raise SourceError(f"sources.{self._name}.dataset: {root} is no folder.")
        tables = []
        for entry in sorted(root.iterdir()):
            files = sorted(entry.rglob("*.parquet")) if entry.is_dir() else [entry]
            files = [one for one in files if one.suffix == ".parquet" and not one.name.startswith((".", "_"))]
            if files:
                listed = ", ".join(literal(_escaped(one)) for one in files)
                facts = [(str(one), one.stat().st_size, one.stat().st_mtime_ns) for one in files]
                path = f"read_parquet([{listed}], union_by_name = true)"
                tables.append((entry.stem if entry.is_file() else entry.name, path, json.dumps(facts)))
        return self._found(con, names, tables)

    def facts(self, con: duckdb.DuckDBPyConnection, table: Table) -> Any:
        return table.files

    def loads(self, con: duckdb.DuckDBPyConnection, table: Table) -> str | None:
        folder = self._place / self._dataset / "_dlt_loads"
        if not any(folder.glob("*.jsonl")):
            return None
        files = literal(_escaped(folder) / "*.jsonl")
        return f"read_json({files}, columns = {{load_id: 'VARCHAR', status: 'BIGINT'}})"


def _escaped(path: Path) -> Path:
    """A path in which DuckDB finds no glob."""
    return Path(re.sub(r"([*?\[])", r"[\1]", str(path)))
