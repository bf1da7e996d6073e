"""When two files, or two readings of one file, are the same batch.

Belongs here: what decides how a file is read, batch ids, and recognising loaded files. Does not belong here:
loading (`files.py`) or hashing bytes (`plain_file.py`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from orchestration.ingest.export_format import TABLES
from orchestration.ingest.file_discovery import TableFile
from orchestration.ingest.plain_file import fingerprint, identity_of
from orchestration.ingest.raw_tables import LedgerEntry
from orchestration.setting_sources import FilesSource

_NOTATION = frozenset(
    [
        "time_zone",
        "date_format",
        "timestamp_format",
        "delimiter",
        "quote",
        "decimal_separator",
        "encoding",
        "null_values",
    ]
)


def reading(source: FilesSource, table_name: str) -> str:
    """Everything but the content that decides what a file of this table loads as, as text.

    The format's columns are part of it: a release of Zeven that knows more columns reads the files again.
    """
    mapping = source.tables.get(table_name)
    parts = {
        "columns": [asdict(column) for column in TABLES[table_name].columns],
        "mapping": mapping.model_dump(exclude={"files"}) if mapping else None,
        "notation": source.model_dump(include=set(_NOTATION)),
        "table": table_name,
    }
    return json.dumps(parts, sort_keys=True)


def batch_id(content: str, how_read: str) -> str:
    """One content (its SHA-256) in one reading."""
    return hashlib.sha256(f"{content}:{how_read}".encode()).hexdigest()


def is_current(entry: LedgerEntry, how_read: str) -> bool:
    """Whether a batch was read as the settings now say."""
    return entry.batch_id == batch_id(entry.content_sha256, how_read)


def has_come_back(file: TableFile, entry: LedgerEntry, known: list[LedgerEntry]) -> bool:
    """Whether a file holds again what it held before: another content of it was loaded after this batch.

    What was loaded last wins, so an export that is put back must count as the last one.
    """
    return entry.source_file == file.name and any(
        later.source_file == file.name and later.batch_number > entry.batch_number for later in known
    )


def untouched(file: TableFile, known: list[LedgerEntry]) -> LedgerEntry | None:
    """The newest batch of this very file, if nothing has touched the file since it was loaded."""
    try:
        identity = identity_of(file.path)
    except OSError:  # gone or out of reach since it was listed: whoever reads it says so
        return None
    same = (
        entry
        for entry in reversed(known)
        if (entry.source_file, entry.file_identity) == (file.name, identity)
    )
    return next(same, None) if identity else None


def content_of(file: TableFile, known: list[LedgerEntry]) -> str:
    """SHA-256 of a file's bytes, from the ledger where the file is untouched."""
    entry = untouched(file, known)
    return entry.content_sha256 if entry else fingerprint(file).sha256
