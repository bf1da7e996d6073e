"""Running the contracts over the tables of a database.

Belongs here: the reading of tables for verdicts, of few rows or of many. Does not belong here: what a
contract demands (`contracts.py`), how it is computed (`schema.py`), how a verdict is told (`verdicts.py`),
and what follows from a failure (`publish/`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from orchestration.checks import keys
from orchestration.checks.contracts import Column, Contract
from orchestration.checks.verdicts import (
    SHOWN_KEYS,
    Finding,
    Verdict,
    plain_key,
    shape_findings,
    table_is_missing,
    verdicts_on,
)
from orchestration.sql_text import identifier
from orchestration.tables import column_types, has_table

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from orchestration.checks.content import Content

BATCH_ROWS = 1_000_000
"""What a wide table costs at once: about a gigabyte."""
_TEXTS_UNCOPIED = "set arrow_output_version = '1.4'; set produce_arrow_string_view = true"
"""Polars keeps texts as DuckDB can hand them over since then: reading 6 million rows of ten texts took 1.7
CPU-s and 620 MB instead of 2.6 and 890."""
WORTHWHILE_SHARE = 0.25
"""To copy more changed rows than this costs more than to look at the whole table."""
_CHANGED = "temp.zeven_changed"


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
    types = column_types(con, schema, contract.table)
    if not types:
        return table_is_missing(contract)

    table = f"{identifier(schema)}.{identifier(contract.table)}"
    total = _count(con, table)
    if findings := shape_findings(contract, types):
        return verdicts_on(contract, findings, total, types)
    with _changed_part(con, contract, table, total, changed) as (part, looked_at):
        if part:
            of_rows = dataclasses.replace(contract, minimum_rows=0)
            findings = _findings(con, of_rows, part, looked_at, batch_rows)
        elif total <= batch_rows or has_table(con, schema, contract.table):
            findings = _findings(con, contract, table, total, batch_rows)
        else:  # a view has no numbers of rows to read it by
            findings = _findings(con, contract, table, total, total)
    if total < contract.minimum_rows:
        findings["minimum_rows"] = Finding()
    return verdicts_on(contract, findings, total, types, looked_at)


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
) -> dict[str, Finding]:
    """The failed checks on the rows of a relation of the right shape, so many at once."""
    import polars as pl

    def read(columns: str = "*", where: str = "true") -> pl.DataFrame:
        return pl.DataFrame(con.sql(f"select {columns} from {relation} where {where}"))  # noqa: S608 (quoted)

    con.execute(_TEXTS_UNCOPIED)
    if rows <= batch_rows:
        return _row_findings(read(), contract)
    findings: dict[str, Finding] = {}
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
    where_it_stands: Callable[[Contract], list[Verdict]] | None = None,
) -> list[Verdict]:
    """As `audit_table`; a table whose content passed before in this process is not looked at again.

    `where_it_stands` gives the verdicts of a table whose rows are in another engine.
    """

    def look() -> list[Verdict]:
        if where_it_stands:
            return where_it_stands(contract)
        return audit_table(con, contract, schema=schema, changed=changed)

    return list(content.once(contract, [contract.table], look))


def audit_frame(frame: pl.DataFrame, contract: Contract) -> list[Verdict]:
    """The verdicts on a frame, as on a table of that content."""
    types = {name: str(data_type) for name, data_type in frame.schema.items()}
    shape = {name: Finding() for name in _failures(frame.clear(), contract, rows=False)}
    findings = shape or _row_findings(frame, contract)
    return verdicts_on(contract, findings, len(frame), types)


def _add(findings: dict[str, Finding], more: Mapping[str, Finding]) -> None:
    for name, finding in more.items():
        known = findings.get(name, Finding())
        findings[name] = Finding(known.rows + finding.rows, (known.keys + finding.keys)[:SHOWN_KEYS])


def _of_key_alone(contract: Contract) -> Contract:
    """The contract of the columns of the key, with no demand but that no two rows share it."""
    columns = {column.name: column for column in contract.columns}
    plain = tuple(Column(name, columns[name].data_type, "-") for name in contract.key)
    return dataclasses.replace(contract, columns=plain, rules=(), minimum_rows=0)


def _row_findings(frame: pl.DataFrame, contract: Contract, *, whole_table: bool = True) -> dict[str, Finding]:
    """The failed checks on a frame of the right shape."""
    findings = {}
    for name, holds in _failures(frame, contract, rows=True, whole_table=whole_table).items():
        rows = [] if holds is None else (~holds).arg_true().to_list()
        first = frame.select(contract.key)[rows[:SHOWN_KEYS]] if rows else frame.clear()
        findings[name] = Finding(len(rows), tuple(plain_key(key) for key in first.iter_rows(named=True)))
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
