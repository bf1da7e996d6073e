"""Which module reads which kind of source.

Belongs here: one line per kind. Does not belong here: anything about a kind.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import duckdb

from orchestration.ingest import files
from orchestration.ingest.export_format import Table
from orchestration.ingest.files import PendingFile, TableLoad
from orchestration.settings import Settings


class SourceKind(Protocol):
    """What a module must offer to be a kind of source; see `files.py` for what each call promises."""

    TABLES: dict[str, Table]

    def prepare(self, con: duckdb.DuckDBPyConnection) -> None: ...

    def scan(self, con: duckdb.DuckDBPyConnection, settings: Settings) -> list[PendingFile]: ...

    def load_table(
        self,
        con: duckdb.DuckDBPyConnection,
        settings: Settings,
        source_name: str,
        table_name: str,
        loaded_at: datetime,
    ) -> TableLoad: ...


KINDS: dict[str, SourceKind] = {
    "files": files,
}
