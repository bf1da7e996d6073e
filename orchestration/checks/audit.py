"""Running the contracts over the tables of a database, and saying what failed in one sentence each.

Belongs here: verdicts, and the reading of tables for them. Does not belong here: what a contract demands
(`contracts.py`), how it is computed (`schema.py`), and what follows from a failure (`publish/`).

Keys of failing rows are shown, other values never: they may be personal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestration.checks.contracts import Check, Contract, Severity

if TYPE_CHECKING:
    import duckdb
    import polars as pl

SHOWN_KEYS = 20


@dataclass(frozen=True)
class Verdict:
    """What came of one check on one table.

    `keys` holds the keys of the first failing rows (at most 20), as plain JSON values; `message` is what a
    person reads. `failing_rows` is 0 where a check looks at the table as a whole.
    """

    table: str
    rule: str
    column: str | None
    severity: Severity
    passed: bool
    failing_rows: int
    total_rows: int
    keys: tuple[Mapping[str, Any], ...]
    message: str

    @property
    def blocks(self) -> bool:
        """Whether nothing may be published because of it."""
        return not self.passed and self.severity == "error"

    def to_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "keys": [dict(key) for key in self.keys]}


def audit(con: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract], *, schema: str) -> list[Verdict]:
    """One verdict per table and check, in the order of the contracts and of `Contract.checks()`.

    `schema` is looked up in the current database of `con`. A table with other columns or types than its
    contract gets verdicts on its shape only: the other checks are written for the right shape.
    """
    verdicts: list[Verdict] = []
    for contract in contracts.values():
        verdicts.extend(audit_table(con, contract, schema=schema))
    return verdicts


def audit_table(con: duckdb.DuckDBPyConnection, contract: Contract, *, schema: str) -> list[Verdict]:
    """The verdicts of one table; a missing table fails its check `columns`."""
    types = dict(
        con.execute(
            "select column_name, data_type from duckdb_columns() "
            "where database_name = current_database() and schema_name = ? and table_name = ? "
            "order by column_index",
            [schema, contract.table],
        ).fetchall()
    )
    if not types:
        message = f"{contract.table}: the table is missing."
        return [Verdict(contract.table, "columns", None, "error", False, 0, 0, (), message)]
    import polars as pl

    relation = con.table(f"{quoted(schema)}.{quoted(contract.table)}")
    return audit_frame(pl.DataFrame(relation), contract, types=types)


def audit_frame(
    frame: pl.DataFrame, contract: Contract, *, types: Mapping[str, str] | None = None
) -> list[Verdict]:
    """The verdicts on a frame; `types` are its columns' types as the database names them, checked too.

    A frame alone cannot tell everything: JSON and UUID arrive as text.
    """
    failures = _failures(frame, contract)
    if types is None:
        types = {name: str(data_type) for name, data_type in frame.schema.items()}
    else:
        for column in contract.columns:
            if types.get(column.name, column.data_type).lower() != column.data_type:
                failures[f"{column.name}.type"] = None
    shape_is_right = not any(_is_shape(name) for name in failures)
    return [
        _verdict(frame, contract, check, failures, types)
        for check in contract.checks()
        if _is_shape(check.name) or shape_is_right
    ]


def quoted(identifier: str) -> str:
    """A name as an SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def _is_shape(name: str) -> bool:
    return name == "columns" or name.endswith(".type")


def _failures(frame: pl.DataFrame, contract: Contract) -> dict[str, pl.Series | None]:
    """The failed checks by name, each with a Boolean per row that is false where the row fails."""
    from pandera.config import ValidationDepth, config_context
    from pandera.errors import SchemaErrors

    from orchestration.checks.schema import schema

    failures: dict[str, pl.Series | None] = {}
    # said here so that no PANDERA_* variable of the environment can switch the gate off
    with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
        try:
            schema(contract).validate(frame, lazy=True)
        except SchemaErrors as errors:
            for error in errors.schema_errors:
                failures.update([_failure(error)])
    return failures


def _failure(error: Any) -> tuple[str, pl.Series | None]:
    from pandera.errors import SchemaErrorReason

    shape = (
        SchemaErrorReason.COLUMN_NOT_IN_SCHEMA,
        SchemaErrorReason.COLUMN_NOT_IN_DATAFRAME,
        SchemaErrorReason.COLUMN_NOT_ORDERED,
    )
    if error.reason_code in shape:
        return "columns", None
    if error.reason_code is SchemaErrorReason.WRONG_DATATYPE:
        return f"{error.schema.name}.type", None
    if error.reason_code is SchemaErrorReason.DATAFRAME_CHECK:
        return error.check.name, None if error.check_output is None else error.check_output.to_series()
    # a check that could not be computed is no check that passed
    return str(getattr(error.check, "name", error.check)), None


def _verdict(
    frame: pl.DataFrame,
    contract: Contract,
    check: Check,
    failures: Mapping[str, pl.Series | None],
    types: Mapping[str, str],
) -> Verdict:
    passed = check.name not in failures
    holds = failures.get(check.name)
    rows: list[int] = []
    if holds is not None and check.name != "minimum_rows":
        rows = (~holds).arg_true().to_list()
    shown = frame[rows[:SHOWN_KEYS]] if rows else frame.clear()
    keys = tuple(_plain(key) for key in shown.select(*_present(contract.key, frame)).iter_rows(named=True))
    subject = contract.table if check.column is None else f"{contract.table}.{check.column}"
    if passed:
        outcome = f"rule '{check.phrase}' holds in {len(frame):,} rows"
    elif check.name == "columns":
        outcome = _difference(contract, types)
    elif _is_shape(check.name):
        outcome = f"is {types.get(str(check.column), 'missing')}; expected {check.phrase}"
    elif check.name == "minimum_rows":
        outcome = f"rule '{check.phrase}' fails: the table has {len(frame):,}"
    elif rows:
        first = ", ".join(f"{name}={'null' if value is None else value}" for name, value in keys[0].items())
        outcome = f"rule '{check.phrase}' fails in {len(rows):,} of {len(frame):,} rows, first at {first}"
    else:
        outcome = f"rule '{check.phrase}' could not be computed; mend the rule"
    return Verdict(
        contract.table,
        check.name,
        check.column,
        check.severity,
        passed,
        len(rows),
        len(frame),
        keys,
        f"{subject}: {outcome}.",
    )


def _present(key: tuple[str, ...], frame: pl.DataFrame) -> list[str]:
    return [name for name in key if name in frame.columns]


def _difference(contract: Contract, types: Mapping[str, str]) -> str:
    """What is wrong with the columns of a table, in a clause."""
    wanted = [column.name for column in contract.columns]
    missing = [name for name in wanted if name not in types]
    added = [name for name in types if name not in wanted]
    parts = []
    if missing:
        parts.append(f"lacks {_named(missing)}")
    if added:
        parts.append(f"has {_named(added)} that the contract does not know")
    if not parts:
        at = next(i for i, (is_, should) in enumerate(zip(types, wanted, strict=True)) if is_ != should)
        parts.append(f"has '{list(types)[at]}' where the column '{wanted[at]}' belongs")
    return " and ".join(parts)


def _named(columns: Iterable[str]) -> str:
    names = [f"'{name}'" for name in columns]
    return f"the column{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _plain(key: Mapping[str, Any]) -> dict[str, Any]:
    """A key as JSON values."""
    return {
        name: value if value is None or isinstance(value, str | int | float | bool) else str(value)
        for name, value in key.items()
    }
