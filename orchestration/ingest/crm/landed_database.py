"""Tables that another tool has put into a database, brought over through Arrow.

Belongs here: finding a table, and fetching what is used of it into a temporary table. Does not belong here:
the address, sessions and errors (`sql_database_connection.py`), or what is read (`landed_by_others.py`).

A table is one select in one transaction that can only read, so what is brought is one state of it.
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.crm.landed_places import INTERNAL, one_of
from orchestration.ingest.crm.landed_table import Table, plain
from orchestration.ingest.sql_database_connection import Database, Shape, address, address_variable
from orchestration.sql_text import identifier

_BROUGHT = "zeven_brought"


class InDatabase:
    def __init__(self, source_name: str, dataset: str) -> None:
        self._name, self._dataset = source_name, dataset
        self.said = f"the database of {address_variable(source_name)}"
        self._database = Database(source_name, address(source_name))
        self._names: list[tuple[str, str]] | None = None
        self._shapes: dict[str, Shape] = {}

    @contextmanager
    def opened(self, con: duckdb.DuckDBPyConnection) -> Iterator[None]:
        self._names, self._shapes = None, {}
        try:
            yield
        finally:
            for relation in self._shapes:
                con.execute(f"DROP TABLE IF EXISTS {relation}")

    def find(self, con: duckdb.DuckDBPyConnection, *names: str) -> Table | None:
        wanted = {plain(name) for name in names}
        found = [
            (f"{schema}.{name}", (schema, name)) for schema, name in self._there() if plain(name) in wanted
        ]
        if (one := one_of(self._name, self.said, found, names)) is None:
            return None
        return self._table(*one)

    def _table(self, schema: str, name: str) -> Table:
        shape = self._database.describe(f"{schema}.{name}")
        relation = f"temp.{identifier(f'{_BROUGHT}_{len(self._shapes)}')}"
        self._shapes[relation] = shape
        columns = {
            plain(own.name): (own.name, own.sql_type) for own in shape.columns.values() if own.kind != "bytes"
        }
        return Table(name, relation, columns)

    def _there(self) -> list[tuple[str, str]]:
        if self._names is None:
            found = self._database.tables(self._dataset or None)
            if self._dataset and not found:
                raise SourceError(
                    f"sources.{self._name}.dataset: {self.said} has no schema '{self._dataset}'"
                    " with tables that this user can see."
                )
            self._names = [one for one in found if self._dataset or not one[0].endswith(INTERNAL)]
        return self._names

    def facts(self, con: duckdb.DuckDBPyConnection, table: Table) -> Any:
        synced = table.synced_column()
        if synced is None:
            return None
        shape = self._shapes[table.relation]
        return self._database.told(shape, shape.columns[synced], [shape.columns[n] for n in table.marks()])

    def bring(self, con: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> None:
        for table in tables:
            shape = self._shapes[table.relation]
            columns = [own for own in shape.columns.values() if own.name in table.used]
            declared = ", ".join(f"{identifier(own.name)} {own.sql_type}" for own in columns)
            con.execute(f"CREATE OR REPLACE TEMP TABLE {table.relation.removeprefix('temp.')} ({declared})")
            for rows in self._database.whole(shape, columns):
                con.register("zeven_arrow", rows)
                try:
                    con.execute(f"INSERT INTO {table.relation} SELECT * FROM zeven_arrow")
                finally:
                    con.unregister("zeven_arrow")

    def loads(self, con: duckdb.DuckDBPyConnection, table: Table) -> str | None:
        schema = self._shapes[table.relation].path.rpartition(".")[0]
        if (schema, "_dlt_loads") not in self._database.tables(schema):
            return None
        loads = self._table(schema, "_dlt_loads")
        loads.column("load_id")
        loads.column("status")
        self.bring(con, [loads])
        return loads.relation
