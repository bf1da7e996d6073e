"""What a module must offer to be a kind of source, and what a load tells.

Belongs here: the protocol and its two records. Does not belong here: any kind (`registry.py` lists them).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import duckdb

from orchestration.settings import Settings


@dataclass(frozen=True)
class Pending:
    """Something that the next load reads. `what` is a file, seen from the source's folder, or the CRM.

    `reason`: `new` content, known content whose `reading` was changed, `back` in a content that it had
    before, or `ask`: nobody knows before asking.
    """

    source: str
    table: str
    what: str
    reason: str


@dataclass(frozen=True)
class TableLoad:
    """What one load of one table did. A batch is a file, or what a CRM answered up to one cursor; the rows
    are those of new batches. `findings` are finished sentences for people."""

    source: str
    table: str
    batches_seen: int
    batches_new: int
    rows_in: int
    rows_loaded: int
    rows_quarantined: int
    findings: tuple[str, ...]


class SourceKind(Protocol):
    """`CRM` names the raw schema (`raw_<crm>`) and the folder of staging models that read it. Kinds may share
    it: what is mapped to the export format is the same to staging, wherever it came from."""

    CRM: str

    @property
    def TABLES(self) -> Iterable[str]: ...  # noqa: N802 (a constant of a module)

    def prepare(self, con: duckdb.DuckDBPyConnection) -> None:
        """Create what is missing of the raw schema. Idempotent."""

    def scan(self, con: duckdb.DuckDBPyConnection, settings: Settings) -> list[Pending]:
        """What the next load reads, of all sources of the kind; asks no network and writes nothing."""

    def load_table(
        self,
        con: duckdb.DuckDBPyConnection,
        settings: Settings,
        source_name: str,
        table_name: str,
        loaded_at: datetime,
    ) -> TableLoad:
        """Load what is new of one table. `con` is outside a transaction. Raises `SourceError`."""
