"""The tables to publish whose rows stay in Spark's files: where they are, and checking them there.

Belongs here: what Spark says of such a table. Does not belong here: leaving them there after a build
(`built_tables.py`), and making their files a part of a release (`publish/in_place.py`).
"""

# ruff: noqa: S608 -- names of ours

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.checks.contracts import Contract
from orchestration.checks.on_engine import audit_on_engine
from orchestration.checks.on_spark import OnSpark
from orchestration.checks.verdicts import Verdict
from orchestration.errors import GateError
from orchestration.marts import MARTS
from orchestration.publish.in_place import views
from orchestration.settings import Settings
from orchestration.spark.connection import connect
from orchestration.spark.folders import tables_folder

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class InSpark:
    """Tables of the schema `marts` of Spark; `publish/in_place.py` says what is asked of them."""

    def __init__(self, engine: OnSpark, tables: frozenset[str], folder: Path) -> None:
        self._engine, self._folder = engine, folder
        self.tables = tables

    def folder(self, table: str) -> Path:
        return self._folder / table

    def files(self, table: str) -> Mapping[str, tuple[int, int]]:
        if not self._engine.columns(MARTS, table):
            return {}
        found = self._engine.run(
            "select _metadata.file_name, _metadata.file_size, count(*) "
            f"from `{MARTS}`.`{table}` group by _metadata.file_name, _metadata.file_size"
        )
        return {str(name): (int(size), int(rows)) for name, size, rows in found}

    def audit(self, contract: Contract) -> list[Verdict]:
        return audit_on_engine(self._engine, contract, schema=MARTS)


@contextmanager
def left_in_spark(con: DuckDBPyConnection, settings: Settings) -> Iterator[InSpark | None]:
    """The tables of the attached marts that were left in Spark, and a session to ask about them.

    None, and no session, where there are none.
    """
    tables = views(con, MARTS)
    if not tables:
        yield None
        return
    if settings.target != "spark":
        raise GateError(
            f"Nothing was published: the rows of {min(tables)} stand in Spark, and the target is "
            f"{settings.target} now; run the whole pipeline."
        )
    with connect(settings) as spark:
        yield InSpark(OnSpark(spark), tables, tables_folder(settings) / MARTS)
