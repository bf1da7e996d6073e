"""The release that the pages show: found, opened once, asked many times, let go when another one serves.

Belongs here: which release a view reads, and running bound queries on it. Does not belong here: which queries
(`data.py`), or what their rows mean.

A view asks for the release once and reads everything from the object it got, so that no page mixes two. A
release that is replaced stays readable through the objects that still hold it, even when it is pruned: its
file stays open. DuckDB keeps one instance per path and process, so every release is attached to an in-memory
database of its own (`catalogue.open_release`).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from cachetools import LRUCache, cached

from orchestration.errors import ZevenError
from orchestration.publish import catalogue
from orchestration.publish.manifest import parse_instant, read_manifest
from orchestration.publish.store import Store
from orchestration.settings import Settings

Row = Mapping[str, Any]
REMEMBERED_ROWS = 50_000
"""Rows of answers that a release keeps, some 2 kB each. It never changes, so an answer never goes stale."""


@dataclass(frozen=True)
class Failure:
    """The newest run published nothing: since when (UTC; None where unknown) and why."""

    when: datetime | None
    message: str


class Release:
    """One published release, open for reading. `as_of` and `created_at` are instants with offset."""

    def __init__(self, settings: Settings, release_id: str) -> None:
        folder = Store.of(settings).releases / release_id
        manifest = read_manifest(folder)
        try:
            self.release_id = release_id
            self.as_of = parse_instant(manifest["as_of"])
            self.created_at = parse_instant(manifest["created_at"])
            self.company: str = manifest["company"]["name"]
            self.currency: str = manifest["company"]["currency"]
            self.time_zone: str = manifest["company"]["time_zone"]
        except (KeyError, TypeError, ValueError) as error:
            raise ZevenError(
                f"{folder}: release {release_id} is damaged, its manifest lacks {error}."
            ) from None
        self._connection = catalogue.open_release(settings, release_id)
        # one viewer's query must not take both cores from the others: 50 viewers were served in
        # half the time with one thread each
        self._connection.execute("set threads = 1")
        self._cursors = threading.local()
        answers: LRUCache[Any, tuple[Row, ...]] = LRUCache(REMEMBERED_ROWS, lambda rows: len(rows) + 1)
        self.rows = cached(answers, lock=threading.Lock())(self._rows)

    @property
    def today(self) -> date:
        """The company's day that the release describes."""
        return self.as_of.astimezone(ZoneInfo(self.time_zone)).date()

    def _rows(self, sql: str, **parameters: Any) -> tuple[Row, ...]:
        """The rows of one query. Everything from outside comes in as a bound `$parameter`."""
        found = self._cursor().execute(sql, parameters)
        names = [column[0] for column in found.description]
        return tuple(dict(zip(names, values, strict=True)) for values in found.fetchall())

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        """This thread's own: a cursor forgets its schema, and is for one thread at a time."""
        if not hasattr(self._cursors, "own"):
            self._cursors.own = self._connection.cursor()
            self._cursors.own.execute("use release")
        cursor: duckdb.DuckDBPyConnection = self._cursors.own
        return cursor


class Shelf:
    """Hands out the release that serves now. Safe for many threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = Store.of(settings)
        self._lock = threading.Lock()
        self._open: Release | None = None

    def current(self) -> Release | None:
        """The release that serves; None before the first. `ZevenError` where it is damaged."""
        for _ in range(catalogue.ATTEMPTS):
            serving = self._store.current_id()
            if serving is None:
                return None
            with self._lock:
                if self._open is None or self._open.release_id != serving:
                    try:
                        self._open = Release(self._settings, serving)
                    except (ZevenError, duckdb.Error):
                        if self._store.current_id() == serving:
                            raise
                        continue
                return self._open
        raise ZevenError(f"{self._store.root}: releases change faster than they can be opened.")

    def by_id(self, release_id: str) -> Release | None:
        """A release by its id, while it is kept; None where it is not. `ZevenError` where it is damaged."""
        try:
            now = self.current()
        except ZevenError:
            now = None  # another one may be whole
        if now is not None and now.release_id == release_id:
            return now
        if release_id not in self._store.release_ids():
            return None
        try:
            return Release(self._settings, release_id)
        except (ZevenError, duckdb.Error):
            if release_id in self._store.release_ids():
                raise
            return None  # pruned just now

    def failure(self) -> Failure | None:
        """Why the newest run published nothing; None where it did."""
        try:
            note = json.loads(self._store.last_failure.read_text(encoding="utf-8"))
            return Failure(datetime.fromisoformat(note["when"]), str(note["message"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            return Failure(None, "")
