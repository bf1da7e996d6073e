"""A contract as a Pandera schema over polars: the one place where a demand becomes a computation.

Belongs here: translating the checks of `contracts.py`, name by name. Does not belong here: reading tables, or
what happens to a failure (`audit.py`).

Polars is the backend because it is the one that proved correct; Pandera's own `unique` and `nullable` are not
used, because named checks say which demand failed, treat null and NaN apart, and show which rows.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from orchestration.checks.contracts import Column, Contract, Rule
from orchestration.errors import SettingsError

if TYPE_CHECKING:
    import pandera.polars as pa
    import polars as pl

SHOWN_BY_PANDERA = 1
"""Pandera copies failing values as text; we take the keys of failing rows ourselves, and no values."""


def polars_types(contract: Contract) -> dict[str, Any]:
    """The exact polars type of every column, in order."""
    import polars as pl

    plain: dict[str, Any] = {
        "varchar": pl.String(),
        "bigint": pl.Int64(),
        "integer": pl.Int32(),
        "double": pl.Float64(),
        "boolean": pl.Boolean(),
        "date": pl.Date(),
        "timestamp": pl.Datetime("us"),
    }
    return {
        column.name: plain.get(column.kind) or pl.Decimal(*column.precision_and_scale)
        for column in contract.columns
    }


@cache  # a table is looked at where it was built, and again in the release
def schema(contract: Contract, *, whole_table: bool = True) -> pa.DataFrameSchema:
    """The Pandera schema whose checks carry the names of `contract.checks()`.

    Strict columns in order and exact types are the schema's own; the rest is named checks on columns. For a
    part of a table, without `whole_table`, the checks that need all of it (`key`, `minimum_rows`) are left
    out. Raises `SettingsError` for a rule that is no condition over the columns of its table.
    """
    import pandera.polars as pa

    checks: dict[str, list[pa.Check]] = {column.name: [] for column in contract.columns}
    for column in contract.columns:
        for name, condition in _column_conditions(column):
            checks[column.name].append(_check(name, condition))
    if whole_table:
        checks[contract.key[0]].append(_check("key", _unique(contract.key)))
    for rule in contract.rules:
        condition, reads = _rule_condition(rule, contract)
        checks[reads[0]].append(_check(f"rule.{rule.name}", condition))
    if contract.minimum_rows and whole_table:
        checks[contract.key[0]].append(_at_least(contract.minimum_rows))
    columns = {
        name: pa.Column(data_type, checks=checks[name], nullable=True)
        for name, data_type in polars_types(contract).items()
    }
    return pa.DataFrameSchema(columns, name=contract.table, strict=True, ordered=True)


def _check(name: str, condition: pl.Expr) -> pa.Check:
    """A check that may look at the whole row; a null result counts as fulfilled."""
    import pandera.polars as pa

    def holds(data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(condition.alias("_holds"))

    return pa.Check(holds, name=name, n_failure_cases=SHOWN_BY_PANDERA)


def _at_least(rows: int) -> pa.Check:
    """One value for the table, as a frame: Pandera cannot report a plain False beside failures of rows."""
    import pandera.polars as pa
    import polars as pl

    def holds(data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.len() >= rows)

    return pa.Check(holds, name="minimum_rows", n_failure_cases=SHOWN_BY_PANDERA)


def _column_conditions(column: Column) -> Iterator[tuple[str, pl.Expr]]:
    import polars as pl

    value = pl.col(column.name)
    if column.required:
        yield f"{column.name}.required", value.is_not_null()
    if column.kind == "double":
        yield f"{column.name}.finite", value.is_finite()
    bounds: tuple[tuple[str, Any, Callable[[Any, Any], Any]], ...] = (
        ("minimum", column.minimum, operator.ge),
        ("maximum", column.maximum, operator.le),
    )
    for side, bound, within in bounds:
        if bound is None:
            continue
        limit = pl.lit(Decimal(str(bound))) if column.kind == "decimal" else pl.lit(bound)
        condition = within(value, limit)
        if column.kind == "double":
            # NaN and infinity are the business of `finite` alone, so that one defect is one failure
            condition |= ~value.is_finite()
        yield f"{column.name}.{side}", condition
    if column.allowed is not None:
        yield f"{column.name}.allowed", value.is_in(list(column.allowed))


def _unique(key: tuple[str, ...]) -> pl.Expr:
    """Nulls are equal: two company rows, whose rep is null, are the same row."""
    import polars as pl

    row = pl.col(key[0]) if len(key) == 1 else pl.struct(key)
    return ~row.is_duplicated()


def _rule_condition(rule: Rule, contract: Contract) -> tuple[pl.Expr, list[str]]:
    """The condition, and the columns it reads (at least one)."""
    import polars as pl

    where = f"{contract.file or contract.table}: model '{contract.table}': rule '{rule.name}'"
    try:
        condition = pl.sql_expr(rule.expression)
        found = pl.LazyFrame(schema=polars_types(contract)).select(condition).collect_schema()
    except (pl.exceptions.PolarsError, NotImplementedError) as error:
        reason = str(error).split("\n", 1)[0]
        raise SettingsError(f"{where}: '{rule.expression}' is not understood ({reason}).") from None
    if found.dtypes() != [pl.Boolean()]:
        raise SettingsError(f"{where}: '{rule.expression}' is no condition; it gives {found.dtypes()[0]}.")
    columns = condition.meta.root_names()
    if not columns:
        raise SettingsError(f"{where}: '{rule.expression}' reads no column.")
    two_rows = pl.DataFrame({name: [None, None] for name in columns}, schema_overrides=polars_types(contract))
    if two_rows.select(condition).height != 2 or ".over(" in str(condition):
        raise SettingsError(
            f"{where}: '{rule.expression}' is about more than one row; write a dbt test of it."
        )
    return condition, columns
