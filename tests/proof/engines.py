"""Engines for the tests of `on_engine.py`, and the gate over each.

Belongs here: bringing a table into an engine, and an engine as the checks see it. Does not belong here: the
tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import polars as pl

from orchestration.checks.contracts import Contract
from orchestration.checks.on_engine import audit_on_engine
from orchestration.checks.verdicts import Verdict
from orchestration.errors import ZevenError
from orchestration.sql_text import identifier
from orchestration.tables import column_types
from tests.proof.contract_gate import Gate


class OnDuckdb:
    """A database of ours, asked in nothing but the statements."""

    dialect = "duckdb"

    def __init__(self, con: duckdb.DuckDBPyConnection | None = None) -> None:
        self.con = con or duckdb.connect()
        self.con.execute("create schema if not exists checked")
        self.asked: list[str] = []

    def columns(self, schema: str, table: str) -> dict[str, str]:
        return column_types(self.con, schema, table)

    def run(self, sql: str) -> Sequence[Sequence[Any]]:
        self.asked.append(sql)
        try:
            return self.con.execute(sql).fetchall()
        except duckdb.Error as error:
            raise ZevenError(type(error).__name__) from error

    def names(self, sql: str) -> list[str]:
        return [str(name) for name, *_ in self.run(f"describe {sql}")]

    def put(self, table: str, frame: pl.DataFrame) -> None:
        self.con.execute(f"create or replace table checked.{identifier(table)} as from frame")


def gate_on(engine: Any) -> Gate:
    """The gate over a table that is put into an engine."""

    def gate(frame: pl.DataFrame, contract: Contract) -> list[Verdict]:
        engine.put(contract.table, frame)
        return audit_on_engine(engine, contract, schema="checked")

    return gate
