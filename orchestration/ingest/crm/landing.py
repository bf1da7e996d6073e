"""Rows of a CRM on their way into raw tables: typed, compared with what is there, committed with the cursor.

Belongs here: one transaction per batch. Does not belong here: which tables there are (`raw_schema.py`), what
a field is read as (`field_types.py`), asking a CRM (`session.py`, the CRMs' modules).

A batch is what was read up to one cursor. Rows, tombstones, quarantine, ledger and cursor are committed
together, so a cursor never runs ahead of its rows, and a batch that is read again adds nothing: a record
whose fields are the same as in its newest version is counted and not kept.
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson

from orchestration.errors import SourceError
from orchestration.ingest.crm.field_types import given_text, line, plain, reason_against, typed_value
from orchestration.ingest.crm.forgotten_records import leave_out
from orchestration.ingest.crm.objects import LOAD_COLUMNS, Object
from orchestration.ingest.crm.raw_schema import LEDGER_COLUMNS
from orchestration.sql_text import LISTED, identifier, listed, literal

Row = Mapping[str, Any]


@dataclass
class Landed:
    """What became of the rows of one batch, or of several together."""

    rows_in: int = 0
    rows_loaded: int = 0
    rows_unchanged: int = 0
    rows_repeated: int = 0
    rows_quarantined: int = 0
    rows_withheld: int = 0
    rows_deleted: int = 0

    def add(self, other: Landed) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def changed(self) -> bool:
        return bool(self.rows_loaded or self.rows_deleted or self.rows_quarantined)


@dataclass
class Landing:
    """Puts batches of one source into the tables of one raw schema.

    `con` must be outside a transaction. `told` passes the rows on and says how many came. `landed` sums up by
    object what was put there.
    """

    con: duckdb.DuckDBPyConnection
    schema: str
    source: str
    loaded_at: datetime
    warehouse: Path
    told: Callable[[Iterable[Row]], Iterable[Row]] = iter
    landed: dict[str, Landed] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    def cursor(self, object_: Object) -> Any:
        """The position that was committed last for this object, or None."""
        found = self.con.execute(
            f"SELECT position FROM {self.table('cursors')} WHERE source = ? AND table_name = ?",
            [self.source, object_.name],
        ).fetchall()
        return orjson.loads(found[0][0]) if found else None

    def newest(self, object_: Object) -> str:
        """The relation of an object's records of this source that are there: their newest versions."""
        key = ", ".join(map(identifier, object_.key))
        return (
            f"(SELECT * FROM (SELECT * FROM {self.table(object_.name)} WHERE _source = {literal(self.source)}"
            f" QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY _batch_number DESC, _source_row DESC)"
            " = 1) WHERE NOT _is_deleted)"
        )

    def table(self, name: str) -> str:
        return f"{identifier(self.schema)}.{identifier(name)}"

    def land(
        self,
        object_: Object,
        rows: Iterable[Row],
        *,
        cursor: Any = None,
        is_complete: bool = False,
        of_parents: tuple[str, Sequence[str]] | None = None,
    ) -> Landed:
        """Commit rows, each a mapping from the declared fields to text, numbers, Booleans or None.

        Of a record that stands in them twice the last one counts. `cursor` (anything that is JSON) replaces
        the object's position. `is_complete`: the rows are all there are, so records that are not among them
        are gone. `of_parents` (field, ids): they are all there are of these parents. Other fields of a
        row are left out.
        """
        with tempfile.TemporaryDirectory(prefix="zeven-", dir=self.warehouse) as folder:
            file = Path(folder) / "rows.jsonl"
            names = [one.name for one in object_.fields]
            with file.open("wb") as out:
                for row in self.told(rows):
                    out.write(line([plain(row.get(name)) for name in names]))
                    out.write(b"\n")
            fields = ", ".join(f"r[{number}] AS {identifier(n)}" for number, n in enumerate(names, start=1))
            query = (
                f"SELECT row_number() OVER () AS _row, {fields} FROM read_json({literal(file)},"
                " format = 'newline_delimited', records = false, columns = {r: 'VARCHAR[]'},"
                " maximum_object_size = 67108864)"
            )
            return self.land_query(
                object_, query, cursor=cursor, is_complete=is_complete, of_parents=of_parents
            )

    def land_query(
        self,
        object_: Object,
        query: str,
        *,
        cursor: Any = None,
        is_complete: bool = False,
        of_parents: tuple[str, Sequence[str]] | None = None,
    ) -> Landed:
        """As `land`, for rows that DuckDB reads itself: `query` gives `_row` and the fields as text."""
        with self._transaction():
            landed = self._land(object_, query, cursor, is_complete, of_parents)
        self.landed.setdefault(object_.name, Landed()).add(landed)
        return landed

    def _land(
        self,
        object_: Object,
        query: str,
        cursor: Any,
        is_complete: bool,
        of_parents: tuple[str, Sequence[str]] | None,
    ) -> Landed:
        number, batch_id = self._next_batch()
        landed = Landed()
        self._type(object_, query)
        landed.rows_in = self._count("zeven_typed")
        self._refuse_keyless(object_)
        landed.rows_withheld = self._withhold(object_)
        landed.rows_quarantined, known = self._quarantine(object_, batch_id)
        landed.rows_repeated = self._drop_repeats(object_)
        self._ask_for(object_, is_complete, of_parents)
        self._remember_newest(object_)
        if is_complete or of_parents:
            landed.rows_deleted = self._bury(object_, number, batch_id, of_parents)
        landed.rows_loaded = self._insert(object_, number, batch_id)
        landed.rows_unchanged = known + self._count("zeven_typed") - landed.rows_loaded
        if cursor is not None:
            self._move(object_, cursor)
        self._enter(object_, number, batch_id, landed)
        return landed

    def _enter(self, object_: Object, number: int, batch_id: str, landed: Landed) -> None:
        """Into the ledger, where something changed."""
        if landed.changed:
            counts = [getattr(landed, name) for name, _ in LEDGER_COLUMNS[4:-1]]
            self.con.execute(
                f"INSERT INTO {self.table('load_ledger')} VALUES (?, ?, ?, ?, {', '.join('?' * 7)}, ?)",
                [self.source, object_.name, number, batch_id, *counts, self._loaded_at()],
            )

    def _type(self, object_: Object, query: str) -> None:
        """`zeven_typed`: the fields typed, `_reasons` why a row cannot be, `_record_hash`."""
        given = ", ".join(given_text(one) for one in object_.fields)
        typed = ", ".join(f"{typed_value(one)} AS {identifier(one.name)}" for one in object_.fields)
        reasons = ", ".join(reason_against(one) for one in object_.fields)
        names = ", ".join(identifier(one.name) for one in object_.fields)
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE zeven_typed AS"
            f" SELECT _row, {typed},"
            f" list_filter(CAST([{reasons}] AS VARCHAR[]), lambda x: x IS NOT NULL) AS _reasons,"
            f" hash({names}) AS _record_hash, to_json(struct_pack({names})) AS _record"
            f" FROM (SELECT _row, {given} FROM ({query}))"
        )

    def _refuse_keyless(self, object_: Object) -> None:
        missing = " OR ".join(f"{identifier(name)} IS NULL" for name in object_.key)
        found = self._count(f"zeven_typed WHERE {missing}")
        if found:
            raise SourceError(
                f"{self.source}: {found} records of {object_.name} came without {' or '.join(object_.key)};"
                " nothing of this batch is kept. May the user of the credential see that field?"
            )

    def _quarantine(self, object_: Object, batch_id: str) -> tuple[int, int]:
        """How many rows came into quarantine, and how many are there already, from an overlap.

        `zeven_refused` remembers their keys: what cannot be read is there all the same.
        """
        key = ", ".join(identifier(name) for name in object_.key)
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE zeven_refused AS SELECT {key} FROM zeven_typed"
            " WHERE len(_reasons) > 0"
        )
        [(new,)] = self.con.execute(
            f"INSERT INTO {self.table('quarantine')} SELECT ?, ?, ?, _row,"
            " array_to_string([split_part(r, ':', 1) FOR r IN _reasons], ', '),"
            " array_to_string(_reasons, '; '), _record FROM zeven_typed"
            f" WHERE len(_reasons) > 0 AND NOT EXISTS (SELECT 1 FROM {self.table('quarantine')} AS known"
            " WHERE known.source = ? AND known.table_name = ? AND known.record = zeven_typed._record)",
            [self.source, object_.name, batch_id, self.source, object_.name],
        ).fetchall()
        return int(new), self._delete("zeven_typed", "len(_reasons) > 0") - int(new)

    def _withhold(self, object_: Object) -> int:
        """Leave out, or empty, what is about somebody who was forgotten."""
        return leave_out(self.con, object_, self.warehouse, self.source, "zeven_typed")

    def _drop_repeats(self, object_: Object) -> int:
        key = ", ".join(identifier(name) for name in object_.key)
        return self._delete("zeven_typed", f"_row NOT IN (SELECT max(_row) FROM zeven_typed GROUP BY {key})")

    def _ask_for(
        self, object_: Object, is_complete: bool, of_parents: tuple[str, Sequence[str]] | None
    ) -> None:
        """`zeven_asked`: keys of the records that a batch is about, those in it and those of its parents.

        The rest of a raw table need not be looked at, which would take longer with every batch.
        """
        key, table = ", ".join(identifier(name) for name in object_.key), self.table(object_.name)
        source, bound = f"_source = {literal(self.source)}", list[str]()
        query = f"SELECT {key} FROM zeven_typed"
        if is_complete:
            query = f"{query} UNION SELECT {key} FROM {table} WHERE {source}"
        elif of_parents:
            parent, bound = identifier(of_parents[0]), [listed(of_parents[1])]
            query = f"{query} UNION SELECT {key} FROM {table} WHERE {source} AND {parent} IN {LISTED}"
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE zeven_asked AS {query}", bound)

    def _remember_newest(self, object_: Object) -> None:
        """`zeven_newest`: of every record that was asked for the hash of its newest version, if not
        deleted."""
        key = ", ".join(identifier(name) for name in object_.key)
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE zeven_newest AS SELECT {key},"
            " max_by(_record_hash, (_batch_number, _source_row)) AS _hash,"
            " max_by(_is_deleted, (_batch_number, _source_row)) AS _gone"
            f" FROM {self.table(object_.name)} WHERE _source = ? AND ({key}) IN"
            f" (SELECT ({key}) FROM zeven_asked) GROUP BY ALL",
            [self.source],
        )

    def _bury(
        self, object_: Object, number: int, batch_id: str, of_parents: tuple[str, Sequence[str]] | None
    ) -> int:
        """Tombstones, with the last values, for the records that ought to be among the rows and are not."""
        names = [one.name for one in object_.fields]
        columns = ", ".join(identifier(name) for name in names)
        same = self._same_key(object_, "last", "zeven_typed")
        refused = self._same_key(object_, "last", "zeven_refused")
        alive = self._same_key(object_, "last", "zeven_newest")
        within, bound = "true", list[str]()
        if of_parents:
            within = f"last.{identifier(of_parents[0])} IN {LISTED}"
            bound = [listed(of_parents[1])]
        key = ", ".join(identifier(name) for name in object_.key)
        found = self.con.execute(
            f"INSERT INTO {self.table(object_.name)} ({columns}, {', '.join(n for n, _ in LOAD_COLUMNS)})"
            f" SELECT {columns}, _source, {number}, {literal(batch_id)}, {self._stamp()},"
            " row_number() OVER (), true, _record_hash FROM ("
            f"   SELECT * FROM {self.table(object_.name)} WHERE _source = {literal(self.source)}"
            f"   AND ({key}) IN (SELECT ({key}) FROM zeven_asked)"
            f"   QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY _batch_number DESC, _source_row DESC)"
            f" = 1) AS last WHERE NOT _is_deleted AND {within}"
            f" AND EXISTS (SELECT 1 FROM zeven_newest WHERE {alive})"
            f" AND NOT EXISTS (SELECT 1 FROM zeven_typed WHERE {same})"
            f" AND NOT EXISTS (SELECT 1 FROM zeven_refused WHERE {refused})",
            bound,
        ).fetchall()
        return int(found[0][0])

    def bury(self, object_: Object, keys: Iterable[str]) -> int:
        """Tombstones for the records of these ids, which the CRM says are gone; unknown ids are no matter."""
        [name] = object_.key
        gone = sorted(set(keys))
        if not gone:
            return 0
        with self._transaction():
            number, batch_id = self._next_batch()
            types = ", ".join(
                f"NULL::{sql_type} AS {identifier(column)}"
                for column, sql_type in object_.columns()
                if column not in {n for n, _ in LOAD_COLUMNS}
            )
            for table in ("zeven_typed", "zeven_refused"):
                self.con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {types} LIMIT 0")
            self._ask_for(object_, False, (name, gone))
            self._remember_newest(object_)
            landed = Landed(rows_deleted=self._bury(object_, number, batch_id, (name, gone)))
            self._enter(object_, number, batch_id, landed)
        self.landed.setdefault(object_.name, Landed()).add(landed)
        return landed.rows_deleted

    def alive(self, object_: Object, is_gone: str = "_is_deleted") -> set[str]:
        """The ids of the records whose newest version is not gone; `is_gone` is SQL over a version."""
        [key] = map(identifier, object_.key)
        found = self.con.execute(
            f"SELECT {key} FROM {self.table(object_.name)} WHERE _source = ? GROUP BY {key}"
            f" HAVING NOT max_by({is_gone}, (_batch_number, _source_row))",
            [self.source],
        ).fetchall()
        return {one for (one,) in found}

    def _insert(self, object_: Object, number: int, batch_id: str) -> int:
        names = [identifier(one.name) for one in object_.fields]
        same = self._same_key(object_, "zeven_typed", "newest")
        found = self.con.execute(
            f"INSERT INTO {self.table(object_.name)} ({', '.join(names)},"
            f" {', '.join(name for name, _ in LOAD_COLUMNS)})"
            f" SELECT {', '.join(names)}, {literal(self.source)}, {number}, {literal(batch_id)},"
            # after the tombstones of the same batch
            f" {self._stamp()}, _row, false, _record_hash FROM zeven_typed WHERE NOT EXISTS ("
            f" SELECT 1 FROM zeven_newest AS newest WHERE {same} AND NOT newest._gone"
            " AND newest._hash = zeven_typed._record_hash)"
        ).fetchall()
        return int(found[0][0])

    def _move(self, object_: Object, cursor: Any) -> None:
        where = [self.source, object_.name]
        self.con.execute(f"DELETE FROM {self.table('cursors')} WHERE source = ? AND table_name = ?", where)
        self.con.execute(
            f"INSERT INTO {self.table('cursors')} VALUES (?, ?, ?, ?)",
            [*where, orjson.dumps(cursor).decode(), self._loaded_at()],
        )

    def move(self, object_: Object, cursor: Any) -> None:
        """Commit a position without rows."""
        with self._transaction():
            self._move(object_, cursor)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.con.begin()
        try:
            yield
        except BaseException:
            self.con.rollback()
            raise
        self.con.commit()

    def _same_key(self, object_: Object, one: str, other: str) -> str:
        return " AND ".join(f"{one}.{identifier(name)} = {other}.{identifier(name)}" for name in object_.key)

    def _next_batch(self) -> tuple[int, str]:
        """Its number and its id."""
        query = f"SELECT coalesce(max(batch_number), 0) + 1 FROM {self.table('load_ledger')}"
        number = int(self.con.execute(query).fetchall()[0][0])
        return number, f"{self._loaded_at():%Y%m%dT%H%M%SZ}-{number}"

    def _loaded_at(self) -> datetime:
        at = self.loaded_at
        return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at

    def _stamp(self) -> str:
        return f"TIMESTAMP {literal(f'{self._loaded_at():%Y-%m-%d %H:%M:%S.%f}')}"

    def _count(self, relation: str) -> int:
        return int(self.con.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0])

    def _delete(self, relation: str, condition: str) -> int:
        return int(self.con.execute(f"DELETE FROM {relation} WHERE {condition}").fetchall()[0][0])
