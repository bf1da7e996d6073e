"""Who was forgotten: tombstones, kept in the warehouse and in a file beside it, without any personal value.

Belongs here: the shape of a tombstone, hashing what it stands for, reading and writing them. Does not belong
here: which rows of raw they take away (`forgotten_rows.py`), or erasing a person (`orchestration/erasure`).

A tombstone is written in the transaction that removes the person, so it stands in the warehouse. The
warehouse may be moved away and loaded anew from the export files, which still hold the person: so the same
tombstones stand in `forgotten.json` beside it, and what counts is both together.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, cast, get_args

import duckdb

from orchestration.errors import ZevenError
from orchestration.tables import has_table

Kind = Literal["lead", "contact", "opportunity", "account", "email"]
"""What is known to be about a forgotten person: a lead and a contact are the person; an opportunity stays and
loses what its source said beyond our columns; an account loses its name; an e-mail address is the person
wherever it stands."""

FILE = "forgotten.json"
_KINDS = get_args(Kind)
_HASH = re.compile(r"^[0-9a-f]{64}$")
_TABLE = """
create schema if not exists zeven;
create table if not exists zeven.forgotten (
    kind varchar, source varchar, record_hash varchar, forgotten_at varchar, reason varchar
);
"""


@dataclass(frozen=True)
class Tombstone:
    """`record_hash` is the SHA-256 of `source:id`, or of the normalised e-mail address, which has no source.

    `forgotten_at` is an ISO instant in UTC.
    """

    kind: Kind
    source: str
    record_hash: str
    forgotten_at: str
    reason: str

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.record_hash


def hash_of_record(source: str, record_id: str) -> str:
    return hashlib.sha256(f"{source}:{record_id}".encode()).hexdigest()


def hash_of_email(address: str) -> str:
    """Of the normalised address: without blanks around it, in small letters, nothing else."""
    return hashlib.sha256(address.strip().lower().encode()).hexdigest()


def read(con: duckdb.DuckDBPyConnection, folder: Path) -> list[Tombstone]:
    """Every tombstone of the warehouse and of the file in its `folder`, each once, oldest first."""
    found = {tombstone.key: tombstone for tombstone in [*_from_file(folder / FILE), *_from_table(con)]}
    return sorted(found.values(), key=lambda tombstone: (tombstone.forgotten_at, tombstone.key))


def write(con: duckdb.DuckDBPyConnection, tombstones: Iterable[Tombstone]) -> None:
    """Add those that the warehouse lacks (inside the caller's transaction)."""
    con.execute(_TABLE)
    known = {tombstone.key for tombstone in _from_table(con)}
    for tombstone in tombstones:
        if tombstone.key not in known:
            con.execute(
                "insert into zeven.forgotten values (?, ?, ?, ?, ?)", list(asdict(tombstone).values())
            )
            known.add(tombstone.key)


def write_file(folder: Path, tombstones: Iterable[Tombstone]) -> None:
    """Write the file anew, in one step, and have it on the disk."""
    file = folder / FILE
    temporary = file.with_name(f".{FILE}.new")
    text = json.dumps([asdict(tombstone) for tombstone in tombstones], indent=1, ensure_ascii=False)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)


def _from_table(con: duckdb.DuckDBPyConnection) -> list[Tombstone]:
    if not has_table(con, "zeven", "forgotten"):
        return []
    rows = con.execute("select kind, source, record_hash, forgotten_at, reason from zeven.forgotten")
    return [Tombstone(*row) for row in rows.fetchall()]


def _from_file(file: Path) -> list[Tombstone]:
    """Refuses a file that is not understood: loading without it could bring a person back."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError):
        raise _damaged(file) from None
    try:
        entries = json.loads(text)
        found = [Tombstone(**entry) for entry in entries]
    except (ValueError, TypeError):
        raise _damaged(file) from None
    for tombstone in found:
        if cast(str, tombstone.kind) not in _KINDS or not _HASH.match(str(tombstone.record_hash)):
            raise _damaged(file)
    return found


def _damaged(file: Path) -> ZevenError:
    return ZevenError(
        f"{file}: holds who was forgotten and cannot be read, so nothing is loaded: it could bring a person "
        "back. Put the file back from a backup; it may only be removed when nobody was ever forgotten."
    )
