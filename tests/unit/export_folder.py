"""A source folder with a settings file and a warehouse in memory, for the tests of the `files` source.

Belongs here: writing files, loading, asking. Does not belong here: any expectation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.errors import SourceError
from orchestration.ingest import files
from orchestration.ingest.source_kind import Pending, TableLoad
from orchestration.settings import Settings, load_settings

LOADED_AT = datetime(2026, 3, 31, 6, 0, tzinfo=UTC)


@dataclass
class ExportFolder:
    root: Path
    con: duckdb.DuckDBPyConnection
    keys: str = ""

    @property
    def folder(self) -> Path:
        return self.root / "exports"

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def settings(self) -> Settings:
        file = self.root / "zeven.toml"
        file.write_text(
            '[company]\nname = "X"\n[sources.crm]\nkind = "files"\nfolder = "exports"\n' + self.keys,
            encoding="utf-8",
        )
        return load_settings(file, environ={})

    def load(self, table: str = "leads") -> TableLoad:
        files.prepare(self.con)
        return files.load_table(self.con, self.settings(), "crm", table, LOADED_AT)

    def refusal(self, table: str = "leads") -> str:
        """The sentence with which the load is refused, after making sure that nothing was changed by it."""
        files.prepare(self.con)
        before = self.state(table)
        with pytest.raises(SourceError) as caught:
            self.load(table)
        assert self.state(table) == before
        sentence = str(caught.value)
        assert "\n" not in sentence
        return sentence

    def state(self, table: str) -> list[list[Any]]:
        return [self.rows(f"SELECT * FROM raw_files.{name}") for name in (table, "load_ledger", "quarantine")]

    def scan(self) -> list[Pending]:
        return files.scan(self.con, self.settings())

    def rows(self, query: str) -> list[Any]:
        return self.con.execute(query).fetchall()

    def values(self, column: str, table: str = "leads") -> list[Any]:
        order = "_batch_number, _source_row"
        return [row[0] for row in self.rows(f"SELECT {column} FROM raw_files.{table} ORDER BY {order}")]

    def quarantine(self) -> list[Any]:
        return self.rows(
            "SELECT line_number, row_number, column_name, reason FROM raw_files.quarantine"
            " ORDER BY row_number"
        )
