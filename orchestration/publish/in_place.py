"""Tables of a release whose rows stay in the Parquet files that an engine has written (`spark.facts`).

Belongs here: bringing such files into a release, the view over them in its database, and the proof that they
are what the engine reads. Does not belong here: where the engine has them (`orchestration/spark/`), and what
their rows must fulfil (`checks/`).

A file is linked into the release, not copied, where that is possible: the engine's own name for it goes with
the engine's next build, the release's with the release. Nobody writes to a Parquet file once it is whole.
"""

# ruff: noqa: S608 -- names are identifier, paths are literals

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from orchestration.checks.contracts import Contract
from orchestration.checks.verdicts import Verdict
from orchestration.errors import GateError
from orchestration.publish.store import sha256
from orchestration.sql_text import identifier, literal
from orchestration.tables import column_types

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CANNOT_BE_LINKED = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS)
"""Another file system, or one that has no links."""


class Elsewhere(Protocol):
    """The engine that holds the rows of these tables."""

    tables: frozenset[str]

    def folder(self, table: str) -> Path:
        """Where its files lie."""

    def files(self, table: str) -> Mapping[str, tuple[int, int]]:
        """The files that the engine reads for the table, by name: bytes, and rows. None without rows."""

    def audit(self, contract: Contract) -> list[Verdict]:
        """The verdicts of its contract, as `audit_table` gives them."""


def views(con: DuckDBPyConnection, database: str) -> frozenset[str]:
    """The tables of an attached database whose rows stand elsewhere."""
    found = con.execute(
        "select view_name from duckdb_views() where database_name = ? and schema_name = 'main' "
        "and not internal",
        [database],
    )
    return frozenset(name for (name,) in found.fetchall())


def create_view(con: DuckDBPyConnection, database: str, table: str, folder: Path) -> None:
    """Make the table in the database a view over all Parquet files of a folder, which must be there.

    Columns are named one by one and nothing is converted: what the files have must be what is published.
    """
    source = _source(folder)
    described = con.execute(f"describe select * from {source}").fetchall()
    columns = ", ".join(identifier(name) for name, *_ in described)
    target = f"{identifier(database)}.main.{identifier(table)}"
    con.execute(f"create view {target} as select {columns} from {source}")


def bring(source: Path, folder: Path) -> dict[str, str]:
    """Have the Parquet files of `source` in the new `folder` too; their hashes by name."""
    found = _parquet_files(source)
    if not found:
        raise GateError(
            f"Nothing was published: there is no Parquet file in {source}, where Spark wrote a table; run "
            "the whole pipeline."
        )
    folder.mkdir(parents=True)
    hashes = {}
    for file in found:
        _link_or_copy(file, folder / file.name)
        hashes[file.name] = sha256(folder / file.name)
    return hashes


def hash_of(parts: Mapping[str, str]) -> str:
    """One hash of all files of a table, whatever their names."""
    return hashlib.sha256(" ".join(sorted(parts.values())).encode()).hexdigest()


def rows_in(con: DuckDBPyConnection, folder: Path) -> int:
    """How many rows the files of a folder say that they have."""
    return sum(rows for _, rows in _sizes(con, folder).values())


def audit_files(
    con: DuckDBPyConnection, contract: Contract, folder: Path, read_by_engine: Mapping[str, tuple[int, int]]
) -> Verdict:
    """Whether the files hold the columns and types of the contract, and are those that the engine reads.

    The engine's verdicts on its table are then verdicts on these files.
    """
    table = contract.table
    wanted = {column.name: column.data_type for column in contract.columns}
    types = {name: kind.lower() for name, kind in column_types(con, "main", table).items()}
    sizes = {name: size for name, size in _sizes(con, folder).items() if size[1]}
    rows = sum(count for _, count in sizes.values())
    if list(types.items()) != list(wanted.items()):
        odd = next((name for name in [*wanted, *types] if types.get(name) != wanted.get(name)), None)
        outcome = (
            f"'{odd}' is {types.get(odd, 'missing')} and should be {wanted.get(odd, 'no column')}"
            if odd
            else "the columns stand in another order than in the contract"
        )
    elif sizes != dict(read_by_engine):
        in_engine = sum(count for _, count in read_by_engine.values())
        checked = f"{len(read_by_engine):,} with {in_engine:,} rows"
        outcome = f"they are not those that Spark checked, which are {checked}"
    else:
        outcome = ""
    files = f"{len(sizes):,} Parquet files of {rows:,} rows"
    return Verdict(
        table=table,
        rule="parquet",
        column=None,
        severity="error",
        passed=not outcome,
        failing_rows=0,
        total_rows=rows,
        keys=(),
        message=f"{table}: {files}: {outcome}." if outcome else f"{table}: {files}, as Spark checked them.",
    )


def _source(folder: Path) -> str:
    # a folder may be called `a=b`, which is no column of ours
    return f"read_parquet({literal(folder / '*.parquet')}, hive_partitioning = false)"


def _parquet_files(folder: Path) -> list[Path]:
    """Engines pass over names that begin so: they are of writing that has not ended."""
    return sorted(file for file in folder.glob("*.parquet") if not file.name.startswith(("_", ".")))


def _sizes(con: DuckDBPyConnection, folder: Path) -> dict[str, tuple[int, int]]:
    """Bytes and rows of every Parquet file of a folder, by name."""
    found = con.execute(
        f"select file_name, num_rows from parquet_file_metadata({literal(folder / '*.parquet')})"
    ).fetchall()
    return {Path(file).name: (Path(file).stat().st_size, int(rows)) for file, rows in found}


def _link_or_copy(source: Path, target: Path) -> None:
    # a file of somebody else could be written by them after it was checked, and not be sealed by us
    if source.stat().st_uid == os.geteuid():
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno not in _CANNOT_BE_LINKED:
                raise
        else:
            return
    shutil.copyfile(source, target)
