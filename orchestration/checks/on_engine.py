"""Running a contract where its table stands: nothing leaves the engine but the keys of rows that fail.

Belongs here: a contract as statements in SQL, and what they return as verdicts. Does not belong here: what a
verdict says (`verdicts.py`), how an engine spells the statements (`portable.py`), and reaching one
(`on_spark.py`).

The verdicts are those of `audit.py`, which has a second engine beside the database to be judged by: the gate
tests hold the two together. The first failing rows are the first in the order in which a published
table lies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from orchestration.checks.contracts import Column, Contract, Scalar
from orchestration.checks.portable import portable, translated
from orchestration.checks.verdicts import (
    SHOWN_KEYS,
    Finding,
    Verdict,
    plain_key,
    shape_findings,
    table_is_missing,
    verdicts_on,
)
from orchestration.errors import ZevenError
from orchestration.sql_text import identifier

_GREATEST = "1.7976931348623157e308"
"""The greatest double that is finite. NaN is above all others, on DuckDB and on Spark."""


class Engine(Protocol):
    """Where the table stands."""

    dialect: str
    """Its SQL, by the name that sqlglot has for it."""

    def columns(self, schema: str, table: str) -> Mapping[str, str]:
        """The columns of a table in order, with their types as a contract names them; empty where there is no
        such table.
        """

    def run(self, sql: str) -> Sequence[Sequence[Any]]:
        """The rows of a query in its dialect; `ZevenError` where the engine cannot answer it."""

    def names(self, sql: str) -> Sequence[str]:
        """The columns that the rows of a query have."""


def audit_on_engine(engine: Engine, contract: Contract, *, schema: str) -> list[Verdict]:
    """The verdicts of one table, as `audit_table` gives them.

    One statement counts the rows that break each check, one those that share their key, and one more for each
    check that failed asks for its first keys. Raises `SettingsError` for a rule that might mean something
    else on another engine.
    """
    types = engine.columns(schema, contract.table)
    if not types:
        return table_is_missing(contract)
    look = _Look(engine, contract, table_in(schema, contract.table))
    if findings := shape_findings(contract, types):
        return verdicts_on(contract, findings, look.count(), types)
    breaks = dict(_breaks(contract))
    total, counts = look.counts(breaks)
    for name, rows in counts.items():
        if rows is None:
            findings[name] = Finding()
        elif rows:
            findings[name] = Finding(rows, look.first(breaks[name]))
    if rows := look.sharing_their_key():
        findings["key"] = Finding(rows, look.first_shared())
    if total < contract.minimum_rows:
        findings["minimum_rows"] = Finding()
    return verdicts_on(contract, findings, total, types)


class _Look:
    """Asks an engine about one table."""

    def __init__(self, engine: Engine, contract: Contract, table: str) -> None:
        self._engine, self._table = engine, table
        self._key = contract.key
        self._names = ", ".join(map(identifier, contract.key))
        self._order = ", ".join(f"{identifier(name)} nulls last" for name in contract.order)

    def count(self) -> int:
        [(rows,)] = self._ask(f"select count(*) from {self._table}")  # noqa: S608 (quoted)
        return int(rows)

    def counts(self, breaks: Mapping[str, str]) -> tuple[int, dict[str, int | None]]:
        """How many rows there are, and how many fulfil each condition; None for one that has no answer."""
        asked = ", ".join(["count(*)", *map(counted, breaks.values())])
        try:
            [(total, *found)] = self._ask(f"select {asked} from {self._table}")  # noqa: S608 (quoted)
        except ZevenError:
            total = self.count()
            return total, {name: self._count_alone(condition) for name, condition in breaks.items()}
        return int(total), dict(zip(breaks, map(int, found), strict=True))

    def _count_alone(self, condition: str) -> int | None:
        try:
            [(rows,)] = self._ask(f"select {counted(condition)} from {self._table}")  # noqa: S608 (quoted)
        except ZevenError:
            return None
        return int(rows)

    def first(self, condition: str) -> tuple[Mapping[str, Any], ...]:
        """The first keys of the rows that fulfil a condition."""
        rows = self._ask(
            f"select {self._names} from {self._table} where {condition} "  # noqa: S608 (quoted)
            f"order by {self._order} limit {SHOWN_KEYS}"
        )
        return tuple(self._plain(row) for row in rows)

    def sharing_their_key(self) -> int:
        """How many rows have a key that another row has too; nulls in a key are equal."""
        [(rows,)] = self._ask(f"select coalesce(sum(alike), 0) from ({self._shared}) as shared")  # noqa: S608
        return int(rows)

    def first_shared(self) -> tuple[Mapping[str, Any], ...]:
        rows = self._ask(f"{self._shared} order by {self._order} limit {SHOWN_KEYS}")
        keys = [self._plain(key) for *key, alike in rows for _ in range(alike)]
        return tuple(keys[:SHOWN_KEYS])

    @property
    def _shared(self) -> str:
        return (
            f"select {self._names}, count(*) as alike from {self._table} "  # noqa: S608 (quoted)
            f"group by {self._names} having count(*) > 1"
        )

    def _plain(self, values: Sequence[Any]) -> dict[str, Any]:
        return plain_key(dict(zip(self._key, values, strict=True)))

    def _ask(self, sql: str) -> Sequence[Sequence[Any]]:
        return ask(self._engine, sql)


def ask(engine: Engine, sql: str) -> Sequence[Sequence[Any]]:
    """The rows of a query, which is written for DuckDB."""
    return engine.run(translated(sql, engine.dialect))


def table_in(schema: str, table: str) -> str:
    return f"{identifier(schema)}.{identifier(table)}"


def counted(condition: str) -> str:
    return f"count(*) filter (where {condition})"


def _breaks(contract: Contract) -> Iterator[tuple[str, str]]:
    """The checks on single rows, each with the condition that a row breaks it; null where it does not."""
    for column in contract.columns:
        yield from _column_breaks(column)
    for rule in contract.rules:
        yield f"rule.{rule.name}", f"not ({portable(rule, contract)})"


def _column_breaks(column: Column) -> Iterator[tuple[str, str]]:
    value = identifier(column.name)
    is_finite = f"abs({value}) <= {_GREATEST}"
    if column.required:
        yield f"{column.name}.required", f"{value} is null"
    if column.kind == "double":
        yield f"{column.name}.finite", f"not ({is_finite})"
    # NaN and infinity are the business of `finite` alone, so that one defect is one failure
    of_finite = f" and {is_finite}" if column.kind == "double" else ""
    if column.minimum is not None:
        yield f"{column.name}.minimum", f"{value} < {_literal(column.minimum, column)}{of_finite}"
    if column.maximum is not None:
        yield f"{column.name}.maximum", f"{value} > {_literal(column.maximum, column)}{of_finite}"
    if column.allowed is not None:
        allowed = ", ".join(_literal(known, column) for known in column.allowed)
        yield f"{column.name}.allowed", f"{value} not in ({allowed})"


def _literal(value: Scalar, column: Column) -> str:
    """A bound or an allowed value, in the type of its column."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, date):  # a datetime is one
        return f"{column.kind} '{value}'"
    if column.kind == "double":
        # without an exponent it would be a decimal, which may become another double
        return f"cast('{float(value)!r}' as double)"
    return f"{Decimal(str(value)):f}"
