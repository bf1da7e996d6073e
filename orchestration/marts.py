"""The file of the tables to publish: a database of its own beside the warehouse, attached to it as `marts`.

Belongs here: where it is, attaching it, keeping it free of what an earlier build left. Does not belong here:
what stands in it (the models under `models/marts`), or what a release makes of it (`publish/`).

A table is written into a database once: sorted, in the storage version of a release. Publishing takes this
file, and adds what a release has besides. To copy the tables cost 7 of 103 CPU-s of a run with 100,000 leads.
Who makes all of it anew starts afresh, and an erasure removes it, so its free pages hold nothing but rows of
releases since then (`patches.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MARTS = "marts"
STORAGE_VERSION = "v1.2.0"
"""The oldest DuckDB that can read what we publish; BI tools carry old ones."""


def file_beside(warehouse: Path) -> Path:
    """The file that belongs to this working database; `profiles.yml` names it in the same way."""
    return warehouse.with_name(f"{warehouse.name}.{MARTS}")


def attach(con: DuckDBPyConnection, file: Path, *, read_only: bool = False) -> None:
    options = "read_only" if read_only else f"storage_version '{STORAGE_VERSION}'"
    path = str(file).replace("'", "''")
    con.execute(f"attach '{path}' as {MARTS} ({options})")
    if not read_only:
        file.chmod(0o600)


def start_afresh(file: Path) -> None:
    """Remove what an earlier build made. Nobody may have it open."""
    for part in (file, file.with_name(f"{file.name}.wal")):
        part.unlink(missing_ok=True)


@contextmanager
def at_rest(con: DuckDBPyConnection) -> Iterator[Path]:
    """The attached file while it is closed: whole, without a log beside it, and free to be copied."""
    [(path,)] = con.execute("select path from duckdb_databases() where database_name = ?", [MARTS]).fetchall()
    con.execute(f"checkpoint {MARTS}")
    con.execute(f"detach {MARTS}")
    try:
        yield Path(path)
    finally:
        attach(con, Path(path))
