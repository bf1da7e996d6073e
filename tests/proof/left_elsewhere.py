"""Marts of which some tables stay in the Parquet files of another engine, without that engine.

Belongs here: taking tables out of the marts into files, as Spark leaves them, and answering for it. Does not
belong here: the tests.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from orchestration.checks.contracts import Contract
from orchestration.checks.on_engine import audit_on_engine
from orchestration.checks.verdicts import Verdict
from orchestration.marts import MARTS
from orchestration.publish.in_place import create_view, views
from orchestration.sql_text import identifier
from orchestration.tables import column_types


class LeftElsewhere:
    """Stands in for Spark: a DuckDB that reads the files in `root`, a folder for each table."""

    dialect = "duckdb"

    def __init__(self, root: Path) -> None:
        self._root = root
        self.audited: list[str] = []

    @property
    def tables(self) -> frozenset[str]:
        return (
            frozenset(folder.name for folder in self._root.iterdir()) if self._root.exists() else frozenset()
        )

    def take(self, con: duckdb.DuckDBPyConnection, tables: Iterable[str], parts: int = 3) -> None:
        """Write tables of the attached marts as so many files, and leave views over them."""
        for table in tables:
            folder = self.folder(table)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            name = f"{MARTS}.{identifier(table)}"
            key = f"hash({', '.join(identifier(column) for column in column_types_of(con, table))})"
            for part in range(parts):
                file = folder / f"part-{part:05d}-{uuid.uuid4()}-c000.snappy.parquet"
                con.execute(
                    f"copy (select * from {name} where {key} % {parts} = {part}) to '{file}' "
                    "(format parquet, compression snappy)"
                )
            con.execute(f"drop table {name}")
            create_view(con, MARTS, table, folder)
        assert self.tables <= views(con, MARTS)

    def folder(self, table: str) -> Path:
        return self._root / table

    def files(self, table: str) -> Mapping[str, tuple[int, int]]:
        found = {}
        for file in self.folder(table).glob("*.parquet"):
            [(rows,)] = self.run(f"select count(*) from '{file}'")
            if rows:
                found[file.name] = (file.stat().st_size, int(rows))
        return found

    def audit(self, contract: Contract) -> list[Verdict]:
        self.audited.append(contract.table)
        return audit_on_engine(self, contract, schema=MARTS)

    def columns(self, schema: str, table: str) -> Mapping[str, str]:
        with self._reading() as con:
            return {name: kind.lower() for name, kind in column_types(con, schema, table).items()}

    def run(self, sql: str) -> Sequence[Sequence[Any]]:
        with self._reading() as con:
            return con.execute(sql).fetchall()

    def _reading(self) -> duckdb.DuckDBPyConnection:
        con = duckdb.connect()
        con.execute(f"create schema {MARTS}")
        for table in self.tables:
            source = f"from read_parquet('{self.folder(table)}/*.parquet', hive_partitioning = false)"
            con.execute(f"create view {MARTS}.{identifier(table)} as {source}")
        return con


def column_types_of(con: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return list(con.sql(f"from {MARTS}.{identifier(table)}").columns)
