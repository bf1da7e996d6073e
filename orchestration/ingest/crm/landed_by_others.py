"""Tables of a CRM that another tool has already put somewhere, read as if the CRM had been asked.

Belongs here: finding a declared object among the tables of Fivetran, Airbyte or dlt, and what each of them
says of rows that are gone or half loaded. Does not belong here: any CRM's objects, or putting rows into raw
(`landing.py`).

A name is found by its letters and digits alone, so that `CreatedDate`, `created_date` and `CREATEDDATE` are
one and `product_2` is `Product2`: this is all that the tools change of a CRM's names, but for the few tables
in `_RENAMED`. Which tool wrote a table is told by the columns that it adds.
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.crm.diagnosis import Diagnosis, of_fields
from orchestration.ingest.crm.kind import CrmKind
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.objects import Object
from orchestration.ingest.source_kind import Pending
from orchestration.ingest.sql_text import first_line, identifier, literal
from orchestration.settings import LandedSource, Settings

_RENAMED = {"user": ("sfuser",)}
"""Other names of a table: dlt calls Salesforce's User `sf_user`, as `user` is a word of SQL."""
_SYNCED = ("_fivetran_synced", "_airbyte_extracted_at", "_airbyte_emitted_at", "_dlt_load_id")
"""When a row was written, by tool: of two versions of a record the later one counts."""
_GONE = {
    "_fivetran_deleted": "coalesce({}, false)",
    "_fivetran_active": "NOT coalesce({}, true)",  # history mode keeps earlier versions
    "_ab_cdc_deleted_at": "{} IS NOT NULL",
}
_INTERNAL = ("_staging", "airbyte_internal", "fivetran_metadata")
"""Ends of names of schemas in which a tool keeps its own."""
_DATABASE = "zeven_landed"


@dataclass(frozen=True)
class Wanted:
    """What a CRM's module says of its objects.

    `required`: fields by object that no number can do without, and objects; of the others only the key is.
    `costs`: what goes without an object, as the end of "without it". `quiet`: objects and fields of which
    nothing is said where they are absent. `asked`: by object our field -> the CRM's own, where that differs
    or does not exist. `only`: by object the condition over its fields under which rows are taken.
    """

    required: Mapping[str, Sequence[str]] = field(default_factory=dict)
    costs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    quiet: Collection[str] = ()
    asked: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    only: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Found:
    """A table there: the SQL that names it, its columns (by letters and digits) and their types."""

    relation: str
    columns: Mapping[str, tuple[str, str]]
    files: str = ""
    """For a folder, what its files are now."""

    def column(self, name: str) -> tuple[str, str] | None:
        return self.columns.get(_plain(name))


class LandedReader:
    """A `Reader` of one source (`kind.py`): every object is whole, so what is no longer in it is gone."""

    def __init__(self, source_name: str, source: LandedSource, wanted: Wanted) -> None:
        self._name, self._source, self._wanted = source_name, source, wanted
        if not source.place.exists():
            raise SourceError(
                f"sources.{source_name}.place: {source.place} is not there; it is the DuckDB file, or the"
                " folder of"
                " Parquet files, into which the tables are loaded."
            )

    def read(self, object_: Object, landing: Landing) -> int:
        """Land all rows of an object, unless nothing was written to its table since; how many batches."""
        with self._opened(landing.con):
            try:
                return self._read(object_, landing)
            except duckdb.Error as error:
                raise SourceError(
                    f"{self._name}: the table of {object_.name} in {self._source.place} could not be read"
                    f" ({first_line(error)}); is the tool at work on it? Run again when it is done."
                ) from None

    def _read(self, object_: Object, landing: Landing) -> int:
        con = landing.con
        table = self._table(con, object_.name)
        if table is None:
            self._tell_absent(object_, landing)
            return 0
        if self._is_half_loaded(con, object_, table, landing):
            return 0
        columns = self._columns(object_, table, landing)
        query = self._query(object_, table, columns)
        print_ = self._fingerprint(con, object_, table, query)
        if print_ and landing.cursor(object_) == {"fingerprint": print_}:
            return 0
        self._refuse_empty(object_, query, landing)
        cursor = {"fingerprint": print_} if print_ else None
        landing.land_query(object_, query, cursor=cursor, is_complete=True)
        return 1

    def diagnose(self, con: duckdb.DuckDBPyConnection, objects: Iterable[Object]) -> Iterator[Diagnosis]:
        """What is there of the objects, without reading a row."""
        with self._opened(con):
            for object_ in objects:
                table, costs = self._table(con, object_.name), self._wanted.costs.get(object_.name)
                if table is None:
                    if object_.name not in self._wanted.quiet:
                        yield of_fields(object_, None, costs)
                    continue
                asked = self._wanted.asked.get(object_.name, {one.name: one.name for one in object_.fields})
                there = {ours for ours, theirs in asked.items() if table.column(theirs)}
                unasked = {one.name for one in object_.fields} - set(asked)
                yield of_fields(object_, there | unasked | set(self._wanted.quiet), costs)

    # what is there

    def _table(self, con: duckdb.DuckDBPyConnection, name: str) -> _Found | None:
        wanted = (_plain(name), *_RENAMED.get(name.casefold(), ()))
        there = self._folder_tables() if self._source.place.is_dir() else self._database_tables(con)
        found = [(path, files) for plain, path, files in there if plain in wanted]
        if len(found) > 1:
            raise SourceError(
                f"{self._name}: {self._source.place} has several tables for {name}:"
                f" {', '.join(p for p, _ in found)};"
                f" name the schema of one in sources.{self._name}.dataset."
            )
        if not found:
            return None
        described = con.execute(f"DESCRIBE SELECT * FROM {found[0][0]}").fetchall()
        return _Found(found[0][0], {_plain(row[0]): (row[0], row[1]) for row in described}, found[0][1])

    def _database_tables(self, con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
        rows = con.execute(
            "SELECT schema_name, name FROM (SELECT schema_name, table_name AS name FROM duckdb_tables()"
            " WHERE database_name = $1 UNION ALL SELECT schema_name, view_name FROM duckdb_views()"
            " WHERE database_name = $1 AND NOT internal) WHERE $2 IN ('', schema_name) ORDER BY ALL",
            [_DATABASE, self._source.dataset],
        ).fetchall()
        if self._source.dataset and not rows:
            raise SourceError(
                f"sources.{self._name}.dataset: {self._source.place} has no schema"
                f" '{self._source.dataset}' with tables."
            )
        if not self._source.dataset:
            rows = [row for row in rows if not row[0].endswith(_INTERNAL)]
        return [
            (_plain(name), f"{_DATABASE}.{identifier(schema)}.{identifier(name)}", "")
            for schema, name in rows
        ]

    def _folder_tables(self) -> list[tuple[str, str, str]]:
        """`<table>.parquet`, or all Parquet files below a folder of that name; hidden ones are not looked
        at."""
        root = self._source.place / self._source.dataset if self._source.dataset else self._source.place
        if not root.is_dir():
            raise SourceError(f"sources.{self._name}.dataset: {root} is no folder.")
        tables = []
        for entry in sorted(root.iterdir()):
            files = sorted(entry.rglob("*.parquet")) if entry.is_dir() else [entry]
            files = [one for one in files if one.suffix == ".parquet" and not one.name.startswith((".", "_"))]
            if files:
                listed = ", ".join(literal(str(_escaped(one))) for one in files)
                facts = [(str(one), one.stat().st_size, one.stat().st_mtime_ns) for one in files]
                path = f"read_parquet([{listed}], union_by_name = true)"
                tables.append(
                    (_plain(entry.stem if entry.is_file() else entry.name), path, json.dumps(facts))
                )
        return tables

    # what is taken

    def _columns(self, object_: Object, table: _Found, landing: Landing) -> dict[str, tuple[str, str]]:
        """Our field -> (name, type) of the column; what is needed and absent is refused, the rest is told."""
        asked = self._wanted.asked.get(object_.name)
        columns, missing = {}, []
        for one in object_.fields:
            theirs = asked.get(one.name) if asked is not None else one.name
            if theirs is None:
                continue  # a field of the company's own that the settings do not name
            if found := table.column(theirs):
                columns[one.name] = found
            else:
                missing.append(one.name)
        needed = {*object_.key, *self._wanted.required.get(object_.name, ())}
        if refused := [name for name in missing if name in needed]:
            raise SourceError(
                f"{self._name}: {', '.join(refused)} of {object_.name} is not among the columns of its"
                " table in"
                f" {self._source.place}, and no number can do without it; let the tool load it."
            )
        if told := [name for name in missing if name not in self._wanted.quiet]:
            landing.findings.append(
                f"{object_.name} has no column for {', '.join(told)} in {self._source.place}."
            )
        return columns

    def _query(self, object_: Object, table: _Found, columns: Mapping[str, tuple[str, str]]) -> str:
        given = {name: _text(*found) for name, found in columns.items()}
        listed = [
            f"{given.get(one.name, 'CAST(NULL AS VARCHAR)')} AS {identifier(one.name)}"
            for one in object_.fields
        ]
        conditions = [
            f"NOT ({condition.format(identifier(found[0]))})"
            for name, condition in _GONE.items()
            if (found := table.column(name)) and found[0].startswith("_")
        ]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        synced = self._synced(table)
        order = f"ORDER BY {identifier(synced)}" if synced else ""
        inner = (
            f"SELECT row_number() OVER ({order}) AS _row, {', '.join(listed)} FROM {table.relation}{where}"
        )
        only = self._wanted.only.get(object_.name)
        absent = {one.name for one in object_.fields} - set(columns)
        if only and not any(re.search(rf"\b{name}\b", only) for name in absent):
            return f"SELECT * FROM ({inner}) WHERE {only}"
        return inner

    def _is_half_loaded(
        self, con: duckdb.DuckDBPyConnection, object_: Object, table: _Found, landing: Landing
    ) -> bool:
        """Whether dlt is at work on the table: its rows are there before `_dlt_loads` has their load, and
        those that they replace are not."""
        if not (load := table.column("_dlt_load_id")):
            return False
        loads = self._dlt_loads(con, table)
        if loads is None:
            finding = (
                f"{self._source.place} has no _dlt_loads, so a load that dlt is at work on cannot be told."
            )
            if finding not in landing.findings:
                landing.findings.append(finding)
            return False
        rows = con.execute(
            f"SELECT count(*) FROM {table.relation} WHERE {identifier(load[0])} NOT IN"
            f" (SELECT load_id FROM {loads} WHERE status = 0)"
        ).fetchall()[0][0]
        if rows:
            landing.findings.append(
                f"{object_.name}: {rows:,} rows are of a load that dlt has not finished; the table stays"
                " as it was"
                " until it has."
            )
        return bool(rows)

    def _dlt_loads(self, con: duckdb.DuckDBPyConnection, table: _Found) -> str | None:
        if table.files:
            folder = self._source.place / self._source.dataset / "_dlt_loads"
            if not any(folder.glob("*.jsonl")):
                return None
            files = literal(str(_escaped(folder) / "*.jsonl"))
            return f"read_json({files}, columns = {{load_id: 'VARCHAR', status: 'BIGINT'}})"
        name = f"{table.relation.rpartition('.')[0]}._dlt_loads"
        try:
            con.execute(f"DESCRIBE {name}")
        except duckdb.CatalogException:
            return None
        return name

    def _synced(self, table: _Found) -> str:
        """The column that says when the tool wrote a row; "" where none does."""
        return next((found[0] for name in _SYNCED if (found := table.column(name))), "")

    def _fingerprint(self, con: duckdb.DuckDBPyConnection, object_: Object, table: _Found, query: str) -> str:
        """Of what decides the rows, without reading them: files as they are, or which rows were written when.

        "" where nothing tells: then the table is read at every run.
        """
        facts: Any
        if table.files:
            facts = table.files
        else:
            synced = self._synced(table)
            if not synced:
                return ""
            key = ", ".join(identifier(table.columns[_plain(name)][0]) for name in object_.key)
            gone = [found[0] for name in _GONE if (found := table.column(name))]
            looked = ", ".join([key, identifier(synced), *map(identifier, gone)])
            facts = con.execute(
                f"SELECT count(*), CAST(bit_xor(hash({looked})) AS VARCHAR),"
                f" CAST(max({identifier(synced)}) AS VARCHAR)"
                f" FROM {table.relation}"
            ).fetchall()
        return hashlib.sha256(json.dumps([facts, query], default=str).encode()).hexdigest()

    def _refuse_empty(self, object_: Object, query: str, landing: Landing) -> None:
        """A tool that loads a table anew empties it first: that is no deletion of everything."""
        con = landing.con
        if con.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0]:
            return
        key = ", ".join(identifier(name) for name in object_.key)
        alive = con.execute(
            f"SELECT count(*) FROM (SELECT * FROM {landing.table(object_.name)} WHERE _source = ? QUALIFY"
            f" row_number() OVER (PARTITION BY {key} ORDER BY _batch_number DESC, _source_row DESC) = 1)"
            " WHERE NOT _is_deleted",
            [self._name],
        ).fetchall()[0][0]
        if alive:
            raise SourceError(
                f"{self._name}: the table of {object_.name} in {self._source.place} is empty, where"
                f" {alive:,} records"
                " were; nothing is taken as deleted. Run again when the tool has loaded it."
            )

    def _tell_absent(self, object_: Object, landing: Landing) -> None:
        if object_.name in self._wanted.required:
            raise SourceError(
                f"{self._name}: {self._source.place} has no table for {object_.name}, and no number can do"
                " without it;"
                " let the tool load it, or correct place and dataset."
            )
        if object_.name not in self._wanted.quiet:
            cost = self._wanted.costs.get(object_.name, {}).get("", "nothing of it is counted")
            landing.findings.append(f"{object_.name} is not in {self._source.place}: without it, {cost}.")

    @contextmanager
    def _opened(self, con: duckdb.DuckDBPyConnection) -> Iterator[None]:
        if self._source.place.is_dir():
            yield
            return
        try:
            con.execute(f"ATTACH {literal(str(self._source.place))} AS {_DATABASE} (READ_ONLY)")
        except duckdb.Error as error:
            raise SourceError(
                f"{self._name}: {self._source.place} cannot be opened ({first_line(error)}); is it a"
                " DuckDB file, and is"
                " no tool writing to it?"
            ) from None
        try:
            yield
        finally:
            con.execute(f"DETACH {_DATABASE}")


def _plain(name: str) -> str:
    """The letters and digits of a name; the columns that a tool adds keep their first underscore."""
    front = "_" if name.startswith("_") else ""
    return front + re.sub("[^a-z0-9]", "", name.casefold())


def _text(name: str, sql_type: str) -> str:
    """A column as the text that `landing.py` reads, whatever the time zone of the session."""
    column = identifier(name)
    if sql_type == "TIMESTAMP WITH TIME ZONE":
        column = f"timezone('UTC', {column})"
    return f"CAST({column} AS VARCHAR)"


def _escaped(path: Path) -> Path:
    """A path in which DuckDB finds no glob."""
    return Path(re.sub(r"([*?\[])", r"[\1]", str(path)))


class LandedKind(CrmKind):
    """A kind of its own that fills the raw tables of the CRM's kind."""

    def __init__(
        self,
        name: str,
        crm: str,
        objects: Iterable[Object],
        wanted: Callable[[LandedSource, str], Wanted],
    ) -> None:
        super().__init__(crm, objects, self._open_reader, self._diagnose)
        self._kind, self._wanted = name, wanted

    def scan(self, con: duckdb.DuckDBPyConnection, settings: Settings) -> list[Pending]:
        return [
            Pending(name, table, str(source.place), "ask")
            for name, source in settings.sources.items()
            if isinstance(source, LandedSource) and source.kind == self._kind
            for table in self.TABLES
        ]

    def _open_reader(self, settings: Settings, source_name: str) -> LandedReader:
        source = settings.sources[source_name]
        assert isinstance(source, LandedSource)
        return LandedReader(source_name, source, self._wanted(source, source_name))

    def _diagnose(self, settings: Settings, source_name: str) -> Iterator[Diagnosis]:
        with duckdb.connect(config={"autoload_known_extensions": False}) as con:
            yield from self._open_reader(settings, source_name).diagnose(con, self.TABLES.values())
