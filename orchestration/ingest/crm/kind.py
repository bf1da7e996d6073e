"""A CRM's module as a source kind.

Belongs here: the one way in which all CRMs are read table by table, with what is told meanwhile. Does not
belong here: any CRM.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Protocol

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.crm import raw_schema
from orchestration.ingest.crm.diagnosis import Diagnosis
from orchestration.ingest.crm.landing import Landed, Landing, Row
from orchestration.ingest.crm.objects import Object
from orchestration.ingest.source_kind import Pending, TableLoad
from orchestration.progress import Event, report
from orchestration.settings import Settings
from orchestration.speech import speakable

_TELL_EVERY = 2.0


class Reader(Protocol):
    """One source, open for one run. `settings` and the credential are checked when it is made."""

    def read(self, object_: Object, landing: Landing) -> int:
        """Ask for what is new of an object and land it, batch by batch; how many batches there were.

        Objects are asked for in the order of the declaration, so what an object needs of another is landed.
        Raises `SourceError`; what was landed before stays, and the next call goes on after it.
        """


class CrmKind:
    """`open_reader(settings, source_name)` imports what it needs: the objects alone are cheap.

    `diagnose(settings, source_name)` is asked by `zeven doctor`, lazily imported as well. It yields what it
    finds as it goes, so that what was found before it fails is told; a `SourceError` or `SettingsError` ends
    it and is told too. In this order, with the sentences of `diagnosis.py` where they fit:

    1. `of_variables`: are the environment variables there? Where not, stop: nothing else can be looked at.
    2. Does the token work, and whose is it? One cheap question; `Diagnosis("credential", "ok", ...)`.
    3. `of_fields`, per object: what may be read, and what each missing field or object costs.
    4. `of_budget`: how much is left of it.

    It reads no records and writes nothing, and should take seconds: a `CrmSession` with little `Patience`.
    """

    def __init__(
        self,
        crm: str,
        objects: Iterable[Object],
        open_reader: Callable[[Settings, str], Reader],
        diagnose: Callable[[Settings, str], Iterable[Diagnosis]] | None = None,
    ) -> None:
        self.CRM = crm
        self.TABLES = {one.name: one for one in objects}
        self.diagnose = diagnose
        self._open = open_reader
        self._reader: tuple[tuple[str, datetime], Reader] | None = None

    @property
    def schema(self) -> str:
        return f"raw_{self.CRM}"

    def prepare(self, con: duckdb.DuckDBPyConnection) -> None:
        raw_schema.prepare(con, self.schema, self.TABLES)

    def scan(self, con: duckdb.DuckDBPyConnection, settings: Settings) -> list[Pending]:
        return [
            Pending(name, table, self.CRM, "ask")
            for name, source in settings.sources.items()
            if source.kind == self.CRM
            for table in self.TABLES
        ]

    def load_table(
        self,
        con: duckdb.DuckDBPyConnection,
        settings: Settings,
        source_name: str,
        table_name: str,
        loaded_at: datetime,
    ) -> TableLoad:
        started, name = time.monotonic(), f"{source_name}.{table_name}"
        landing = Landing(
            con, self.schema, source_name, loaded_at, settings.paths.warehouse, told=_Teller(name).tell
        )
        try:
            batches = self._reader_of(settings, source_name, loaded_at).read(self.TABLES[table_name], landing)
        except SourceError as error:
            report(Event("ingest", name, "failed", seconds=time.monotonic() - started, detail=str(error)))
            raise
        landed = landing.landed.get(table_name) or Landed()
        findings = list(landing.findings)
        if landed.rows_quarantined:
            findings.append(
                f"{landed.rows_quarantined} of {landed.rows_in} records of {table_name} are in quarantine;"
                f" see {self.schema}.quarantine for the reason."
            )
        if landed.rows_withheld:
            findings.append(
                f"{landed.rows_withheld} records of {table_name} are about somebody who was forgotten and are"
                " left out."
            )
        for finding in findings:
            report(Event("ingest", name, "warning", detail=finding))
        seconds = time.monotonic() - started
        if landed.changed:
            told = [
                f"{number} {what}"
                for number, what in (
                    (landed.rows_deleted, "deleted"),
                    (landed.rows_quarantined, "quarantined"),
                )
                if number
            ]
            report(Event("ingest", name, "done", landed.rows_loaded, seconds, ", ".join(told)))
        else:
            report(Event("ingest", name, "nothing_new", seconds=seconds))
        return TableLoad(
            source_name,
            table_name,
            batches_seen=batches,
            batches_new=batches if landed.changed else 0,
            rows_in=landed.rows_in,
            rows_loaded=landed.rows_loaded,
            rows_quarantined=landed.rows_quarantined,
            findings=tuple(map(speakable, findings)),
        )

    def _reader_of(self, settings: Settings, source_name: str, loaded_at: datetime) -> Reader:
        """One for all tables of a load: a token and what was discovered are asked for once."""
        key = (source_name, loaded_at)
        if self._reader is None or self._reader[0] != key:
            self._reader = (key, self._open(settings, source_name))
        return self._reader[1]


class _Teller:
    """Says how many rows have come and how fast, now and then."""

    def __init__(self, name: str) -> None:
        self._name, self._rows, self._started = name, 0, time.monotonic()
        self._told = self._started

    def tell(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            self._rows += 1
            yield row
            if self._rows % 256 == 0 and (now := time.monotonic()) - self._told > _TELL_EVERY:
                self._told = now
                speed = self._rows / (now - self._started)
                report(
                    Event(
                        "ingest", self._name, "started", detail=f"{self._rows:,} rows, {speed:,.0f} a second"
                    )
                )
