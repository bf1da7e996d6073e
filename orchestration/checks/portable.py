"""SQL that is written once, for DuckDB, and means the same where a table stands in another engine.

Belongs here: translating a statement, and what a rule of a contract may be made of. Does not belong here: the
statements (`on_engine.py`).

A translator knows how an engine spells a thing, and not that it means another by it: a division by zero is
infinite on DuckDB and null on Spark, where a rule that gives null counts as fulfilled. So a rule is held to
what was proved to mean the same; the gate tests break each rule of each contract on both engines.

sqlglot takes a fifth of a second to import, so it is imported where a table does stand elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.checks.contracts import Contract, Rule
from orchestration.errors import SettingsError

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

WRITTEN_FOR = "duckdb"
ALLOWED = (
    "And", "Or", "Not", "Paren", "EQ", "NEQ", "GT", "GTE", "LT", "LTE", "Is", "NullSafeEQ",
    "NullSafeNEQ", "In", "Between", "Like", "Add", "Sub", "Mul", "Neg", "Abs", "Coalesce", "Case", "If",
    "Column", "Identifier", "Literal", "Boolean", "Null",
)  # fmt: skip
"""Kinds of sqlglot's nodes. Each is tried on both engines with nulls, NaN, infinities and decimals."""
_ARITHMETIC = ("Add", "Sub", "Mul", "Neg", "Abs")
_NUMBERS = ("bigint", "integer", "double", "decimal")


def translated(sql: str, dialect: str) -> str:
    """A statement of DuckDB in the dialect of another engine, by sqlglot's name of it."""
    import sqlglot

    if dialect == WRITTEN_FOR:
        return sql
    [statement] = sqlglot.transpile(sql, read=WRITTEN_FOR, write=dialect)
    return statement


def portable(rule: Rule, contract: Contract) -> str:
    """The condition of a rule, in DuckDB's SQL.

    Raises `SettingsError` for one that might mean something else on another engine.
    """
    import sqlglot

    where = f"{contract.file or contract.table}: model '{contract.table}': rule '{rule.name}'"
    try:
        condition = sqlglot.parse_one(rule.expression, read=WRITTEN_FOR)
    except sqlglot.errors.SqlglotError:
        raise SettingsError(f"{where}: '{rule.expression}' is not understood.") from None
    if odd := _not_portable(condition, contract):
        raise SettingsError(
            f"{where}: {odd} in '{rule.expression}' does not mean the same on every engine; "
            "write it otherwise, or as a column of the model."
        )
    return condition.sql(dialect=WRITTEN_FOR, comments=False)


def _not_portable(condition: Expr, contract: Contract) -> str | None:
    """The first thing in a condition that is not proved to mean the same everywhere, in words."""
    from sqlglot import expressions as exp

    kinds = {column.name: column.kind for column in contract.columns}
    for node in condition.walk():
        kind = type(node).__name__
        if kind not in ALLOWED:
            return f"'{node.sql(dialect=WRITTEN_FOR)}'"
        if isinstance(node, exp.Identifier) and node.quoted:
            return f"the quoted name '{node.name}'"  # Spark takes what stands in double quotes for a text
        if isinstance(node, exp.Literal) and "\\" in node.name:
            return "a backslash"  # it escapes on Spark
        if isinstance(node, exp.Column) and node.name not in kinds:
            return f"'{node.name}', which is no column,"
        if kind in _ARITHMETIC:
            for column in node.find_all(exp.Column):
                if kinds.get(column.name) not in _NUMBERS:
                    return f"arithmetic on '{column.name}', which is no number,"
    return None
