"""What a column of a database holds, on its way through Arrow to a type of DuckDB.

Belongs here: which types are read, and turning the driver's values into Arrow. Does not belong here: asking a
database (`sql_database_connection.py`), or what a column means (`mapping.py`).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Any, Literal

import orjson

from orchestration.errors import SourceError
from orchestration.ingest.sql_database_dates import arrow_dates

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

Kind = Literal[
    "boolean",
    "bits",
    "integer",
    "wide",
    "decimal",
    "number",
    "text",
    "json",
    "date",
    "local",
    "instant",
    "bytes",
]
"""`wide` is a whole number beyond 64 bits, `local` a timestamp without zone, `instant` one with; `bytes` are
not read."""

_DIGITS = Context(prec=38)
SCALE = 10
"""Decimals of a number whose column fixes none."""
KEY_KINDS = ("integer", "wide", "decimal", "text")
CURSOR_KINDS = ("local", "instant", "date")


@dataclass(frozen=True)
class Own:
    """A column of a table; `declared` is its type in the database's words."""

    name: str
    kind: Kind
    declared: str
    scale: int = 0
    is_uuid: bool = False

    @property
    def sql_type(self) -> str:
        """What DuckDB makes of it."""
        return {
            "boolean": "BOOLEAN",
            "bits": "BIGINT",
            "integer": "BIGINT",
            "wide": "DECIMAL(38,0)",
            "decimal": f"DECIMAL(38,{self.scale})",
            "number": "DOUBLE",
            "date": "DATE",
            "local": "TIMESTAMP",
            "instant": "TIMESTAMP WITH TIME ZONE",
        }.get(self.kind, "VARCHAR")

    def read_back(self, text: Any) -> Any:
        """A value of the key or the cursor that was kept as JSON, as the driver takes it."""
        if text is None:
            return None
        if self.is_uuid:
            return uuid.UUID(text)
        match self.kind:
            case "decimal":
                return Decimal(text)
            case "wide":
                return int(text)
            case "local" | "instant":
                return datetime.fromisoformat(text)
            case "date":
                return date.fromisoformat(text)
        return text

    def keep(self, value: Any) -> Any:
        """The opposite of `read_back`."""
        if isinstance(value, date):  # a datetime is one
            return value.isoformat()
        return value if value is None or isinstance(value, int | str) else str(value)


def own_column(name: str, type_: Any, dialect: str) -> Own:
    """How a column is read, by the type that SQLAlchemy found."""
    import sqlalchemy as sa

    type_ = getattr(type_, "data_type", type_)  # a domain of PostgreSQL
    try:
        declared = str(type_.compile(dialect=_dialect(dialect))).lower()
    except Exception:  # a type that SQLAlchemy does not know has no words
        declared = type(type_).__name__.lower()
    word = type(type_).__name__
    if isinstance(type_, sa.Boolean):
        return Own(name, "boolean", declared)
    if word == "BIT":
        return Own(name, "bits" if dialect == "mysql" else "text", declared)
    if isinstance(type_, sa.Integer):
        is_wide = "unsigned" in declared and isinstance(type_, sa.BigInteger)
        return Own(name, "wide" if is_wide else "integer", declared)
    if isinstance(type_, sa.Float):
        return Own(name, "number", declared)
    if isinstance(type_, sa.Numeric):
        scale = SCALE if type_.scale is None else min(max(type_.scale, 0), 38)
        return Own(name, "decimal", declared, scale)
    if isinstance(type_, sa.DateTime):
        is_instant = bool(type_.timezone) or (dialect == "mysql" and word == "TIMESTAMP")
        return Own(name, "instant" if is_instant else "local", declared)
    if isinstance(type_, sa.Date):
        return Own(name, "date", declared)
    if isinstance(type_, sa.JSON):
        return Own(name, "json", declared)
    if isinstance(type_, sa.LargeBinary) or word in ("BYTEA", "BLOB", "BINARY", "VARBINARY"):
        return Own(name, "bytes", declared)
    return Own(name, "text", declared, is_uuid=isinstance(type_, sa.Uuid) and dialect == "postgresql")


def _dialect(name: str) -> Any:
    from sqlalchemy.dialects import mysql, postgresql, sqlite

    return {"mysql": mysql, "postgresql": postgresql, "sqlite": sqlite}[name].dialect()


def arrow_table(columns: Sequence[Own], rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Rows of the driver as Arrow. Raises `SourceError` for a value that its column cannot mean."""
    import pyarrow as pa

    values: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    arrays = []
    for own, some in zip(columns, values, strict=True):
        try:
            arrays.append(_array(own, some))
        except (pa.ArrowException, ArithmeticError, ValueError, TypeError):
            raise SourceError(
                f"the column '{own.name}' ({own.declared}) holds a value that is not of its type"
            ) from None
    return pa.table(arrays, names=[own.name for own in columns])


def _array(own: Own, values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    match own.kind:
        case "boolean":
            return pa.array([None if v is None else bool(v) for v in values], pa.bool_())
        case "bits":
            return pa.array([int.from_bytes(v) if isinstance(v, bytes) else v for v in values], pa.int64())
        case "integer":
            return pa.array(values, pa.int64())
        case "number":
            return pa.array([v if v is None else float(v) for v in values], pa.float64())
        case "decimal" | "wide":
            return _decimals(values, own.scale)
        case "date":
            return arrow_dates([_date(v) for v in values], pa.date32())
        case "local":
            return arrow_dates(_moments(values, _local), pa.timestamp("us"))
        case "instant":
            return arrow_dates(_moments(values, _instant), pa.timestamp("us", "UTC"))
        case "json":
            return pa.array([_json(v) for v in values], pa.string())
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.array([None if v is None else str(v) for v in values], pa.string())


def _decimals(values: Sequence[Any], scale: int) -> pa.Array:
    """As Arrow's own decimals: DuckDB takes 65 microseconds for one that comes as text."""
    import pyarrow as pa

    decimals = [v if isinstance(v, Decimal) or v is None else Decimal(str(v)) for v in values]
    type_ = pa.decimal128(38, scale)
    try:
        return pa.array(decimals, type_)
    except pa.ArrowException:  # more decimals than are kept, or no number at all
        return pa.array([_rounded(v, scale) for v in decimals], type_)


def _rounded(value: Decimal | None, scale: int) -> Decimal | None:
    if value is None or not value.is_finite():
        return None
    return value.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, _DIGITS)


def _json(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def _date(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if value is None or isinstance(value, date):
        return value
    return None if _is_no_day(value) else date.fromisoformat(value)


def _moments(values: Sequence[Any], read: Callable[[Any], datetime | None]) -> list[datetime | None]:
    return [value if value is None else read(value) for value in values]


def _local(value: Any) -> datetime | None:
    if isinstance(value, str):
        if _is_no_day(value):
            return None
        value = datetime.fromisoformat(value)
    return value  # type: ignore[no-any-return]


def _instant(value: Any) -> datetime | None:
    found = _local(value)
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def _is_no_day(value: str) -> bool:
    """MySQL keeps `0000-00-00` for "no date", and days without a month or a day."""
    return value.startswith("0000") or "-00" in value[:10]
