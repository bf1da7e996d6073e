"""A CRM's own database: where it is, what a table looks like, and its rows in pieces.

Belongs here: the address from the environment, sessions that can only read, the selects (of one table, never
a statement of a user), and what a database refuses in one sentence. Does not belong here: what is read when
(`sql_database.py`), or where rows go (`sql_database_rows.py`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from orchestration.errors import SettingsError, SourceError
from orchestration.ingest.sql_database_dates import accept_endless
from orchestration.ingest.sql_database_values import Own, arrow_table, own_column
from orchestration.speech import HIDDEN
from orchestration.sql_text import first_line

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]
    import sqlalchemy as sa

DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "sqlite": "sqlite",
}
CHUNK = 20_000
"""Rows that are turned into Arrow at a time: more take memory and are no faster."""
_LONGEST = 200
_OF_SERVERS = ("information_schema", "mysql", "performance_schema", "sys")
_T = TypeVar("_T")
_READ_ONLY = {
    "postgresql": ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",),
    # the zone decides how TIMESTAMP columns are shown; DATETIME has none
    "mysql": ("SET SESSION TRANSACTION READ ONLY", "SET time_zone = '+00:00'"),
    "sqlite": ("PRAGMA query_only = ON",),
}


@dataclass(frozen=True)
class Shape:
    """A table as the database describes it. `unique` are the columns that the database itself keeps
    unique."""

    path: str
    columns: Mapping[str, Own]
    unique: frozenset[str]

    def find(self, name: str) -> Own | None:
        """A column by its name, whatever its case."""
        return next((own for own in self.columns.values() if own.name.casefold() == name.casefold()), None)


def address_variable(source_name: str) -> str:
    return f"ZEVEN_{source_name.upper()}_URL"


def address(source_name: str, environ: Mapping[str, str] | None = None) -> sa.URL:
    """The database's address, from `ZEVEN_<SOURCE>_URL`; `SettingsError` names the variable and never its
    value."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    known = os.environ if environ is None else environ
    variable, password = address_variable(source_name), f"ZEVEN_{source_name.upper()}_PASSWORD"
    example = "postgresql://reader:PASSWORD@host:5432/database"
    written = known.get(variable, "").strip()
    if not written:
        raise SettingsError(
            f"sources.{source_name}: the environment variable {variable} is not set; it holds the address"
            " of the"
            f" database, such as {example}."
        )
    try:
        url = make_url(written)
    except (ArgumentError, ValueError):
        raise SettingsError(
            f"sources.{source_name}: {variable} holds no address of a database; write it as {example},"
            " with special"
            " characters of the password as %40 and the like."
        ) from None
    dialect = url.drivername.partition("+")[0]
    if dialect not in DRIVERS:
        raise SettingsError(
            f"sources.{source_name}: {variable} names the database '{dialect[:30]}', and postgresql,"
            " mysql, mariadb and"
            ' sqlite are read; export its tables to files instead (kind = "files").'
        )
    url = url.set(drivername=DRIVERS[dialect])
    if url.password is None and known.get(password):
        url = url.set(password=known[password])
    return url


class Database:
    """Sessions with one database; each select is a transaction of its own that can only read."""

    def __init__(self, source_name: str, url: sa.URL) -> None:
        import sqlalchemy as sa

        self.source_name, self._url, self._sa = source_name, url, sa
        self.dialect = url.get_backend_name()
        self._has_endless_dates = False
        options: dict[str, Any] = {}
        if self.dialect == "postgresql":
            options = {"application_name": "zeven", "connect_timeout": 15}
        elif self.dialect == "mysql":
            options = {"connect_timeout": 15, "read_timeout": 1800, "charset": "utf8mb4"}
        elif url.database and url.database != ":memory:":
            if not Path(url.database).is_file():
                raise SourceError(f"{source_name}: the database file {url.database} is not there.")
            url = url.set(database=f"file:{url.database}", query={"mode": "ro", "uri": "true"})
        try:
            self._engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=options)
        except (sa.exc.ArgumentError, ImportError) as error:
            raise SettingsError(f"sources.{source_name}: {self._said(error)}.") from None
        sa.event.listen(self._engine, "connect", self._begin_session)

    def _begin_session(self, connection: Any, record: object) -> None:
        cursor = connection.cursor()
        for statement in _READ_ONLY[self.dialect]:
            cursor.execute(statement)
        cursor.close()
        connection.commit()
        if self._has_endless_dates:
            accept_endless(connection)

    def describe(self, name: str) -> Shape:
        """The columns of a table or view, `schema.table` or `table`."""
        schema, _, table = name.rpartition(".")
        with self._explained(name):
            inspector = self._sa.inspect(self._engine)
            try:
                columns = inspector.get_columns(table, schema or None)
            except (self._sa.exc.NoSuchTableError, self._sa.exc.DBAPIError) as error:
                if isinstance(error, self._sa.exc.DBAPIError) and 1142 not in getattr(error.orig, "args", ()):
                    raise  # 1142: MySQL says nothing of a table without a grant on it
                self._refuse_table(inspector, name, schema or None, table)
            key = inspector.get_pk_constraint(table, schema or None).get("constrained_columns") or []
            single = [key] + [
                list(index["column_names"])
                for index in inspector.get_indexes(table, schema or None)
                if index.get("unique")
            ]
        owns = {one["name"]: own_column(one["name"], one["type"], self.dialect) for one in columns}
        unique = frozenset(names[0] for names in single if len(names) == 1 and names[0])
        return Shape(name, owns, unique)

    def _refuse_table(self, inspector: Any, name: str, schema: str | None, table: str) -> None:
        try:
            there = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
        except (self._sa.exc.SQLAlchemyError, NotImplementedError):
            there = []
        near = get_close_matches(table, there, n=1)
        front = f"{schema}." if schema else ""
        hint = f" Did you mean {front}{near[0]}?" if near else ""
        raise SourceError(
            f"{self.source_name}: the database {self._url.database} has no table or view '{name}' that"
            f" {self._user()} can see.{hint}"
        )

    def pieces(
        self,
        shape: Shape,
        columns: Sequence[Own],
        size: int,
        condition: Callable[[Any, Any], Any],
        order: Sequence[Own],
    ) -> Iterator[tuple[pa.Table, tuple[Any, ...]]]:
        """(rows, the last row's values of `order`), piece by piece of at most `size` rows, until one is not
        full.

        `condition(table, last)` gives the SQLAlchemy condition; `last` is None at first, then the values of
        `order` of the last row. A piece is one select in one transaction; no transaction stays open between
        pieces, so that none holds up the database while rows are loaded here.
        """
        import pyarrow as pa

        places = [[own.name for own in columns].index(own.name) for own in order]
        table = self._table(shape, columns)
        last: tuple[Any, ...] | None = None
        while True:
            query = self._sa.select(*(table.c[own.name] for own in columns)).limit(size)
            where = condition(table, last)
            if where is not None:
                query = query.where(where)
            query = query.order_by(*(table.c[own.name] for own in order))
            parts, found = self._endless_too(shape.path, partial(self._piece, shape, columns, query, places))
            if parts:
                last = found
                yield pa.concat_tables(parts), last
            if sum(part.num_rows for part in parts) < size:
                return

    def _piece(
        self, shape: Shape, columns: Sequence[Own], query: Any, places: Sequence[int]
    ) -> tuple[list[pa.Table], tuple[Any, ...]]:
        parts: list[pa.Table] = []
        last: tuple[Any, ...] = ()
        for chunk in self._chunks(query):
            with self._named(shape.path):
                parts.append(arrow_table(columns, chunk))
            last = tuple(chunk[-1][place] for place in places)
        return parts, last

    def _endless_too(self, path: str, ask: Callable[[], _T]) -> _T:
        """What is asked; asked again where a date of PostgreSQL is none of Python, which is rare."""
        with self._explained(path):
            try:
                return ask()
            except self._sa.exc.DataError:
                if self._has_endless_dates or self.dialect != "postgresql":
                    raise
                self._has_endless_dates = True
                return ask()

    def keys(self, shape: Shape, key: Own) -> Iterator[pa.Table]:
        """The key of every row, in the order of the database."""
        yield from self._whole(shape, [key])

    def whole(self, shape: Shape, columns: Sequence[Own]) -> Iterator[pa.Table]:
        """Every row, in the order of the database, by one select: as the table is at one moment."""
        self._has_endless_dates = self.dialect == "postgresql"  # no second reading once rows were given
        yield from self._whole(shape, columns)

    def _whole(self, shape: Shape, columns: Sequence[Own]) -> Iterator[pa.Table]:
        table = self._table(shape, columns)
        with self._explained(shape.path):
            for chunk in self._chunks(self._sa.select(*(table.c[own.name] for own in columns))):
                with self._named(shape.path):
                    yield arrow_table(columns, chunk)

    def told(self, shape: Shape, written: Own, marks: Sequence[Own]) -> list[Any]:
        """How many rows there are, when the last was written, and of each mark (a truth or a time) how many
        have it."""
        sa, table = self._sa, self._table(shape, [written, *marks])
        asked = [sa.func.count(), sa.func.max(table.c[written.name])]
        for own in marks:
            has = table.c[own.name]
            is_marked = has.is_(sa.true()) if own.kind == "boolean" else has.isnot(None)
            asked.append(sa.func.sum(sa.case((is_marked, 1), else_=0)))

        def ask() -> list[Any]:
            with self._engine.connect() as connection:
                return list(connection.execute(sa.select(*asked).select_from(table)).one())

        return self._endless_too(shape.path, ask)

    def tables(self, schema: str | None) -> list[tuple[str, str]]:
        """(schema, name) of the tables and views that the user can see, of one schema or of all but the
        server's own."""
        with self._explained("the list of tables"):
            inspector = self._sa.inspect(self._engine)
            schemas = [schema] if schema else inspector.get_schema_names()
            return sorted(
                (one, name)
                for one in schemas
                if one == schema or not (one.startswith("pg_") or one in _OF_SERVERS)
                for name in (*inspector.get_table_names(one), *inspector.get_view_names(one))
            )

    def newest(self, shape: Shape, cursor: Own) -> Any:
        """The greatest value of a column, as the driver gives it; None in an empty table."""
        table = self._table(shape, [cursor])
        return self._one(shape.path, self._sa.select(self._sa.func.max(table.c[cursor.name])))

    def bound(self, value: Any) -> Any:
        """A value to compare a column with; SQLite keeps times as text, and compares them as text."""
        return str(value) if self.dialect == "sqlite" and isinstance(value, date) else value

    def doubtful_key(self, shape: Shape, key: Own) -> str:
        """Why a column that the database does not keep unique is no key: `is empty in some rows`; "" where
        it is."""
        if key.name in shape.unique:
            return ""
        sa, table = self._sa, self._table(shape, [key])
        column, any_row = table.c[key.name], sa.select(sa.literal(1)).select_from(table)
        empty = self._one(shape.path, any_row.where(column.is_(None)).limit(1))
        if empty is not None:
            return "is empty in some rows"
        many = any_row.group_by(column).having(sa.func.count() > 1).limit(1)
        return "has one value in several rows" if self._one(shape.path, many) is not None else ""

    def _table(self, shape: Shape, columns: Sequence[Own]) -> Any:
        schema, _, table = shape.path.rpartition(".")
        # without types: the driver's own values are what `arrow_table` takes
        return self._sa.table(table, *(self._sa.column(own.name) for own in columns), schema=schema or None)

    def _chunks(self, query: Any) -> Iterator[Sequence[Sequence[Any]]]:
        with self._engine.connect() as connection:
            result = connection.execution_options(stream_results=True).execute(query)
            yield from result.partitions(CHUNK)

    def _one(self, path: str, query: Any) -> Any:
        def ask() -> Any:
            with self._engine.connect() as connection:
                return connection.execute(query).scalar()

        return self._endless_too(path, ask)

    @contextmanager
    def _named(self, path: str) -> Iterator[None]:
        try:
            yield
        except SourceError as error:
            raise SourceError(
                f"{self.source_name}: {path}: {error}; cast it in a view, or mend it."
            ) from None

    @contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        """What the driver says, as one sentence without the password."""
        try:
            yield
        except self._sa.exc.DBAPIError as error:
            raise SourceError(self._sentence(error, path)) from None
        except self._sa.exc.SQLAlchemyError as error:
            raise SourceError(f"{self.source_name}: {path} could not be read: {self._said(error)}.") from None
        except UnicodeDecodeError:
            raise SourceError(
                f"{self.source_name}: {path} holds text that is not in the encoding that the database"
                " declares."
            ) from None

    def _sentence(self, error: Any, path: str) -> str:
        said, name, url = self._said(error.orig), self.source_name, self._url
        # PostgreSQL has a state, MySQL a number besides, which says more
        codes = {getattr(error.orig, "sqlstate", None), *getattr(error.orig, "args", ())[:1]}
        variable = address_variable(name)
        where = f"{url.host or 'this machine'}{f':{url.port}' if url.port else ''}"
        if codes & {"28P01", "28000", 1045} or "authentication failed" in said:
            return f"{name}: {where} refused {self._user()} with this password; correct {variable}."
        if codes & {"3D000", 1049, 1044} or ("database" in said and "does not exist" in said):
            return f"{name}: {where} has no database '{url.database}' for {self._user()}; correct {variable}."
        if codes & {"42501", 1142, 1143} or "permission denied" in said:
            return (
                f"{name}: {self._user()} may not read {path} ({said}); let the database's administrator"
                " grant select"
                " on it."
            )
        lost = {"08000", "08003", "08006", "57P01", "57P02", "57P03", 2002, 2003, 2005, 2006, 2013}
        if codes & lost or getattr(error, "connection_invalidated", False) or "connect" in said.lower():
            return (
                f"{name}: there is no connection to the database at {where} ({said}). What was read is"
                " kept; run again"
                " when it is there."
            )
        return f"{name}: {path} could not be read: {said}."

    def _user(self) -> str:
        return f"the user '{self._url.username}'" if self._url.username else "this user"

    def _said(self, error: object) -> str:
        text = first_line(error)
        if self._url.password:
            secret = str(self._url.password)
            for written in {secret, quote(secret), quote(secret, safe="")}:
                text = text.replace(written, HIDDEN)
        return text[:_LONGEST].rstrip(". ")
