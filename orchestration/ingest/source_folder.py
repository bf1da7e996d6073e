"""What the folder of a source must hold, and what it may not.

Belongs here: refusing a folder that is almost certainly the wrong one. Does not belong here: which files are
a table's (`file_discovery.py`), and reading them (`files.py`).
"""

from __future__ import annotations

from orchestration.errors import SourceError
from orchestration.ingest.export_format import TABLES
from orchestration.ingest.file_discovery import ADDED_TABLES, ENTRY_TABLES, TableFile, files_of
from orchestration.ingest.raw_tables import LedgerEntry
from orchestration.setting_sources import FilesSource


def found_files(
    source_name: str, source: FilesSource, table_name: str, known: list[LedgerEntry]
) -> tuple[list[TableFile], list[str]]:
    """The files of a table, and findings. A declared glob that never matched anything is refused."""
    files = files_of(source_name, source, table_name)
    mapping = source.tables.get(table_name)
    if mapping is None or files:
        return files, []
    key = f"sources.{source_name}.tables.{table_name}.files"
    sentence = f"{key}: '{mapping.files}' matches no file in {source.folder}"
    if not known:
        raise SourceError(f"{sentence}; correct the glob, or put the export there.")
    return files, [f"{sentence} any more; what was loaded before stays."]


def refuse_a_wrong_folder(source_name: str, source: FilesSource, entries: list[LedgerEntry]) -> None:
    for table_name in source.tables:
        if table_name not in TABLES:
            raise SourceError(
                f"sources.{source_name}.tables.{table_name}: the format has no table '{table_name}' (it has:"
                f" {', '.join(TABLES)})."
            )
    if source.adds_to:
        _refuse_what_adds_nothing(source_name, source, entries)
        return
    if any(entry.table_name in ENTRY_TABLES for entry in entries):
        return
    if not any(found_files(source_name, source, table_name, [])[0] for table_name in ENTRY_TABLES):
        raise SourceError(
            f"sources.{source_name}.folder: {source.folder} holds neither leads nor opportunities (such as"
            " leads.csv or opportunities.parquet); put an export there, correct the folder, or map your"
            " files to these tables."
        )


def _refuse_what_adds_nothing(source_name: str, source: FilesSource, entries: list[LedgerEntry]) -> None:
    """Of a source that adds to another one: records of its own, or nothing at all."""
    there = [name for name in TABLES if found_files(source_name, source, name, [])[0]]
    allowed = " and ".join(ADDED_TABLES)
    if own := [name for name in there if name not in ADDED_TABLES]:
        raise SourceError(
            f"sources.{source_name}.adds_to: a source that adds to {source.adds_to} holds {allowed} only, but"
            f" {source.folder} has {', '.join(own)} too; move them to a source of their own, or remove"
            " adds_to."
        )
    if not there and not entries:
        raise SourceError(
            f"sources.{source_name}.folder: {source.folder} holds neither {' nor '.join(ADDED_TABLES)} (such"
            f" as {ADDED_TABLES[0]}.csv); put a file there, or correct the folder."
        )
