"""Building the files of a release in a folder that nobody reads yet, and auditing exactly those files.

Belongs here: making a database and Parquet files of the marts, and checking what stands in them. Does not
belong here: whether to publish them and how (`release.py`).
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.checks.audit import audit_once
from orchestration.checks.content import Content
from orchestration.checks.contracts import Column, Contract
from orchestration.checks.personal import audit_personal, marked_personal
from orchestration.checks.reconciliation import Reconciliation, reconcile, without_broken_shapes
from orchestration.checks.verdicts import Verdict
from orchestration.errors import GateError, SettingsError
from orchestration.marts import STORAGE_VERSION, at_rest
from orchestration.progress import Event, report
from orchestration.publish import in_place
from orchestration.publish.gateway import link_for_gateway
from orchestration.publish.in_place import Elsewhere
from orchestration.publish.manifest import DATABASE
from orchestration.publish.store import Store, sha256
from orchestration.restatements.compare import RESTATEMENTS
from orchestration.restatements.publishing import Restating
from orchestration.settings import PROJECT_ROOT
from orchestration.sql_text import identifier, literal
from orchestration.tables import column_types

ALIAS = "zeven_candidate"

RELEASE_INFO = Contract(
    table="release_info",
    description="One row per model's table of this release: which release, and the table's rows and checks.",
    columns=(
        Column("release_id", "varchar", "The release; sorts by the time it was made.", required=True),
        Column("as_of", "timestamp", "The instant that the numbers describe, in UTC.", required=True),
        Column("created_at", "timestamp", "When the release was made, in UTC.", required=True),
        Column("code_version", "varchar", "Version of the pipeline that computed it.", required=True),
        Column("table_name", "varchar", "A table of this release.", required=True),
        Column("row_count", "bigint", "How many rows the table has.", required=True, minimum=0),
        Column(
            "check_count",
            "bigint",
            "How many contract checks the table went through.",
            required=True,
            minimum=1,
        ),
    ),
    key=("table_name",),
    minimum_rows=1,
)
"""Which release it is; like the other of `BROUGHT_ALONG` it is a published table that no model makes."""
BROUGHT_ALONG = {contract.table: contract for contract in (RELEASE_INFO, RESTATEMENTS)}


@dataclass(frozen=True)
class Candidate:
    """A built folder; `contracts` are those of all its tables, `hashes` those of their Parquet files.

    `parts` are hashes too, by table and file, of the tables whose rows stay in several files.
    """

    release_id: str
    folder: Path
    contracts: Mapping[str, Contract]
    hashes: Mapping[str, str]
    parts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.folder / DATABASE

    def parquet(self, table: str) -> Path:
        return _parquet(self.folder, table)


def build(
    con: duckdb.DuckDBPyConnection,
    contracts: Mapping[str, Contract],
    folder: Path,
    *,
    store: Store,
    as_of: datetime,
    created_at: datetime,
    code_version: str,
    restating: Restating,
    elsewhere: Elsewhere | None = None,
) -> Candidate:
    """Copy the file of the marts that are attached to `con` into `folder`, with Parquet of its tables beside.

    A table of `contracts` that the marts lack is left out; the audit says so. The release id is none that the
    store has. Of a table whose rows are `elsewhere`, the files become the release's. Raises `GateError` for
    a table that no contract describes.
    """
    if taken_name := {RELEASE_INFO.table, RESTATEMENTS.table} & set(contracts):
        raise SettingsError(
            f"A model is named '{taken_name.pop()}', which every release brings along; rename it."
        )
    (folder / "parquet").mkdir(parents=True)
    with at_rest(con) as marts:
        shutil.copyfile(marts, folder / DATABASE)
    with _attached(con, folder / DATABASE):
        present = _columns_by_table(con)
        if unknown := sorted(present.keys() - contracts.keys()):
            raise GateError(
                f"Nothing was published: no contract describes the table '{unknown[0]}' of the marts; "
                "run the whole pipeline."
            )
        parts = _bring_parts(con, elsewhere, folder)
        rows = {
            table: in_place.rows_in(con, _parts(folder, table))
            if table in parts
            else _take(con, contracts[table], columns, folder)
            for table, columns in sorted(present.items())
        }
        hashes = {
            table: in_place.hash_of(parts[table]) if table in parts else sha256(_parquet(folder, table))
            for table in rows
        }
        content = "".join(hashes.values())
        release_id = _release_id(created_at, f"{content}{as_of}{code_version}", store.release_ids())
        if parts:
            store.show_as(release_id, folder)
        for table in parts:
            in_place.create_view(con, ALIAS, table, _parts(store.releases / release_id, table))
            _comment(con, contracts[table], present[table], "view")
        _describe_release(con, contracts, rows, (release_id, as_of, created_at, code_version))
        _export(con, RELEASE_INFO, folder)
        restating.add_to(con, ALIAS, hashes)
        _comment(con, RESTATEMENTS, [column.name for column in RESTATEMENTS.columns])
        _export(con, RESTATEMENTS, folder)
        hashes = hashes | {table: sha256(_parquet(folder, table)) for table in BROUGHT_ALONG}
        con.execute(f"checkpoint {ALIAS}")
    link_for_gateway(folder, release_id)
    return Candidate(release_id, folder, {**contracts, **BROUGHT_ALONG}, hashes, parts)


def audit_candidate(
    candidate: Candidate,
    limits: Mapping[str, Any],
    reconciliations: Sequence[Reconciliation] = (),
    elsewhere: Elsewhere | None = None,
) -> list[Verdict]:
    """The verdicts on the files themselves, read afresh: the database's tables, and Parquet against them.

    A table whose rows are `elsewhere` is checked against its contract there, and its files against that.
    The `reconciliations` come last; one over a table of the wrong shape is left out, as that is told already.
    """
    verdicts: list[Verdict] = []
    marked = marked_personal(PROJECT_ROOT / "models")
    with duckdb.connect(":memory:", config=dict(limits)) as con:
        con.execute(f"attach {literal(candidate.database)} as {ALIAS} (read_only)")
        con.execute(f"use {ALIAS}")
        content = Content(con, "main")
        for contract in candidate.contracts.values():
            started = time.monotonic()
            there = elsewhere if contract.table in candidate.parts else None
            found = audit_once(
                con, contract, content, schema="main", where_it_stands=there.audit if there else None
            )
            if there:
                folder = _parts(candidate.folder, contract.table)
                found.append(in_place.audit_files(con, contract, folder, there.files(contract.table)))
            elif column_types(con, "main", contract.table):
                found.append(_audit_parquet(con, contract, candidate.parquet(contract.table)))
            if column_types(con, "main", contract.table):
                found.extend(audit_personal(con, contract, marked, schema="main"))
            verdicts.extend(found)
            _report_checks(contract.table, found, started, rows=found[0].total_rows)
        started = time.monotonic()
        found = reconcile(
            con, without_broken_shapes(reconciliations, verdicts), schema="main", content=content
        )
        verdicts.extend(found)
        _report_checks("between tables", found, started)
        con.execute("use memory")
    return verdicts


def _report_checks(name: str, found: Sequence[Verdict], started: float, rows: int | None = None) -> None:
    failed = sum(not verdict.passed for verdict in found)
    report(
        Event(
            stage="check",
            name=name,
            status="failed" if any(v.blocks for v in found) else "warning" if failed else "done",
            rows=rows,
            seconds=time.monotonic() - started,
            detail=f"{len(found)} checks" + (f", {failed} failed" if failed else ""),
        )
    )


def describe(candidate: Candidate, verdicts: list[Verdict]) -> dict[str, Any]:
    """The tables of a candidate as its manifest lists them."""
    # the first of a table is its contract's, which counted; a reconciliation may not have got so far
    rows = {verdict.table: verdict.total_rows for verdict in reversed(verdicts)}
    return {
        contract.table: {
            "rows": rows[contract.table],
            "sha256": candidate.hashes[contract.table],
            **({"parts": dict(parts)} if (parts := candidate.parts.get(contract.table)) else {}),
            "description": contract.description,
            "columns": [
                {"name": column.name, "type": column.data_type, "description": column.description}
                for column in contract.columns
            ],
        }
        for contract in candidate.contracts.values()
    }


@contextmanager
def _attached(con: duckdb.DuckDBPyConnection, database: Path) -> Iterator[None]:
    con.execute(f"attach {literal(database)} as {ALIAS} (storage_version {literal(STORAGE_VERSION)})")
    try:
        yield
    finally:
        con.execute(f"detach {ALIAS}")


def _columns_by_table(con: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The tables of the attached candidate, each with the names of its columns."""
    found = con.execute(
        "select table_name, list(column_name order by column_index) from duckdb_columns() "
        "where database_name = ? group by table_name",
        [ALIAS],
    )
    return dict(found.fetchall())


def _take(con: duckdb.DuckDBPyConnection, contract: Contract, columns: Sequence[str], folder: Path) -> int:
    """Describe one table of the candidate and write it as Parquet; its number of rows."""
    started = time.monotonic()
    _comment(con, contract, columns)
    _export(con, contract, folder)
    source = f"{ALIAS}.main.{identifier(contract.table)}"
    [(rows,)] = con.execute(f"select count(*) from {source}").fetchall()  # noqa: S608 (quoted name)
    report(Event("publish", contract.table, "done", rows=rows, seconds=time.monotonic() - started))
    return int(rows)


def _bring_parts(
    con: duckdb.DuckDBPyConnection, elsewhere: Elsewhere | None, folder: Path
) -> dict[str, dict[str, str]]:
    """Make the files of tables whose rows are elsewhere a part of the candidate; their hashes.

    The views that the marts have over them are taken out of it.
    """
    parts = {}
    for table in sorted(in_place.views(con, ALIAS)):
        if elsewhere is None or table not in elsewhere.tables:
            raise GateError(
                f"Nothing was published: nobody was asked about the rows of {table}, which stand elsewhere; "
                "run the whole pipeline."
            )
        started = time.monotonic()
        con.execute(f"drop view {ALIAS}.main.{identifier(table)}")
        parts[table] = in_place.bring(elsewhere.folder(table), _parts(folder, table))
        seconds, files = time.monotonic() - started, f"{len(parts[table])} files"
        report(Event("publish", table, "done", seconds=seconds, detail=files))
    return parts


def _comment(
    con: duckdb.DuckDBPyConnection, contract: Contract, present: Sequence[str], kind: str = "table"
) -> None:
    """Lay the descriptions of the contract on the table, where a database client shows them."""
    target = f"{ALIAS}.main.{identifier(contract.table)}"
    comments = [f"comment on {kind} {target} is {literal(contract.description)}"]
    comments += [
        f"comment on column {target}.{identifier(column.name)} is {literal(column.description)}"
        for column in contract.columns
        if column.name in present
    ]
    con.execute("; ".join(comments))


def _parquet(folder: Path, table: str) -> Path:
    return folder / "parquet" / f"{table}.parquet"


def _parts(folder: Path, table: str) -> Path:
    """Where the files of a table stand that has several."""
    return folder / "parquet" / table


def _export(con: duckdb.DuckDBPyConnection, contract: Contract, folder: Path) -> None:
    file = _parquet(folder, contract.table)
    table = f"{ALIAS}.main.{identifier(contract.table)}"
    con.execute(f"copy {table} to {literal(file)} (format parquet, compression zstd)")


def _describe_release(
    con: duckdb.DuckDBPyConnection,
    contracts: Mapping[str, Contract],
    rows: Mapping[str, int],
    facts: tuple[str, datetime, datetime, str],
) -> None:
    release_id, as_of, created_at, code_version = facts
    columns = ", ".join(f"{identifier(column.name)} {column.data_type}" for column in RELEASE_INFO.columns)
    target = f"{ALIAS}.main.{identifier(RELEASE_INFO.table)}"
    con.execute(f"create table {target} ({columns})")
    # an instant is stored without an offset, as everywhere in the marts: it is UTC
    stamps = [moment.astimezone(UTC).replace(tzinfo=None) for moment in (as_of, created_at)]
    for table, count in sorted(rows.items()):
        values = [release_id, *stamps, code_version, table, count, len(contracts[table].checks())]
        con.execute(f"insert into {target} values (?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608 (quoted name)
    _comment(con, RELEASE_INFO, [column.name for column in RELEASE_INFO.columns])


def _release_id(created_at: datetime, content: str, taken: list[str]) -> str:
    """Sorts by time; six digits of the content tell apart what was made in one second."""
    stamp = created_at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    salt = 0
    while True:
        digits = hashlib.sha256(f"{content}{salt or ''}".encode()).hexdigest()[:6]
        if f"{stamp}-{digits}" not in taken:
            return f"{stamp}-{digits}"
        salt += 1


def _audit_parquet(con: duckdb.DuckDBPyConnection, contract: Contract, file: Path) -> Verdict:
    """Whether the Parquet file holds the columns and as many rows as the table of the same name."""
    table = identifier(contract.table)
    shapes = [
        [(name, data_type) for name, data_type, *_ in con.execute(f"describe {source}").fetchall()]
        for source in (table, f"select * from read_parquet({literal(file)})")  # noqa: S608 (quoted)
    ]
    [(rows, in_parquet)] = con.execute(
        f"select (select count(*) from {table}), (select count(*) from read_parquet(?))",  # noqa: S608 (quoted)
        [str(file)],
    ).fetchall()
    passed = shapes[0] == shapes[1] and rows == in_parquet
    outcome = "equals the table" if passed else f"differs from the table of {rows:,} rows"
    return Verdict(
        table=contract.table,
        rule="parquet",
        column=None,
        severity="error",
        passed=passed,
        failing_rows=0,
        total_rows=rows,
        keys=(),
        message=f"{contract.table}: the Parquet file of {in_parquet:,} rows {outcome}.",
    )
