"""Traces outside of the tables: Dagster's history, logs, what dbt wrote, the note on the last failure.

Belongs here: finding the texts of a person there and taking them out. Does not belong here: databases of ours
(`warehouse_file.py`) and releases (`old_releases.py`).

Pipelines note keys of failing rows, and a refused file may be described with the value that is wrong. So
Dagster's SQLite files are rewritten where such a text stands, row by row, and written anew by SQLite, which
otherwise keeps deleted bytes as DuckDB does. Other files are removed: they are logs and intermediate files.
"""

# ruff: noqa: S608 -- names come from the database's own catalogue and are quoted

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from orchestration.sql_text import identifier

PLACEHOLDER = "(forgotten)"
_BUSY_SECONDS = 60.0


class Texts:
    """The texts to be found, each as a whole word, also as JSON writes them."""

    def __init__(self, texts: Iterable[str]) -> None:
        spelt = {form for text in texts if text for form in _spellings(text)}
        longest_first = sorted(spelt, key=lambda text: (-len(text), text))
        words = "|".join(re.escape(text) for text in longest_first)
        # a line end inside JSON is \n, so that a letter stands right before the word
        self._pattern = re.compile(
            rf"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))(?:{words})(?![A-Za-z0-9_])", re.IGNORECASE
        )
        self._any = bool(spelt)

    def __bool__(self) -> bool:
        return self._any

    def stand_in(self, text: str) -> bool:
        return self._any and self._pattern.search(text) is not None

    def taken_out(self, text: str) -> str:
        return self._pattern.sub(PLACEHOLDER, text)


def take_out(folder: Path, texts: Texts, *, spared: Iterable[Path] = ()) -> int:
    """Take the texts out of every file under `folder`, but those `spared`; how many files held one."""
    if not texts or not folder.is_dir():
        return 0
    left_alone = set(spared)
    found = 0
    for path in sorted(folder.rglob("*")):
        if path in left_alone or path.is_symlink() or not path.is_file():
            continue
        if path.suffix == ".db":
            found += _rewrite_sqlite(path, texts)
        elif not path.name.endswith((".db-wal", ".db-shm")) and texts.stand_in(_read(path)):
            path.unlink()
            found += 1
    return found


def _rewrite_sqlite(file: Path, texts: Texts) -> int:
    """1 where a row or a freed page of the database held a text."""
    with closing(sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None)) as con:
        con.create_function("stands_in", 1, lambda value: texts.stand_in(_text_of(value)))
        con.create_function("taken_out", 1, lambda value: _like(value, texts.taken_out(_text_of(value))))
        changed = 0
        for (table,) in con.execute("select name from sqlite_master where type = 'table'").fetchall():
            for _, column, *_ in con.execute(f"pragma table_info({identifier(table)})").fetchall():
                name = identifier(column)
                changed += con.execute(
                    f"update {identifier(table)} set {name} = taken_out({name})"
                    f" where typeof({name}) in ('text', 'blob') and stands_in({name})"
                ).rowcount
        if not changed and not texts.stand_in(_read(file)) and not texts.stand_in(_read(_log_of(file))):
            return 0
        con.execute("vacuum")
        con.execute("pragma wal_checkpoint(truncate)")
    return 1


def _spellings(text: str) -> set[str]:
    return {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}


def _text_of(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _like(value: str | bytes, text: str) -> str | bytes:
    return text.encode() if isinstance(value, bytes) else text


def _read(file: Path) -> str:
    """Its bytes as text, for looking a word up in them; nothing where there is no such file."""
    try:
        return file.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _log_of(file: Path) -> Path:
    return file.with_name(f"{file.name}-wal")
