"""Running the contracts over the tables of a database, and saying what failed in one sentence each.

Belongs here: verdicts, and the reading of tables for them. Does not belong here: what a contract demands
(`contracts.py`), how it is computed (`schema.py`), and what follows from a failure (`publish/`).

Keys of failing rows are shown, other values never: they may be personal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestration.checks import keys
from orchestration.checks.contracts import Check, Column, Contract, Severity
from orchestration.tables import column_types, has_table, quoted

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from orchestration.checks.content import Content

SHOWN_KEYS = 20
BATCH_ROWS = 1_000_000
"""What a wide table costs at once: about a gigabyte."""
_TEXTS_UNCOPIED = "set arrow_output_version = '1.4'; set produce_arrow_string_view = true"
"""Polars keeps texts as DuckDB can hand them over since then: reading 6 million rows of ten texts took 1.7
CPU-s and 620 MB instead of 2.6 and 890."""
WORTHWHILE_SHARE = 0.25
"""To copy more changed rows than this costs more than to look at the whole table."""
_CHANGED = "temp.zeven_changed"


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


def audit_table(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    *,
    schema: str,
    changed: str | None = None,
    batch_rows: int = BATCH_ROWS,
) -> list[Verdict]:
    """The verdicts of one table; a missing table fails its check `columns`.

    Where `changed` is a relation of all rows that were written since the table passed, and these are few,
    only the rows with a key of these are looked at: the others passed, and share no key with each other. A
    relation that tells of rows that the table lacks is not believed.

    More than `batch_rows` rows are read in batches, so that memory holds one of them at a time. That no two
    rows share their key is then seen from hashes of the keys; where two hashes are equal, the database is
    asked for the rows behind them, and these are looked at once more.
    """
    import polars as pl

    types = column_types(con, schema, contract.table)
    if not types:
        message = f"{contract.table}: the table is missing."
        return [Verdict(contract.table, "columns", None, "error", False, 0, 0, (), message)]

    table = f"{quoted(schema)}.{quoted(contract.table)}"
    total = _count(con, table)
    # where the database says that the shape is right, it is looked at with the rows
    wanted = {column.name: column.data_type for column in contract.columns}
    is_right = list(wanted.items()) == [(name, found.lower()) for name, found in types.items()]
    if not is_right:
        empty = pl.DataFrame(con.sql(f"select * from {table} where false"))  # noqa: S608 (quoted)
        if findings := _shape_findings(empty, contract, types):
            return _verdicts(contract, findings, total, types)
    with _changed_part(con, contract, table, total, changed) as (part, looked_at):
        if part:
            of_rows = dataclasses.replace(contract, minimum_rows=0)
            findings = _findings(con, of_rows, part, looked_at, batch_rows)
        elif total <= batch_rows or has_table(con, schema, contract.table):
            findings = _findings(con, contract, table, total, batch_rows)
        else:  # a view has no numbers of rows to read it by
            findings = _findings(con, contract, table, total, total)
    if total < contract.minimum_rows:
        findings["minimum_rows"] = _Finding()
    return _verdicts(contract, findings, total, types, looked_at)


@contextmanager
def _changed_part(
    con: duckdb.DuckDBPyConnection, contract: Contract, table: str, total: int, changed: str | None
) -> Iterator[tuple[str | None, int]]:
    """A copy of the rows of a table that have the key of a changed row, and how many they are.

    No copy, and the rows of the table, where it is to be looked at as a whole. What is looked at comes from
    the table, as that gets published, and an old row that shares its key with a changed one comes along: 0.8
    CPU-s for 300,000 of 10 million rows.
    """
    written = _count(con, changed) if changed else total
    if not changed or written > WORTHWHILE_SHARE * total:
        yield None, total
        return
    same = keys.are_same(contract.key, "stored", "written")
    con.execute(
        f"create or replace temp table {_CHANGED} as "  # noqa: S608 (quoted)
        f"select stored.* from {table} as stored semi join {changed} as written on {same}"
    )
    try:
        found = _count(con, _CHANGED)
        yield (_CHANGED, found) if found >= written else (None, total)
    finally:
        con.execute(f"drop table {_CHANGED}")


def _count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    [(rows,)] = con.execute(f"select count(*) from {relation}").fetchall()  # noqa: S608 (quoted)
    return int(rows)


def _findings(
    con: duckdb.DuckDBPyConnection, contract: Contract, relation: str, rows: int, batch_rows: int
) -> dict[str, _Finding]:
    """The failed checks on the rows of a relation of the right shape, so many at once."""
    import polars as pl

    def read(columns: str = "*", where: str = "true") -> pl.DataFrame:
        return pl.DataFrame(con.sql(f"select {columns} from {relation} where {where}"))  # noqa: S608 (quoted)

    con.execute(_TEXTS_UNCOPIED)
    if rows <= batch_rows:
        return _row_findings(read(), contract)
    findings: dict[str, _Finding] = {}
    for start in range(0, int(read("max(rowid)").item()) + 1, batch_rows):
        batch = read(where=f"rowid >= {start} and rowid < {start + batch_rows}")
        _add(findings, _row_findings(batch, contract, whole_table=False))
    if not keys.all_differ(con, relation, contract.key, rows):
        shared = pl.DataFrame(con.sql(keys.shared(relation, contract.key)))
        _add(findings, _row_findings(shared, _of_key_alone(contract)))
    return findings


def audit_once(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    content: Content,
    *,
    schema: str,
    changed: str | None = None,
) -> list[Verdict]:
    """As `audit_table`; a table whose content passed before in this process is not looked at again."""

    def look() -> list[Verdict]:
        return audit_table(con, contract, schema=schema, changed=changed)

    return list(content.once(contract, [contract.table], look))


def audit_frame(frame: pl.DataFrame, contract: Contract) -> list[Verdict]:
    """The verdicts on a frame, as on a table of that content."""
    types = {name: str(data_type) for name, data_type in frame.schema.items()}
    findings = _shape_findings(frame.clear(), contract) or _row_findings(frame, contract)
    return _verdicts(contract, findings, len(frame), types)


@dataclass(frozen=True)
class _Finding:
    """A failed check: in how many rows (0 for the table as a whole), and the keys of the first of them."""

    rows: int = 0
    keys: tuple[Mapping[str, Any], ...] = ()


def _add(findings: dict[str, _Finding], more: Mapping[str, _Finding]) -> None:
    for name, finding in more.items():
        known = findings.get(name, _Finding())
        findings[name] = _Finding(known.rows + finding.rows, (known.keys + finding.keys)[:SHOWN_KEYS])


def _of_key_alone(contract: Contract) -> Contract:
    """The contract of the columns of the key, with no demand but that no two rows share it."""
    columns = {column.name: column for column in contract.columns}
    plain = tuple(Column(name, columns[name].data_type, "-") for name in contract.key)
    return dataclasses.replace(contract, columns=plain, rules=(), minimum_rows=0)


def _shape_findings(
    empty: pl.DataFrame, contract: Contract, types: Mapping[str, str] | None = None
) -> dict[str, _Finding]:
    """The failed checks on columns and types. `types` are the database's: JSON arrives in a frame as text."""
    found = {name: _Finding() for name in _failures(empty, contract, rows=False)}
    for column in contract.columns if types else ():
        if types and types.get(column.name, column.data_type).lower() != column.data_type:
            found[f"{column.name}.type"] = _Finding()
    return found


def _row_findings(
    frame: pl.DataFrame, contract: Contract, *, whole_table: bool = True
) -> dict[str, _Finding]:
    """The failed checks on a frame of the right shape."""
    findings = {}
    for name, holds in _failures(frame, contract, rows=True, whole_table=whole_table).items():
        rows = [] if holds is None else (~holds).arg_true().to_list()
        first = frame.select(contract.key)[rows[:SHOWN_KEYS]] if rows else frame.clear()
        findings[name] = _Finding(len(rows), tuple(plain_key(key) for key in first.iter_rows(named=True)))
    return findings


def _failures(
    frame: pl.DataFrame, contract: Contract, *, rows: bool, whole_table: bool = False
) -> dict[str, pl.Series | None]:
    """The failed checks by name; those on rows with a Boolean per row, false where the row fails.

    `rows` asks for the checks on rows too, and `whole_table` for those that need all of them.
    """
    from pandera.config import ValidationDepth, config_context
    from pandera.errors import SchemaErrors

    from orchestration.checks.schema import schema

    failures: dict[str, pl.Series | None] = {}
    depth = ValidationDepth.SCHEMA_AND_DATA if rows else ValidationDepth.SCHEMA_ONLY
    # said here so that no PANDERA_* variable of the environment can switch the gate off
    with config_context(validation_enabled=True, validation_depth=depth):
        try:
            schema(contract, whole_table=whole_table).validate(frame, lazy=True)
        except SchemaErrors as errors:
            for error in errors.schema_errors:
                failures.update([_failure(error)])
    if unknown := failures.keys() - {check.name for check in contract.checks()}:
        raise RuntimeError(f"{contract.table}: Pandera failed something that has no name here: {unknown}")
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
    # a check that could not be computed is no check that passed: it is here too, without its rows
    name = str(getattr(error.check, "name", error.check))
    computed = error.reason_code is SchemaErrorReason.DATAFRAME_CHECK and name != "minimum_rows"
    return name, error.check_output.to_series() if computed else None


def _verdicts(
    contract: Contract,
    findings: Mapping[str, _Finding],
    total: int,
    types: Mapping[str, str],
    looked_at: int | None = None,
) -> list[Verdict]:
    """One of each check. `looked_at` is how many of the `total` rows were read, all of them unless given."""
    shape_is_right = not any(_is_shape(name) for name in findings)
    of_all = f"{total:,} rows"
    of_read = of_all if looked_at in (None, total) else f"{looked_at:,} changed of {of_all}"
    return [
        _verdict(
            contract,
            check,
            findings.get(check.name),
            total,
            types,
            of_read if _is_of_rows(check.name) else of_all,
        )
        for check in contract.checks()
        if _is_shape(check.name) or shape_is_right
    ]


def _is_shape(name: str) -> bool:
    return name == "columns" or name.endswith(".type")


def _is_of_rows(name: str) -> bool:
    return not _is_shape(name) and name != "minimum_rows"


def _verdict(
    contract: Contract,
    check: Check,
    finding: _Finding | None,
    total: int,
    types: Mapping[str, str],
    read: str,
) -> Verdict:
    subject = contract.table if check.column is None else f"{contract.table}.{check.column}"
    rule = f"rule '{check.phrase}'"
    if finding is None:
        outcome = f"{rule} holds in {read}"
    elif check.name == "columns":
        outcome = _difference(contract, types)
    elif _is_shape(check.name):
        outcome = f"is {types.get(str(check.column), 'missing')}; expected {check.phrase}"
    elif check.name == "minimum_rows":
        outcome = f"{rule} fails: the table has {total:,}"
    elif finding.rows:
        first = ", ".join(f"{k}={'null' if value is None else value}" for k, value in finding.keys[0].items())
        outcome = f"{rule} fails in {finding.rows:,} of {read}, first at {first}"
    else:
        outcome = f"{rule} could not be computed; mend the rule"
    return Verdict(
        table=contract.table,
        rule=check.name,
        column=check.column,
        severity=check.severity,
        passed=finding is None,
        failing_rows=finding.rows if finding else 0,
        total_rows=total,
        keys=finding.keys if finding else (),
        message=f"{subject}: {outcome}.",
    )


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


def plain_key(key: Mapping[str, Any]) -> dict[str, Any]:
    """A key as JSON values."""
    return {
        name: value if value is None or isinstance(value, str | int | float | bool) else str(value)
        for name, value in key.items()
    }
