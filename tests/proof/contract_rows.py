"""Rows made from a contract: a valid one, for every check one that breaks it, and any at all.

Belongs here: what the gate tests need to try every check of every contract, with DuckDB as the second opinion
on which conditions a row fulfils. Does not belong here: the tests (`test_contracts_gate.py`).

The search is small and exhaustive: a handful of values per column, over the columns that a rule reads. Where
it finds nothing, `config.meta.example` and a rule's `violated_by` give the values.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import duckdb
import polars as pl

from orchestration.checks.contracts import Check, Column, Contract
from orchestration.checks.schema import polars_types
from orchestration.sql_text import identifier

Row = dict[str, Any]
LIMIT = 300_000
DAYS = [date(2026, 1, 1), date(2026, 3, 31), date(2026, 12, 31)]


@dataclass(frozen=True)
class Broken:
    """A row that breaks `check`, and every check that DuckDB says it breaks."""

    check: str
    row: Row
    breaks: frozenset[str]


class NoRowError(AssertionError):
    """The search found nothing: the contract has to give an example."""


def drawn(contract: Contract, random: Random, rows: int) -> pl.DataFrame:
    """A table of rows by chance, in the order in which it would be published; many break something."""
    made = Rows(contract)
    choices = {column.name: [*made.choices(column), *_odd_values(column)] for column in contract.columns}
    table = [{name: random.choice(values) for name, values in choices.items()} for _ in range(rows)]
    return frame_of(contract, table).sort(contract.order, nulls_last=True)


def frame_of(contract: Contract, rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=polars_types(contract), orient="row")


class Rows:
    """Makes rows for one contract."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.columns = {column.name: column for column in contract.columns}
        self.conditions = _conditions(contract)
        self.reads = {rule.name: pl.sql_expr(rule.expression).meta.root_names() for rule in contract.rules}
        self.words = re.findall(r"'([^']*)'", " ".join(rule.expression for rule in contract.rules))
        self.con = duckdb.connect()

    def valid(self) -> Row:
        """A row that breaks nothing: null where allowed, else the plainest value that the rules leave."""
        row = {name: self.choices(column)[0] for name, column in self.columns.items()} | dict(
            self.contract.example
        )
        broken = self.breaks(row)
        if not broken:
            return row
        rules = [name.removeprefix("rule.") for name in broken if name.startswith("rule.")]
        found = self.search(row, {column for rule in rules for column in self.reads[rule]})
        if found is None:
            raise NoRowError(
                f"{self.contract.table}: no valid row found; give config.meta.example. Broken: {broken}"
            )
        return found

    def breaking(self, check: Check, valid: Row) -> Broken:
        """A row that breaks `check`, and nothing else where that is possible."""
        if check.name.startswith("rule."):
            name = check.name.removeprefix("rule.")
            rule = next(rule for rule in self.contract.rules if rule.name == name)
            row = valid | dict(rule.violated_by)
            if not rule.violated_by:
                near = set(self.reads[name])
                wide = near.union(*(reads for reads in self.reads.values() if near & set(reads)))
                found = self.search(valid, near, breaking=check.name)
                found = found or self.search(valid, wide, breaking=check.name)
                if found is None:
                    raise NoRowError(
                        f"{self.contract.table}: no row breaks only '{name}'; give it violated_by"
                    )
                row = found
            return Broken(check.name, row, self.breaks(row))
        assert check.column is not None
        column = self.columns[check.column]
        row = valid | {column.name: _bad_value(column, check.name.rpartition(".")[2])}
        beside = {other for reads in self.reads.values() if column.name in reads for other in reads}
        broken = self.breaks(row)
        # the columns that a rule reads together with it, and those that are read together with these
        further = {other for reads in self.reads.values() if beside & set(reads) for other in reads}
        for free in (beside, beside | further):
            if broken != {check.name} and (
                alone := self.search(row, free - {column.name}, breaking=check.name)
            ):
                row, broken = alone, self.breaks(alone)
        return Broken(check.name, row, broken)

    def breaks(self, row: Row) -> frozenset[str]:
        tests = ", ".join(f"({sql})" for sql in self.conditions.values())
        source, values = self.source(row, set())
        [found] = self.con.execute(f"select {tests} from {source}", values).fetchall()
        return frozenset(name for name, holds in zip(self.conditions, found, strict=True) if not holds)

    def search(self, row: Row, free: set[str], *, breaking: str | None = None) -> Row | None:
        """The first row that breaks exactly `breaking`, as the columns of `free` go through their choices."""
        if math.prod(len(self.choices(self.columns[name])) for name in free) > LIMIT:
            return None
        wanted = [f"not ({sql})" if name == breaking else f"({sql})" for name, sql in self.conditions.items()]
        source, values = self.source(row, free)
        names = ", ".join(identifier(name) for name in row)
        where = " and ".join(wanted) or "true"
        found = self.con.execute(f"select {names} from {source} where {where} limit 1", values).fetchall()
        return dict(zip(row, found[0], strict=True)) if found else None

    def source(self, row: Row, free: set[str]) -> tuple[str, list[Any]]:
        """The row as a table, times every choice of the columns in `free`; and the values it binds."""
        fixed = [name for name in row if name not in free]
        parts = [
            ", ".join(f"?::{self.columns[name].data_type} as {identifier(name)}" for name in fixed) or "1"
        ]
        parts += [
            f"unnest(?::{self.columns[name].data_type}[]) as {identifier(name)}" for name in sorted(free)
        ]
        values = [row[name] for name in fixed] + [self.choices(self.columns[name]) for name in sorted(free)]
        return ", ".join(f"(select {part})" for part in parts), values

    def choices(self, column: Column) -> list[Any]:
        """Values that fulfil the column's own demands, the plainest first."""
        values: list[Any]
        if column.allowed is not None:
            values = list(column.allowed)
        elif column.kind == "varchar":
            values = ["x", "y", *dict.fromkeys(self.words)]
        elif column.kind == "boolean":
            values = [False, True]
        elif column.kind == "date":
            values = [*_bounds(column), *DAYS]
        elif column.kind == "timestamp":
            values = [*_bounds(column), *(datetime.combine(day, time()) for day in DAYS)]
        else:
            numbers = [*_bounds(column), 0, 1, 2, 10] + (
                [0.5] if column.kind in ("double", "decimal") else []
            )
            values = [Decimal(str(n)) if column.kind == "decimal" else n for n in numbers]
        low, high = column.minimum, column.maximum
        fitting = [v for v in values if (low is None or v >= low) and (high is None or v <= high)]  # type: ignore[operator]
        return ([] if column.required else [None]) + list(dict.fromkeys(fitting))


def _odd_values(column: Column) -> list[Any]:
    """Values that a column may meet, whatever its contract says of it; more of those that break nothing."""
    demands = [check.name.rpartition(".")[2] for check in column.checks()]
    broken = [_bad_value(column, demand) for demand in demands if demand not in ("type", "required")]
    odd: dict[str, list[Any]] = {
        "varchar": ["", "it's", "back\\slash", "${value}", "\u00e9"],
        "double": [-0.0, math.inf, -math.inf, 5e-324, 1 / 3, 1e300],
        "decimal": [Decimal("-0.01"), Decimal("0.1")],
        "bigint": [2**53 + 1],
        "timestamp": [datetime(2026, 3, 29, 2, 30, 0, 123_000)],
    }
    return [None, *broken, *odd.get(column.kind, [])]


def _bounds(column: Column) -> list[Any]:
    return [bound for bound in (column.minimum, column.maximum) if bound is not None]


def _bad_value(column: Column, demand: str) -> Any:
    """A value that breaks one demand of a column."""
    step: Any = 1
    if column.kind in ("date", "timestamp"):
        step = timedelta(days=1)
    number = Decimal if column.kind == "decimal" else (lambda value: value)
    if demand == "required":
        return None
    if demand == "finite":
        return math.nan
    if demand == "minimum":
        return number(column.minimum) - step  # type: ignore[operator,arg-type]
    if demand == "maximum":
        return number(column.maximum) + step  # type: ignore[operator,arg-type]
    assert column.allowed is not None, demand
    return "no such value" if column.kind == "varchar" else max(column.allowed) + 1  # type: ignore[operator]


def _conditions(contract: Contract) -> dict[str, str]:
    """Every check about single rows as an SQL condition of DuckDB, written apart from the polars ones."""
    found = {}
    for column in contract.columns:
        name = identifier(column.name)
        finite = f"{name} is null or isfinite({name})" if column.kind == "double" else "true"
        if column.required:
            found[f"{column.name}.required"] = f"{name} is not null"
        if column.kind == "double":
            found[f"{column.name}.finite"] = finite
        for side, sign, bound in (("minimum", ">=", column.minimum), ("maximum", "<=", column.maximum)):
            if bound is not None:
                limit = f"'{bound}'::{column.kind}" if column.kind in ("date", "timestamp") else f"{bound}"
                found[f"{column.name}.{side}"] = f"{name} is null or not ({finite}) or {name} {sign} {limit}"
        if column.allowed is not None:
            values = ", ".join(repr(value) for value in column.allowed)
            found[f"{column.name}.allowed"] = f"{name} is null or {name} in ({values})"
    for rule in contract.rules:
        found[f"rule.{rule.name}"] = f"coalesce(({rule.expression}), true)"
    return found
