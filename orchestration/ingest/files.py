"""The source kind `files`: loads a folder of exports into `raw_files`, each content exactly once.

Belongs here: which files are new, and loading each of them in one transaction with its quarantine and ledger
rows. Does not belong here: reading a format (`*_reader.py`), typing values (`values.py`), or the shape of the
tables (`raw_tables.py`).

Once and only once. A batch is one content read in one way: the SHA-256 of the file's bytes together with
everything that decides how they are read (mapping, format settings, the format's columns). The same content
under another name is the same batch and is not loaded again. New content under an old name is a new batch
beside the old one: raw keeps what the source said, and staging takes the newest version of every record. A
changed mapping or format setting means that what was loaded was read otherwise than the settings now say; the
file is then read again and *replaces* the batch of the same content, under its old batch number, because a
new reading does not make old content newer. Batches whose file is gone or has other content by now cannot be
read again; they stay as they were read, and that is reported.

A file that holds again what it held before adds nothing either, but its batch takes the newest number: the
last loaded version of a record wins, and an export that was put back is the last one.

Whether a file is known is decided by its content. To spare a scan from hashing everything at every look,
the ledger remembers device, inode, size and both times of a loaded file (see `plain_file.identity_of`);
only a file that agrees in all of them is taken as untouched.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest import csv_reader, jsonl_reader, parquet_reader
from orchestration.ingest.batch import Batch, Outcome, Stamp
from orchestration.ingest.batch_identity import (
    batch_id,
    content_of,
    has_come_back,
    is_current,
    reading,
    untouched,
)
from orchestration.ingest.export_format import TABLES
from orchestration.ingest.file_discovery import TableFile
from orchestration.ingest.forgotten_rows import Forgotten
from orchestration.ingest.header_drift import check_required, drift
from orchestration.ingest.mapping import MappingError, Origin, check_names, origins
from orchestration.ingest.plain_file import Fingerprint, fingerprint, plain_text, state_of
from orchestration.ingest.raw_tables import (
    LedgerEntry,
    ledger_entries,
    make_newest,
    next_batch_number,
    prepare,
    remember_identity,
    remove_batch,
    write_entry,
)
from orchestration.ingest.records import INCOMING, SCRATCH_TABLES, SCRATCH_VIEWS, Records
from orchestration.ingest.source_folder import found_files, refuse_a_wrong_folder
from orchestration.ingest.source_kind import Pending, TableLoad
from orchestration.ingest.values import check_formats
from orchestration.progress import Event, report
from orchestration.setting_sources import FilesSource
from orchestration.settings import Settings
from orchestration.speech import speakable
from orchestration.sql_text import first_line, identifier

__all__ = ["CRM", "TABLES", "load_table", "prepare", "scan"]


CRM = "files"


def scan(con: duckdb.DuckDBPyConnection, settings: Settings) -> list[Pending]:
    """The files of all `files` sources that are not loaded yet, by source and table, in the order of loading.

    Reads only; `con` may be read-only, and nothing need be prepared. Raises `SourceError` as `load_table`
    does for a source whose folder or globs are wrong.
    """
    pending = []
    for source_name, source in settings.file_sources.items():
        entries = ledger_entries(con, source_name)
        refuse_a_wrong_folder(source_name, source, entries)
        for table_name in TABLES:
            known = [entry for entry in entries if entry.table_name == table_name]
            how_read = reading(source, table_name)
            contents: set[str] = set()
            for file in found_files(source_name, source, table_name, known)[0]:
                content = content_of(file, known)
                if content in contents:
                    continue
                contents.add(content)
                same = [entry for entry in known if entry.content_sha256 == content]
                current = [entry for entry in same if is_current(entry, how_read)]
                reason: Literal["new", "reading", "back"] = "reading" if same else "new"
                if current:
                    if not has_come_back(file, current[0], known):
                        continue
                    reason = "back"
                pending.append(Pending(source_name, table_name, file.name, reason))
    return pending


def load_table(
    con: duckdb.DuckDBPyConnection, settings: Settings, source_name: str, table_name: str, loaded_at: datetime
) -> TableLoad:
    """Load what is new of one table of one source, file by file in sorted order.

    `loaded_at` is the instant of the load (UTC if it has no offset). `con` must be outside a transaction:
    each file is loaded in one of its own. Raises `SourceError` at the first file that is refused; the
    files before it are loaded, nothing of it is.
    """
    started = time.monotonic()
    name = f"{source_name}.{table_name}"
    try:
        load = _load(con, settings, source_name, table_name, loaded_at)
    except SourceError as error:
        report(Event("ingest", name, "failed", seconds=time.monotonic() - started, detail=str(error)))
        raise
    for finding in load.findings:
        report(Event("ingest", name, "warning", detail=finding))
    seconds = time.monotonic() - started
    if load.batches_new == 0:
        report(Event("ingest", name, "nothing_new", seconds=seconds))
    else:
        quarantined = f"{load.rows_quarantined} quarantined" if load.rows_quarantined else ""
        report(Event("ingest", name, "done", rows=load.rows_loaded, seconds=seconds, detail=quarantined))
    return load


def _load(
    con: duckdb.DuckDBPyConnection, settings: Settings, source_name: str, table_name: str, loaded_at: datetime
) -> TableLoad:
    source = settings.file_sources[source_name]
    check_formats(con, source_name, source)
    entries = ledger_entries(con, source_name)
    refuse_a_wrong_folder(source_name, source, entries)
    known = [entry for entry in entries if entry.table_name == table_name]
    files, findings = found_files(source_name, source, table_name, known)
    loader = _Loader(con, settings, source_name, table_name, known, loaded_at, findings)
    outcomes = [outcome for file in files if (outcome := loader.load(file)) is not None]
    stale = sum(
        entry.rows_loaded for entry in loader.known if not is_current(entry, reading(source, table_name))
    )
    if outcomes and stale:
        findings.append(
            f"{stale} rows that were loaded under an earlier mapping or format stay as they were read,"
            " because their files are no longer there in that content."
        )
    return TableLoad(
        source_name,
        table_name,
        batches_seen=len(files),
        batches_new=len(outcomes),
        rows_in=sum(outcome.rows_in for outcome in outcomes),
        rows_loaded=sum(outcome.rows_loaded for outcome in outcomes),
        rows_quarantined=sum(outcome.rows_quarantined for outcome in outcomes),
        findings=tuple(map(speakable, findings)),
    )


@dataclass
class _Loader:
    """Loads the files of one table one after the other; `known` is the ledger as it grows."""

    con: duckdb.DuckDBPyConnection
    settings: Settings
    source_name: str
    table_name: str
    known: list[LedgerEntry]
    loaded_at: datetime
    findings: list[str]

    def load(self, file: TableFile) -> Outcome | None:
        """Load one file, unless its content is loaded already in this reading (then None)."""
        source, table = self.settings.file_sources[self.source_name], TABLES[self.table_name]
        how_read = reading(source, self.table_name)
        loaded = untouched(file, self.known)
        if loaded and is_current(loaded, how_read) and not has_come_back(file, loaded, self.known):
            return None
        print_of = fingerprint(file)
        same = [entry for entry in self.known if entry.content_sha256 == print_of.sha256]
        for entry in same:
            if is_current(entry, how_read):
                if has_come_back(file, entry, self.known):
                    return self._count_as_newest(file, entry, print_of)
                if entry.source_file == file.name and print_of.identity:
                    remember_identity(self.con, entry, print_of.identity)
                return None
        report(Event("ingest", f"{self.source_name}.{self.table_name}", "started", detail=file.name))
        mapping = source.tables.get(self.table_name)
        if mapping is not None:
            check_names(self.source_name, table, mapping)
        with (
            _explained(file, self.settings),
            self._scratch() as workplace,
            _records(self.con, file, source, workplace) as records,
        ):
            found: list[Origin] = []
            findings: list[str] = []
            if records.columns:
                own = list(records.columns)
                found = self._origins(file, records)
                check_required(file, table, self.source_name, own, {origin.column.name for origin in found})
                findings = drift(file, table, source, own, self._columns_before())
            elif records.count:
                lines = "line" if records.count == 1 else "lines"
                raise SourceError(
                    f"{file.path}: has {records.count} {lines} and no column in any; export it again."
                )
            forgotten = Forgotten.read(self.con, self.settings.paths.warehouse, self.source_name)
            batch = Batch(self.con, file, table, source, records, found, forgotten)
            outcome = batch.read() if found else Outcome(0, 0, 0)
            entry = self._entry(file, print_of, batch_id(print_of.sha256, how_read), same, outcome, records)
            self._commit(batch, entry, same, outcome)
            forgotten.remember_deals(self.con)
        self.known = [old for old in self.known if old not in same] + [entry]
        self.findings.extend(findings)
        if outcome.rows_quarantined:
            self.findings.append(
                f"{file.name}: {outcome.rows_quarantined} of {outcome.rows_in} rows are in quarantine; see"
                f" raw_files.quarantine for line and reason."
            )
        if outcome.rows_withheld:
            rows = "1 row" if outcome.rows_withheld == 1 else f"{outcome.rows_withheld} rows"
            self.findings.append(f"{file.name}: {rows} about somebody who was forgotten are left out.")
        return outcome

    def _count_as_newest(self, file: TableFile, entry: LedgerEntry, print_of: Fingerprint) -> Outcome:
        """A file that is back in an earlier content: its rows are there, and become the last loaded ones."""
        self.con.begin()
        try:
            newest = make_newest(self.con, entry, print_of.identity)
        except BaseException:
            self.con.rollback()
            raise
        self.con.commit()
        self.known = [old for old in self.known if old is not entry] + [newest]
        self.findings.append(
            f"{file.name}: is back in a content that it had before; its rows count as the last loaded ones."
        )
        return Outcome(0, 0, 0)

    def _origins(self, file: TableFile, records: Records) -> list[Origin]:
        mapping = self.settings.file_sources[self.source_name].tables.get(self.table_name)
        try:
            return origins(self.con, TABLES[self.table_name], mapping, records.columns, INCOMING)
        except MappingError as error:
            raise SourceError(
                f"{self.settings.file}: sources.{self.source_name}.tables.{self.table_name}.columns."
                f"{error.column}: {error} ({file.name})."
            ) from None

    def _commit(
        self, batch: Batch, entry: LedgerEntry, replaced: list[LedgerEntry], outcome: Outcome
    ) -> None:
        stamp = Stamp(
            entry.source,
            entry.batch_number,
            entry.batch_id,
            f"{entry.loaded_at:%Y-%m-%d %H:%M:%S.%f}",
            entry.source_file,
        )
        self.con.begin()
        try:
            for old in replaced:
                remove_batch(self.con, old)
            if outcome.rows_in:
                batch.write(stamp, outcome)
            write_entry(self.con, entry)
        except BaseException:
            self.con.rollback()
            raise
        self.con.commit()

    def _entry(
        self,
        file: TableFile,
        print_of: Fingerprint,
        identifier_of_batch: str,
        same: list[LedgerEntry],
        outcome: Outcome,
        records: Records,
    ) -> LedgerEntry:
        if state_of(file.path) != print_of.state:
            raise SourceError(
                f"{file.path}: was changed while it was read, so nothing of it is loaded; run again."
            )
        loaded_at = (
            self.loaded_at.astimezone(UTC).replace(tzinfo=None) if self.loaded_at.tzinfo else self.loaded_at
        )
        return LedgerEntry(
            source=self.source_name,
            table_name=self.table_name,
            source_file=file.name,
            batch_number=min((entry.batch_number for entry in same), default=0)
            or next_batch_number(self.con),
            batch_id=identifier_of_batch,
            content_sha256=print_of.sha256,
            size_bytes=print_of.size,
            file_identity=print_of.identity,
            rows_in=outcome.rows_in,
            rows_loaded=outcome.rows_loaded,
            rows_quarantined=outcome.rows_quarantined,
            columns_found=tuple(records.columns),
            loaded_at=loaded_at,
            rows_withheld=outcome.rows_withheld,
        )

    def _columns_before(self) -> tuple[str, ...] | None:
        """The columns of the newest batch that had any."""
        with_columns = [entry for entry in self.known if entry.columns_found]
        return max(with_columns, key=lambda entry: entry.batch_number).columns_found if with_columns else None

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A private folder beside the warehouse; what a killed load left there is removed first."""
        folder = self.settings.paths.warehouse / "incoming"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            for kind, names in (("VIEW", SCRATCH_VIEWS), ("TABLE", SCRATCH_TABLES)):
                for name in names:
                    self.con.execute(f"DROP {kind} IF EXISTS {identifier(name)}")


@contextmanager
def _explained(file: TableFile, settings: Settings) -> Iterator[None]:
    """What the machine refuses while a file is read, in one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceError(f"{file.path}: vanished while it was read ({error.filename}); run again.") from None
    except (OSError, duckdb.IOException) as error:
        reason = error.strerror if isinstance(error, OSError) else first_line(error)
        raise SourceError(
            f"{file.path}: could not be read and stored ({reason}), so nothing of it is loaded; mend"
            " that and run"
            " again."
        ) from None
    except duckdb.OutOfMemoryException:
        raise SourceError(
            f'{file.path}: takes more memory than run.memory_limit = "{settings.run.memory_limit}" allows, so'
            " nothing of it is loaded; raise the limit, or export fewer columns or smaller files."
        ) from None


@contextmanager
def _records(
    con: duckdb.DuckDBPyConnection, file: TableFile, source: FilesSource, workplace: Path
) -> Iterator[Records]:
    if file.format == "parquet":
        link = workplace / "copy.parquet"  # a name in which DuckDB finds no glob
        link.symlink_to(file.path.resolve())
        yield parquet_reader.read(con, file, str(link))
        return
    encoding = source.encoding if file.format == "csv" else "utf-8"
    with plain_text(file, encoding, workplace) as plain:
        if file.format == "csv":
            yield csv_reader.read(con, file, plain, source)
        else:
            yield jsonl_reader.read(con, file, plain)
