"""A database with a settings file and a warehouse in memory, for the tests of the `sql` source.

Belongs here: changing the database, loading, asking. Does not belong here: any expectation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from orchestration.errors import SourceError
from orchestration.ingest import sql_database
from orchestration.ingest.source_kind import TableLoad
from orchestration.settings import Settings, load_settings

LOADED_AT = datetime(2026, 3, 31, 6, 0, tzinfo=UTC)


@dataclass
class DatabaseSource:
    """`url` is that of the database; `keys` are lines of the source, before its `tables`."""

    root: Path
    url: str
    tables: str
    keys: str = ""
    con: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)

    def __post_init__(self) -> None:
        self.engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        (self.root / "warehouse").mkdir(exist_ok=True)

    def run(self, *statements: str) -> None:
        """Change the database."""
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))

    def settings(self) -> Settings:
        file = self.root / "zeven.toml"
        text = f'[company]\nname = "X"\n[sources.crm]\nkind = "sql"\n{self.keys}\n{self.tables}'
        file.write_text(text, encoding="utf-8")
        return load_settings(file, environ={})

    def load(self, table: str = "opportunities") -> TableLoad:
        sql_database.prepare(self.con)
        return sql_database.load_table(self.con, self.settings(), "crm", table, LOADED_AT)

    def refusal(self, table: str = "opportunities") -> str:
        """The sentence with which a load is refused."""
        with pytest.raises(SourceError) as caught:
            self.load(table)
        sentence = str(caught.value)
        assert "\n" not in sentence
        return sentence.removeprefix(f"{self.root / 'zeven.toml'}: ")

    def rows(self, query: str) -> list[Any]:
        return self.con.execute(query).fetchall()

    def deals(self, columns: str = "opportunity_id, amount, is_deleted") -> list[Any]:
        query = f"select {columns} from raw_files.opportunities"
        return self.rows(f"{query} order by try_cast(opportunity_id as int)")

    def ledger(self, columns: Sequence[str] = ()) -> list[Any]:
        names = ", ".join(
            columns or ("rows_in", "rows_loaded", "rows_unchanged", "rows_replaced", "rows_deleted")
        )
        return self.rows(f"select {names} from raw_files.load_ledger order by batch_number")

    def check_ledger(self) -> None:
        """What every load must leave behind: the ledger adds up, and says what is there."""
        wrong = self.rows(
            "select * from raw_files.load_ledger where rows_in <> rows_loaded + rows_quarantined +"
            " rows_withheld"
            " + rows_unchanged + rows_replaced"
        )
        assert wrong == []
        for table, column in (("opportunities", "rows_loaded"), ("quarantine", "rows_quarantined")):
            batch = "_batch_id" if table == "opportunities" else "batch_id"
            told = self.rows(
                f"select batch_id, {column} from raw_files.load_ledger where table_name = 'opportunities'"
                f" and {column} > 0 order by all"
            )
            where = "" if table == "opportunities" else "where table_name = 'opportunities'"
            assert told == self.rows(
                f"select {batch}, count(*) from raw_files.{table} {where} group by all order by all"
            )
