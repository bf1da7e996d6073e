"""Tables of a CRM that another tool has already put somewhere, read as if the CRM had been asked.

Belongs here: reading declared objects out of the tables that are theirs, and what follows when one is absent,
half loaded, empty or unchanged. Does not belong here: which tables are an object's (the CRMs' `*_landed.py`),
where tables are (`landed_places.py`, `landed_database.py`), or putting rows into raw (`landing.py`).
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.crm.absence import tell_absent
from orchestration.ingest.crm.diagnosis import Diagnosis, of_fields, of_variables
from orchestration.ingest.crm.kind import CrmKind
from orchestration.ingest.crm.landed_places import DuckDbFile, ParquetFolder, Place
from orchestration.ingest.crm.landed_table import Part, Table
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.objects import Object
from orchestration.ingest.source_kind import Pending
from orchestration.ingest.sql_database_connection import address_variable
from orchestration.setting_sources import LandedSource
from orchestration.settings import Settings
from orchestration.sql_text import first_line, identifier

_LOAD_IT = "Let the tool load it, or leave it where nobody uses it."


@dataclass(frozen=True)
class Wanted:
    """What a CRM's module says of its objects.

    `required`: fields by object that no number can do without, and objects, but for those in `may_lack`; of
    the others only the key is. `costs`: what goes without an object, as the end of "without it". `quiet`:
    objects and fields (`field`, or `object.field`) of which nothing is said where they are absent. `only`: by
    object the condition over its fields under which rows are taken. `stay`: objects of which nothing is
    buried, because what is known of the past stays true.
    """

    required: Mapping[str, Sequence[str]] = field(default_factory=dict)
    may_lack: Collection[str] = ()
    costs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    quiet: Collection[str] = ()
    only: Mapping[str, str] = field(default_factory=dict)
    stay: Collection[str] = ()


Find = Callable[..., Table | None]
"""`find(*names)`: the table with one of these names."""
OfRaw = Callable[[Object], str]
"""The relation of the records of an object that were landed before it."""


class Recipe(Protocol):
    """Which rows are an object's."""

    wanted: Wanted

    def parts(self, object_: Object, find: Find, of_raw: OfRaw) -> list[Part] | None:
        """The rows of all parts together are the object's; an empty list where its tables are not there, None
        where it is none of those that are read."""


class LandedReader:
    """A `Reader` of one source (`kind.py`): every object is whole, so what is no longer in it is gone."""

    def __init__(self, source_name: str, source: LandedSource, recipe: Recipe) -> None:
        self._name, self._recipe = source_name, recipe
        self._place = _place(source_name, source)

    @property
    def _wanted(self) -> Wanted:
        return self._recipe.wanted

    @property
    def _required(self) -> set[str]:
        """Objects without which there is no number."""
        return set(self._wanted.required) - set(self._wanted.may_lack)

    def read(self, object_: Object, landing: Landing) -> int:
        """Land all rows of an object, unless nothing was written to its tables since; how many batches."""
        with self._place.opened(landing.con):
            try:
                return self._read(object_, landing)
            except duckdb.Error as error:
                raise SourceError(
                    f"{self._name}: the table of {object_.name} in {self._place.said} could not be read"
                    f" ({first_line(error)}); is the tool at work on it? Run again when it is done."
                ) from None

    def _read(self, object_: Object, landing: Landing) -> int:
        con = landing.con
        parts = self._parts(con, object_, landing)
        if parts is None:
            return 0
        if not parts:
            self._tell_absent(object_, landing)
            return 0
        self._look_at_fields(object_, parts, landing)
        query = self._query(object_, parts)
        print_ = self._fingerprint(con, parts, query)
        if print_ and landing.cursor(object_) == {"fingerprint": print_}:
            return 0
        self._place.bring(con, _tables(parts))
        if self._is_half_loaded(con, object_, parts, landing):
            return 0
        is_whole = object_.name not in self._wanted.stay
        if is_whole:
            self._refuse_empty(object_, query, landing)
        cursor = {"fingerprint": print_} if print_ else None
        landing.land_query(object_, query, cursor=cursor, is_complete=is_whole)
        return 1

    def diagnose(self, con: duckdb.DuckDBPyConnection, objects: Iterable[Object]) -> Iterator[Diagnosis]:
        """What is there of the objects, without reading a row."""
        with self._place.opened(con):
            for object_ in objects:
                name, parts = object_.name, self._parts(con, object_, None)
                costs = self._wanted.costs.get(name, {})
                if parts is None or (parts and not _tables(parts)):
                    continue
                if parts:
                    there = {field for part in parts for field in part.fields}
                    there |= {one.name for one in object_.fields if self._is_quiet(object_, one.name)}
                    found = of_fields(object_, there, costs)
                    yield replace(found, advice=_LOAD_IT if found.advice else "")
                elif name not in self._wanted.quiet:
                    cost = costs.get("", "nothing of it is counted")
                    said = f"{name} is not in {self._place.said}: without it, {cost}."
                    yield Diagnosis(name, "wrong" if name in self._required else "warning", said, _LOAD_IT)

    # what is taken

    def _parts(
        self, con: duckdb.DuckDBPyConnection, object_: Object, landing: Landing | None
    ) -> list[Part] | None:
        def find(*names: str) -> Table | None:
            return self._place.find(con, *names)

        def of_raw(other: Object) -> str:
            return landing.newest(other) if landing else "(SELECT 1)"  # a diagnosis asks for no rows

        return self._recipe.parts(object_, find, of_raw)

    def _is_quiet(self, object_: Object, name: str) -> bool:
        return not {name, f"{object_.name}.{name}"}.isdisjoint(self._wanted.quiet)

    def _look_at_fields(self, object_: Object, parts: Sequence[Part], landing: Landing) -> None:
        """What is needed and absent is refused, the rest is told."""
        known = {name for part in parts for name in part.fields}
        missing = [one.name for one in object_.fields if one.name not in known]
        needed = {*object_.key, *self._wanted.required.get(object_.name, ())}
        if refused := [name for name in missing if name in needed]:
            raise SourceError(
                f"{self._name}: {', '.join(refused)} of {object_.name} is not among the columns of its"
                f" table in {self._place.said}, and no number can do without it; let the tool load it."
            )
        if told := [name for name in missing if not self._is_quiet(object_, name)]:
            landing.findings.append(
                f"{object_.name} has no column for {', '.join(told)} in {self._place.said}."
            )

    def _query(self, object_: Object, parts: Sequence[Part]) -> str:
        """`_row` and the fields as text; the later row of a record is the one that counts."""
        names = [one.name for one in object_.fields]
        together = " UNION ALL ".join(part.query(number, names) for number, part in enumerate(parts))
        listed = ", ".join(map(identifier, names))
        rows = (
            f"SELECT row_number() OVER (ORDER BY _synced NULLS FIRST, _part) AS _row, {listed}"
            f" FROM ({together})"
        )
        only = self._wanted.only.get(object_.name)
        absent = set(names) - {name for part in parts for name in part.fields}
        if only and not any(re.search(rf"\b{name}\b", only) for name in absent):
            return f"SELECT * FROM ({rows}) WHERE {only}"
        return rows

    # when it is taken

    def _is_half_loaded(
        self, con: duckdb.DuckDBPyConnection, object_: Object, parts: Sequence[Part], landing: Landing
    ) -> bool:
        """Whether dlt is at work on a table: its rows are there before `_dlt_loads` has their load, and
        those that they replace are not."""
        rows = 0
        for table in _tables(parts):
            if not (load := table.load):
                continue
            loads = self._place.loads(con, table)
            if loads is None:
                finding = (
                    f"{self._place.said} has no _dlt_loads, so a load that dlt is at work on cannot be told."
                )
                if finding not in landing.findings:
                    landing.findings.append(finding)
                continue
            rows += con.execute(
                f"SELECT count(*) FROM {table.source} WHERE CAST({load} AS VARCHAR) NOT IN"
                f" (SELECT CAST(load_id AS VARCHAR) FROM {loads} WHERE status = 0)"
            ).fetchall()[0][0]
        if rows:
            landing.findings.append(
                f"{object_.name}: {rows:,} rows are of a load that dlt has not finished; the table stays"
                " as it was until it has."
            )
        return bool(rows)

    def _fingerprint(self, con: duckdb.DuckDBPyConnection, parts: Sequence[Part], query: str) -> str:
        """Of what decides the rows, without reading them; "" where nothing tells: then they are read at every
        run."""
        facts: list[Any] = []
        for part in parts:
            for table in part.watched or part.tables or (None,):
                fact = self._place.facts(con, table) if table else None
                if fact is None:
                    return ""
                facts.append(fact)
        return hashlib.sha256(json.dumps([facts, query], default=str).encode()).hexdigest()

    def _refuse_empty(self, object_: Object, query: str, landing: Landing) -> None:
        """A tool that loads a table anew empties it first: that is no deletion of everything."""
        if landing.con.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0]:
            return
        alive = landing.con.execute(f"SELECT count(*) FROM {landing.newest(object_)}").fetchall()[0][0]
        if alive:
            raise SourceError(
                f"{self._name}: the table of {object_.name} in {self._place.said} is empty, where"
                f" {alive:,} records were; nothing is taken as deleted. Run again when the tool has loaded"
                " it."
            )

    def _tell_absent(self, object_: Object, landing: Landing) -> None:
        name, said = object_.name, self._place.said
        tell_absent(
            name,
            landing,
            required=self._required,
            quiet=self._wanted.quiet,
            costs=self._wanted.costs,
            refusal=f"{self._name}: {said} has no table for {name}, and no number can do without it;"
            " let the tool load it, or correct place and dataset.",
            said=f"{name} is not in {said}",
        )


def _tables(parts: Iterable[Part]) -> list[Table]:
    """Each once, those that only say when something was written last."""
    found = {id(table): table for part in parts for table in part.tables}
    return [*found.values()]


def _place(source_name: str, source: LandedSource) -> Place:
    if source.place == "database":
        from orchestration.ingest.crm.landed_database import InDatabase

        return InDatabase(source_name, source.dataset)
    if not source.place.exists():
        raise SourceError(
            f"sources.{source_name}.place: {source.place} is not there; it is the DuckDB file, or the"
            ' folder of Parquet files, into which the tables are loaded, or "database".'
        )
    kind = ParquetFolder if source.place.is_dir() else DuckDbFile
    return kind(source_name, source.place, source.dataset)


class LandedKind(CrmKind):
    """A kind of its own that fills the raw tables of the CRM's kind."""

    def __init__(
        self,
        name: str,
        crm: str,
        objects: Iterable[Object],
        recipe: Callable[[Any, str], Recipe],
    ) -> None:
        super().__init__(crm, objects, self._open_reader, self._diagnose)
        self._kind, self._recipe = name, recipe

    def scan(self, con: duckdb.DuckDBPyConnection, settings: Settings) -> list[Pending]:
        return [
            Pending(name, table, str(source.place), "ask")
            for name, source in settings.sources.items()
            if isinstance(source, LandedSource) and source.kind == self._kind
            for table in self.TABLES
        ]

    def _open_reader(self, settings: Settings, source_name: str) -> LandedReader:
        source = settings.sources[source_name]
        assert isinstance(source, LandedSource)
        return LandedReader(source_name, source, self._recipe(source, source_name))

    def _diagnose(self, settings: Settings, source_name: str) -> Iterator[Diagnosis]:
        source = settings.sources[source_name]
        assert isinstance(source, LandedSource)
        if source.place == "database":
            [found] = of_variables([address_variable(source_name)])
            yield found
            if found.verdict == "wrong":
                return
        with duckdb.connect(config={"autoload_known_extensions": False}) as con:
            yield from self._open_reader(settings, source_name).diagnose(con, self.TABLES.values())
