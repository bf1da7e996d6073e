"""The source kind `sql`: a CRM's own database, table by table, through the same mapping as export files.

Belongs here: what of a table is read, and when. Does not belong here: asking the database
(`sql_database_connection.py`), or putting rows into raw (`sql_database_rows.py`).

A table is read whole in the order of its key at first, after a change of its settings, and always where it
has no cursor. With a cursor, the rows are read whose cursor is not older than the greatest that was seen,
less an overlap for transactions that were slow to commit. The upper bound of a reading is fixed before it
begins, and what counts as seen never passes it, nor the clock: a date of the future does not hide what comes
before it. Both ways go in pieces that are committed with their position, so that a killed run loses one
piece, which is read again.

What is gone from the database has no cursor: all keys are compared after every whole reading, and every few
days.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from orchestration.errors import SettingsError, SourceError
from orchestration.expressions import ExpressionError, columns_named
from orchestration.ingest.crm.diagnosis import Diagnosis, of_variables
from orchestration.ingest.export_format import TABLES, Table
from orchestration.ingest.file_discovery import ENTRY_TABLES
from orchestration.ingest.header_drift import ALIKE
from orchestration.ingest.mapping import MappingError, check_expressions, check_names
from orchestration.ingest.source_kind import Pending, TableLoad
from orchestration.ingest.sql_database_connection import Database, address, address_variable
from orchestration.ingest.sql_database_rows import Landed, Plan, Rows, prepare
from orchestration.ingest.sql_database_values import CURSOR_KINDS, KEY_KINDS, Own
from orchestration.ingest.values import check_formats
from orchestration.progress import Event, report
from orchestration.setting_sources import SqlSource, SqlTable
from orchestration.settings import Settings
from orchestration.speech import speakable

__all__ = ["CRM", "TABLES", "diagnose", "load_table", "prepare", "scan"]

CRM = "files"
"""It fills the tables of the export format, so staging reads it as it reads files."""
NAMES = ("teams", "reps", "accounts", "products")
"""Tables that give a name to an id: what is gone there keeps its name, for the records that still mention
it."""
_TOLD = 20


def scan(con: duckdb.DuckDBPyConnection, settings: Settings) -> list[Pending]:
    """Nobody knows before asking; a table that was never read is new."""
    return [
        Pending(name, table, source.tables[table].table, "ask")
        for name, source in _sources(settings).items()
        for table in TABLES
        if table in source.tables
    ]


def load_table(
    con: duckdb.DuckDBPyConnection, settings: Settings, source_name: str, table_name: str, loaded_at: datetime
) -> TableLoad:
    """Read what is new of one table, piece by piece. `con` must be outside a transaction.

    Raises `SourceError`; the pieces before are kept, and the next run goes on after them.
    """
    started, name = time.monotonic(), f"{source_name}.{table_name}"
    source = _sources(settings)[source_name]
    _check(source_name, source)
    mapping = source.tables.get(table_name)
    if mapping is None:
        return TableLoad(source_name, table_name, 0, 0, 0, 0, 0, ())
    try:
        load = _Load(con, settings, source_name, source, TABLES[table_name], mapping, loaded_at)
        landed, findings = load.run(), load.findings
    except (SourceError, SettingsError) as error:
        report(Event("ingest", name, "failed", seconds=time.monotonic() - started, detail=str(error)))
        if isinstance(error, SettingsError):
            raise SourceError(str(error)) from None
        raise
    if landed.rows_quarantined:
        findings.append(
            f"{mapping.table}: {landed.rows_quarantined} rows are in quarantine; see raw_files.quarantine"
            " for the"
            " reason."
        )
    if landed.rows_withheld:
        findings.append(
            f"{mapping.table}: {landed.rows_withheld} rows about somebody who was forgotten are left out."
        )
    for finding in findings:
        report(Event("ingest", name, "warning", detail=finding))
    seconds = time.monotonic() - started
    if landed.batches:
        told = ((landed.rows_deleted, "deleted"), (landed.rows_quarantined, "quarantined"))
        detail = ", ".join(f"{number} {what}" for number, what in told if number)
        report(Event("ingest", name, "done", landed.rows_loaded, seconds, detail))
    else:
        report(Event("ingest", name, "nothing_new", seconds=seconds))
    return TableLoad(
        source_name,
        table_name,
        batches_seen=landed.batches,
        batches_new=landed.batches,
        rows_in=landed.rows_in,
        rows_loaded=landed.rows_loaded,
        rows_quarantined=landed.rows_quarantined,
        findings=tuple(map(speakable, findings)),
    )


def _sources(settings: Settings) -> dict[str, SqlSource]:
    return {name: source for name, source in settings.sources.items() if isinstance(source, SqlSource)}


def _check(source_name: str, source: SqlSource) -> None:
    for table_name in source.tables:
        if table_name not in TABLES:
            near = get_close_matches(table_name, TABLES, n=1)
            raise SourceError(
                f"sources.{source_name}.tables.{table_name}: the format has no table '{table_name}'"
                f"{f', did you mean {near[0]}?' if near else ''} (it has: {', '.join(TABLES)})."
            )
    if not set(ENTRY_TABLES) & set(source.tables):
        raise SourceError(
            f"sources.{source_name}.tables: neither leads nor opportunities are mapped; a source has at"
            " least one of"
            " them."
        )


class _Load:
    """One table, one run."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        settings: Settings,
        source_name: str,
        source: SqlSource,
        table: Table,
        mapping: SqlTable,
        loaded_at: datetime,
    ) -> None:
        check_formats(con, source_name, source)
        self._name, self._source, self._table, self._mapping = source_name, source, table, mapping
        self._key_of_settings = f"{settings.file}: sources.{source_name}.tables.{table.name}"
        self._event = f"{source_name}.{table.name}"
        self._now = datetime.now(UTC)
        self.findings: list[str] = []
        self.landed = Landed()
        self._database = Database(source_name, address(source_name))
        self._shape = self._database.describe(mapping.table)
        self._plan = self._planned(con)
        self._rows = Rows(con, source_name, source, self._plan, settings.paths.warehouse, loaded_at)

    def run(self) -> Landed:
        position = self._rows.position() or {}
        self._compare_columns(position.get("columns") or {})
        position = position | {"columns": {own.name: own.declared for own in self._shape.columns.values()}}
        is_new = position.get("reading") != self._plan.reading
        unfinished = position.get("whole") if not is_new and self._plan.cursor else None
        if is_new or unfinished or self._plan.cursor is None:
            position = self._read_whole(position, unfinished)
            if not unfinished:
                return self.landed
        position = self._read_changes(position)
        if self._is_time_for_keys(position):
            self._compare_keys(position)
        else:
            self._rows.move(position)
        return self.landed

    def look(self) -> int:
        """Select one row, as far as rights go; how many columns are read."""
        columns, key = self._plan.columns, self._plan.key
        next(self._database.pieces(self._shape, columns, 1, lambda table, last: None, [key]), None)
        return len(columns)

    # what is read

    def _read_whole(self, position: dict[str, Any], unfinished: Mapping[str, Any] | None) -> dict[str, Any]:
        """All rows in the order of the key, then all keys."""
        key, cursor = self._plan.key, self._plan.cursor
        if unfinished:
            bound, start = unfinished["bound"], key.read_back(unfinished["after"])
        else:
            self._refuse_doubtful_key()
            bound = cursor.keep(self._database.newest(self._shape, cursor)) if cursor else None
            start = None
        position = position | {"reading": self._plan.reading, "seen": None}

        def after(table: Any, last: Sequence[Any] | None) -> Any:
            since = last[0] if last else start
            return None if since is None else table.c[key.name] > since

        for rows, last in self._pieces(after, [key]):
            whole = {"after": key.keep(last[0]), "bound": bound} if cursor else None
            self._tell(self._rows.land(rows, position | {"whole": whole}))
        position = position | {"whole": None, "seen": self._seen(bound)}
        return self._compare_keys(position)

    def _read_changes(self, position: dict[str, Any]) -> dict[str, Any]:
        """Rows whose cursor is not older than what was seen, less the overlap; then those without one."""
        import sqlalchemy as sa

        key, cursor = self._plan.key, self._plan.cursor
        assert cursor is not None
        bound = self._database.newest(self._shape, cursor)
        seen = cursor.read_back(position["seen"])
        if bound is not None:
            since = self._database.bound(self._earlier(seen)) if seen is not None else None

            def changed(table: Any, last: Sequence[Any] | None) -> Any:
                at, id_ = table.c[cursor.name], table.c[key.name]
                upto = at <= bound
                if last is None:
                    return upto if since is None else sa.and_(at >= since, upto)
                return sa.and_(at >= last[0], upto, sa.or_(at > last[0], id_ > last[1]))

            for rows, last in self._pieces(changed, [cursor, key]):
                moved = {"seen": self._seen(cursor.keep(last[0]), position["seen"])}
                self._tell(self._rows.land(rows, position | moved))
            position = position | {"seen": self._seen(cursor.keep(bound), position["seen"])}

        def undated(table: Any, last: Sequence[Any] | None) -> Any:
            empty = table.c[cursor.name].is_(None)
            return empty if last is None else sa.and_(empty, table.c[key.name] > last[0])

        for rows, _ in self._pieces(undated, [key]):
            self._tell(self._rows.land(rows, position))
        return position

    def _compare_keys(self, position: dict[str, Any]) -> dict[str, Any]:
        """Find what is gone; where a row only gives a name, nothing is done about it."""
        position = position | {"keys_at": self._now.isoformat()}
        if self._table.name in NAMES:
            self._rows.move(position)
        else:
            self.landed.add(self._rows.bury(self._database.keys(self._shape, self._plan.key), position))
        return position

    def _is_time_for_keys(self, position: Mapping[str, Any]) -> bool:
        days, at = self._source.keys_every_days, position.get("keys_at")
        if not days:
            return False
        # half a day earlier, as a daily run does not start on the second
        return at is None or self._now - datetime.fromisoformat(at) >= timedelta(days=days - 0.5)

    def _pieces(self, condition: Any, order: Sequence[Own]) -> Any:
        columns, size = self._plan.columns, self._source.rows_per_piece
        return self._database.pieces(self._shape, columns, size, condition, order)

    def _tell(self, landed: Landed) -> None:
        self.landed.add(landed)
        report(Event("ingest", self._event, "started", detail=f"{self.landed.rows_in:,} rows read"))

    def _overlap(self) -> timedelta:
        minutes = timedelta(minutes=self._source.overlap_minutes)
        assert self._plan.cursor is not None
        return max(minutes, timedelta(days=1)) if self._plan.cursor.kind == "date" else minutes

    def _earlier(self, seen: Any) -> Any:
        try:
            return seen - self._overlap()
        except OverflowError:  # everything that was seen is from before all time
            return seen

    def _seen(self, value: Any, before: Any = None) -> Any:
        """What counts as seen after a value of the cursor: not more than the clock shows, not less than
        before."""
        cursor = self._plan.cursor
        if cursor is None or value is None:
            return before
        now: date = self._now
        if cursor.kind != "instant":
            now = self._now.astimezone(ZoneInfo(self._source.time_zone)).replace(tzinfo=None)
        if cursor.kind == "date":
            now = now.date() if isinstance(now, datetime) else now
        found = min(cursor.read_back(value), now)
        return cursor.keep(found if before is None else max(found, cursor.read_back(before)))

    # what the settings say of the table

    def _planned(self, con: duckdb.DuckDBPyConnection) -> Plan:
        mapping, table = self._mapping, self._table
        check_names(self._name, table, mapping)
        try:
            named = check_expressions(con, mapping)
        except MappingError as error:
            raise SourceError(f"{self._key_of_settings}.columns.{error.column}: {error}.") from None
        wanted = {f"columns.{name}": columns for name, columns in named.items()}
        if mapping.deleted is not None:
            wanted["deleted"] = self._named_by_deleted(con, mapping.deleted)
        wanted |= {"key": {mapping.key}} | ({"cursor": {mapping.cursor}} if mapping.cursor else {})
        same = [own for own in self._shape.columns.values() if own.name.casefold() in self._unmapped()]
        own = {one.name: one for one in same}
        for setting, names in wanted.items():
            own |= {one.name: one for one in (self._own(setting, name) for name in sorted(names))}
        key, cursor = self._own("key", mapping.key), None
        self._refuse_kind("key", key, KEY_KINDS, "a whole number or text")
        if mapping.cursor:
            cursor = self._own("cursor", mapping.cursor)
            self._refuse_kind("cursor", cursor, CURSOR_KINDS, "a timestamp or a date")
        for setting, names in wanted.items():
            for name in names:
                if self._own(setting, name).kind == "bytes":
                    raise SourceError(
                        f"{self._key_of_settings}.{setting}: the column '{name}' of {mapping.table} holds"
                        " bytes, which"
                        " are not read; leave it out, or show it as text in a view."
                    )
        self._refuse_missing(named)
        gone = mapping.deleted
        if gone is not None and any(column.name == "is_deleted" for column in table.columns):
            mapping, gone = (
                mapping.model_copy(update={"columns": {**mapping.columns, "is_deleted": gone}}),
                None,
            )
        columns = tuple(one for one in own.values() if one.kind != "bytes")
        return Plan(table, mapping, columns, key, cursor, gone, self._reading())

    def _unmapped(self) -> set[str]:
        """Canonical columns without an expression: taken from the table's own column of that name."""
        taken = set(self._mapping.columns) | ({"is_deleted"} if self._mapping.deleted is not None else set())
        return {column.name for column in self._table.columns} - taken

    def _named_by_deleted(self, con: duckdb.DuckDBPyConnection, expression: str) -> set[str]:
        if self._table.name in NAMES:
            raise SourceError(
                f"{self._key_of_settings}.deleted: {self._table.name} only give a name to an id, which is"
                " wanted as"
                " long as a record mentions it; leave deleted out."
            )
        try:
            return columns_named(con, expression)
        except ExpressionError as error:
            raise SourceError(f"{self._key_of_settings}.deleted: {error}.") from None

    def _own(self, setting: str, name: str) -> Own:
        found = self._shape.find(name)
        if found is None:
            names = list(self._shape.columns)
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"its columns are: {', '.join(names[:40])}."
            raise SourceError(
                f"{self._key_of_settings}.{setting}: {self._mapping.table} has no column '{name}'; {hint}"
            )
        return found

    def _refuse_kind(self, setting: str, own: Own, kinds: Sequence[str], wanted: str) -> None:
        if own.kind not in kinds:
            raise SourceError(
                f"{self._key_of_settings}.{setting}: the column '{own.name}' of {self._mapping.table} is"
                f" {own.declared}, and {wanted} is needed."
            )

    def _refuse_missing(self, named: Mapping[str, set[str]]) -> None:
        there = {own.name.casefold() for own in self._shape.columns.values()}
        for name in self._table.required:
            if name not in named and name not in there:
                raise SourceError(
                    f"{self._key_of_settings}.columns: {self._mapping.table} has no column '{name}', which"
                    f" {self._table.name} requires; add a line '{name} = \"...\"' with the column that"
                    " gives it."
                )

    def _refuse_doubtful_key(self) -> None:
        if doubt := self._database.doubtful_key(self._shape, self._plan.key):
            raise SourceError(
                f"{self._key_of_settings}.key: the column '{self._plan.key.name}' of {self._mapping.table}"
                f" {doubt}, so"
                " it is no key; name one that tells every row from the others."
            )

    def _reading(self) -> str:
        """Everything that decides what a row loads as, hashed: another reading reads the whole table
        again."""
        parts = {
            "format": [asdict(column) for column in self._table.columns],
            "mapping": self._mapping.model_dump(exclude={"cursor"}),
            "time_zone": self._source.time_zone,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    # what changed in the table itself

    def _compare_columns(self, before: Mapping[str, str]) -> None:
        """Tell of columns that came, went or changed their type since the last load."""
        if not before:
            return
        now = {own.name: own.declared for own in self._shape.columns.values()}
        new, gone = [name for name in now if name not in before], [name for name in before if name not in now]
        sentences, table = [], self._mapping.table
        for name in gone:
            near = get_close_matches(name, new, n=1, cutoff=ALIKE)
            if near:
                new.remove(near[0])
                sentences.append(
                    f"{table}: the column '{name}' is gone and '{near[0]}' is new: probably renamed."
                )
            else:
                sentences.append(f"{table}: the column '{name}', there at the last load, is missing.")
        sentences += [
            f"{table}: the column '{name}' is new since the last load; no expression names it."
            for name in new
        ]
        sentences += [
            f"{table}: the column '{name}' was {before[name]} and is {now[name]} now."
            for name in now
            if name in before and before[name] != now[name]
        ]
        if len(sentences) > _TOLD:
            sentences[_TOLD:] = [f"{table}: {len(sentences) - _TOLD} more columns have changed."]
        self.findings += sentences


def diagnose(settings: Settings, source_name: str) -> Iterator[Diagnosis]:
    """What `zeven doctor` says: the address, and of every mapped table whether it can be read as the
    settings say."""
    source = _sources(settings)[source_name]
    [found] = of_variables([address_variable(source_name)])
    yield found
    if found.verdict == "wrong":
        return
    _check(source_name, source)
    with duckdb.connect(config={"autoload_known_extensions": False}) as con:
        for name, mapping in source.tables.items():
            now = datetime.now(UTC)
            load = _Load(con, settings, source_name, source, TABLES[name], mapping, now)
            columns = load.look()
            yield Diagnosis(name, "ok", f"{columns} columns of {mapping.table} can be read")
