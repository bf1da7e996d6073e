"""From what a file gives to the types of the export format, as SQL.

Belongs here: for each kind of value the expressions that read it, when it counts as unreadable, and the words
for that. Does not belong here: which file or expression gives the value (`mapping.py`, the readers).

A value passes three layers of projection, so that nothing is computed twice: `g` what the file gives
(trimmed; null when empty), `p` parsed, and last the value itself, null when it is out of bounds. A row is
bad when a value is given and its last layer is null, or when a required one is not given.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.addresses import email_hash
from orchestration.ingest.export_format import Column
from orchestration.setting_sources import FilesSource, SqlSource
from orchestration.sql_text import first_line, identifier, literal

EARLIEST = "TIMESTAMP '1900-01-01'"
LATEST = "TIMESTAMP '2201-01-01'"
"""Dates outside are placeholders or slips of the pen, never sales."""

_SHOWN = 60
_BLANKS = "' ' || chr(9) || chr(10) || chr(13) || chr(160)"
_LOCAL = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
_OFFSET = r"\s?(Z|UTC|[+-](0\d|1[0-4])(:?[0-5]\d)?)"
_FRACTIONS = {"DOUBLE": 2**53, "FLOAT": 2**24}
"""Up to where each holds every whole number: beyond, two ids may have become one."""
_WHOLE_NUMBERS = frozenset(
    [
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "UHUGEINT",
    ]
)
_NAIVE_TIMES = frozenset(["TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"])
_ZONED_TIMES = frozenset(["TIMESTAMP WITH TIME ZONE", "TIMESTAMP_NS WITH TIME ZONE"])
_UTC_NAMES = frozenset(
    ["UTC", "Etc/UTC", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu", "GMT", "Etc/GMT", "Greenwich"]
)


@dataclass(frozen=True)
class Notation:
    """How a source writes values in text."""

    date_format: str
    timestamp_format: str
    time_zone: str
    decimal_separator: str
    has_odd_blanks: bool
    """Whether tabs, line ends or no-break spaces may stand around values; trimming them costs three times as
    much as trimming spaces."""


@dataclass(frozen=True)
class Value:
    """One canonical column on its way through the layers.

    `number` makes the names of its intermediate columns; `sql_type` is what the file (or the mapped
    expression) gives; `fallible` says that the given value is wrapped as `{v: ...}`, null where the
    expression failed on the row.
    """

    number: int
    column: Column
    source_sql: str
    sql_type: str
    notation: Notation
    fallible: bool = False

    @property
    def given_name(self) -> str:
        return f"_g{self.number}"

    @property
    def is_text(self) -> bool:
        native = {"BOOLEAN", "DATE", *_FRACTIONS, *_WHOLE_NUMBERS, *_NAIVE_TIMES, *_ZONED_TIMES}
        return not (self.sql_type in native or self.sql_type.startswith("DECIMAL"))

    @property
    def _may_be_unreadable(self) -> bool:
        """Whether a value can be given and not be read. A text without an address is none given: it helps to
        recognise a person, and no row is put aside for it."""
        return self.column.kind not in ("text", "email") or (
            self.column.kind == "text" and self.sql_type in _FRACTIONS
        )

    def given(self) -> Iterable[tuple[str, str]]:
        """(name, SQL) of the first layer, over the file's own columns."""
        if self.fallible:
            yield f"_m{self.number}", f"TRY(struct_pack(v := (\n{self.source_sql}\n)))"
        else:
            yield self.given_name, self._cleaned(self.source_sql)

    def unwrapped(self) -> Iterable[tuple[str, str]]:
        """(name, SQL) of the layer after: the value and whether its expression failed."""
        if self.fallible:
            yield self.given_name, self._cleaned(f"_m{self.number}.v")
            yield f"_f{self.number}", f"_m{self.number} IS NULL"
        else:
            yield self.given_name, self.given_name

    def parsed(self) -> Iterable[tuple[str, str]]:
        """(name, SQL) of the values as read, before bounds."""
        given = self.given_name
        names = self._parsed_names()
        match self.column.kind:
            case "text":
                yield names[0], self._as_text(given)
            case "integer":
                yield names[0], self._whole_number(given)
            case "amount":
                yield names[0], self._number(given, "DECIMAL(18,2)")
            case "rate":
                yield names[0], self._number(given, "DECIMAL(18,8)")
            case "number":
                yield names[0], self._number(given, "DOUBLE")
            case "boolean":
                yield names[0], self._boolean(given)
            case "calendar_date":
                yield names[0], self._calendar_date(given)
            case "email":
                yield names[0], email_hash(given if self.is_text else f"CAST({given} AS VARCHAR)")
            case "moment" | "day":
                instant, date = self._moment(given)
                yield names[0], instant
                yield names[1], date

    def final(self) -> Iterable[tuple[str, str]]:
        """(raw column, SQL) of what is stored."""
        for (name, sql_type), parsed in zip(self.column.raw_columns, self._parsed_names(), strict=True):
            if sql_type in ("TIMESTAMP", "DATE"):
                yield name, f"CASE WHEN {parsed} >= {EARLIEST} AND {parsed} < {LATEST} THEN {parsed} END"
            else:
                yield name, parsed

    def is_bad(self) -> str:
        """SQL that is true where the row cannot be loaded because of this column; "" where that cannot
        happen."""
        conditions = [f"_f{self.number}"] if self.fallible else []
        if self.column.required:
            conditions.append(f"{self.given_name} IS NULL")
        if self._may_be_unreadable:
            nothing = " AND ".join(f"({sql}) IS NULL" for _, sql in self.final())
            conditions.append(f"({self.given_name} IS NOT NULL AND {nothing})")
        return " OR ".join(conditions)

    def reason(self, *, masked: bool = False) -> str:
        """SQL text that says why the row is bad, null where it is not (`is_bad` false).

        `masked` shows the shape of an unreadable value and not the value, which may be a person's name
        in a column that slipped: `Aan 4 mei` as `aaa 9 aaa`.
        """
        name = self.column.name
        shown = f"left(CAST({self.given_name} AS VARCHAR), {_SHOWN})"
        if masked:
            shape = r"regexp_replace(regexp_replace({}, '\p{{L}}', 'a', 'g'), '\d', '9', 'g')"
            shown = shape.format(shown)
        branches = []
        if self.fallible:
            branches.append((f"_f{self.number}", literal(f"{name}: the mapped expression fails on this row")))
        if self.column.required:
            branches.append((f"{self.given_name} IS NULL", literal(f"{name}: is required and empty")))
        if self._may_be_unreadable:
            parsed = " AND ".join(f"{parsed} IS NULL" for parsed in self._parsed_names())
            unreadable = f"{literal(name + ': ')} || '''' || {shown} || ''' {self._expectation()}'"
            branches.append((f"{self.given_name} IS NOT NULL AND {parsed}", unreadable))
            final = " AND ".join(f"({sql}) IS NULL" for _, sql in self.final())
            years = (
                " lies outside the years 1900 to 2200"
                ' (if it stands for "no date": null_values for CSV, a mapped column otherwise)'
            )
            branches.append(
                (
                    f"{self.given_name} IS NOT NULL AND {final}",
                    f"{literal(name + ': ')} || {shown} || '{years}'",
                )
            )
        whens = " ".join(f"WHEN {condition} THEN {text}" for condition, text in branches)
        return f"CASE {whens} END" if branches else "NULL"

    def _parsed_names(self) -> tuple[str, ...]:
        if self.column.kind in ("moment", "day"):
            return (f"_p{self.number}_at", f"_p{self.number}_on")
        return (f"_p{self.number}",)

    def _expectation(self) -> str:
        """The end of the sentence `'x' ...`, to be put between single quotes."""
        notation = self.notation
        match self.column.kind:
            case "text":
                text = "is a number in which digits are lost (a fraction beyond 2^53); export it as text"
            case "integer":
                text = "is no whole number"
            case "amount" | "rate" | "number":
                text = (
                    f'is no number that fits, written with "{notation.decimal_separator}" before the'
                    " decimals and without thousands separator or currency sign"
                )
            case "boolean":
                text = "is none of true, false, yes, no, t, f, y, n, 1, 0"
            case "calendar_date":
                text = f'is no date written as "{notation.date_format}"'
            case _:
                text = (
                    f'is neither a timestamp ("{notation.timestamp_format}")'
                    f' nor a date ("{notation.date_format}")'
                )
        return text.replace("'", "''")

    def _cleaned(self, sql: str) -> str:
        if not self.is_text:
            # tools without nullable integers write a gap in a column of ids as NaN
            is_gap = self.column.kind == "text" and self.sql_type in _FRACTIONS
            return f"CASE WHEN NOT isnan({sql}) THEN {sql} END" if is_gap else sql
        text = sql if self.sql_type == "VARCHAR" else f"CAST({sql} AS VARCHAR)"
        blanks = f", {_BLANKS}" if self.notation.has_odd_blanks else ""
        return f"nullif(trim({text}{blanks}), '')"

    def _as_text(self, given: str) -> str:
        if self.sql_type in _FRACTIONS:
            # a column of whole numbers with gaps arrives as fractions from tools without nullable integers:
            # 17.0 must meet the 17 of another table
            return (
                f"CASE WHEN abs({given}) >= {_FRACTIONS[self.sql_type]} THEN NULL WHEN {given} ="
                f" trunc({given})"
                f" THEN CAST(CAST({given} AS BIGINT) AS VARCHAR) ELSE CAST({given} AS VARCHAR) END"
            )
        return given if self.is_text else f"CAST({given} AS VARCHAR)"

    def _decimal_text(self, given: str) -> tuple[str, str]:
        """(condition that the text is a plain number, text with a decimal point)."""
        point = self.notation.decimal_separator
        escaped = "," if point == "," else r"\."
        plain = rf"[+-]?(\d+({escaped}\d*)?|{escaped}\d+)([eE][+-]?\d+)?"
        return f"regexp_full_match({given}, '{plain}')", (
            f"replace({given}, ',', '.')" if point == "," else given
        )

    def _number(self, given: str, sql_type: str) -> str:
        if self.is_text:
            is_plain, text = self._decimal_text(given)
            plain = f"CASE WHEN {is_plain} THEN {text} END"
            value = f"TRY_CAST({plain} AS {sql_type})"
            if sql_type != "DOUBLE":
                # DuckDB rounds 9e-10 up to 0.01: it looks at the last digit that falls off, wherever it was
                wide = f"TRY_CAST(TRY_CAST({plain} AS DECIMAL(38,18)) AS {sql_type})"
                value = f"CASE WHEN contains(lower({given}), 'e') THEN {wide} ELSE {value} END"
        else:
            value = f"TRY_CAST({given} AS {sql_type})" if self._counts() else f"CAST(NULL AS {sql_type})"
        if sql_type == "DOUBLE":
            return f"CASE WHEN isfinite({value}) THEN {value} END"
        return value

    def _counts(self) -> bool:
        """Whether the native type is one of numbers; a date or a boolean given as an amount is unreadable."""
        return (
            self.sql_type in _FRACTIONS
            or self.sql_type in _WHOLE_NUMBERS
            or self.sql_type.startswith("DECIMAL")
        )

    def _whole_number(self, given: str) -> str:
        if self.is_text:
            is_plain, text = self._decimal_text(given)
            exact = f"TRY_CAST(CASE WHEN {is_plain} THEN {text} END AS DECIMAL(38,9))"
        else:
            exact = f"TRY_CAST({given} AS DECIMAL(38,9))" if self._counts() else "CAST(NULL AS DECIMAL(38,9))"
        return f"CASE WHEN {exact} = trunc({exact}) THEN TRY_CAST({exact} AS BIGINT) END"

    def _boolean(self, given: str) -> str:
        if self.sql_type == "BOOLEAN":
            return given
        text = f"lower({given if self.is_text else f'CAST({self._as_text(given)} AS VARCHAR)'})"
        return (
            f"CASE WHEN {text} IN ('true', 't', 'yes', 'y', '1') THEN true"
            f" WHEN {text} IN ('false', 'f', 'no', 'n', '0') THEN false END"
        )

    def _calendar_date(self, given: str) -> str:
        if self.sql_type == "DATE":
            return given
        if self.sql_type in _NAIVE_TIMES:
            return f"CASE WHEN {given} = date_trunc('day', {given}) THEN CAST({given} AS DATE) END"
        if not self.is_text:
            return "CAST(NULL AS DATE)"
        date = self._date_in_text(given)
        local = self._local_in_text(given)
        return (
            f"coalesce({date}, CASE WHEN {local} = date_trunc('day', {local}) THEN CAST({local} AS DATE) END)"
        )

    def _moment(self, given: str) -> tuple[str, str]:
        """SQL of the instant in UTC and of the date; where both are computed, the date wins."""
        nothing_at, nothing_on = "CAST(NULL AS TIMESTAMP)", "CAST(NULL AS DATE)"
        if self.sql_type == "DATE":
            return nothing_at, given
        if self.sql_type in _ZONED_TIMES:
            return f"CAST(timezone('UTC', {given}) AS TIMESTAMP)", nothing_on
        if self.sql_type in _NAIVE_TIMES:
            return self._split_midnight(f"CAST({given} AS TIMESTAMP)", nothing_on)
        if not self.is_text:
            return nothing_at, nothing_on
        date = self._date_in_text(given)
        instant, on = self._split_midnight(self._local_in_text(given), date)
        zoned = self._zoned_in_text(given)
        if zoned:
            instant = f"coalesce({instant}, {zoned})"
        return f"CASE WHEN {date} IS NULL THEN {instant} END", on

    def _split_midnight(self, local: str, date: str) -> tuple[str, str]:
        """A local time as instant; for a `day`, midnight is that date instead."""
        if self.column.kind == "moment":
            return self._to_utc(local), date
        is_midnight = f"{local} = date_trunc('day', {local})"
        at = f"CASE WHEN NOT ({is_midnight}) THEN {self._to_utc(local)} END"
        return at, f"coalesce({date}, CASE WHEN {is_midnight} THEN CAST({local} AS DATE) END)"

    def _to_utc(self, local: str) -> str:
        zone = self.notation.time_zone
        return local if zone in _UTC_NAMES else f"timezone('UTC', timezone({literal(zone)}, {local}))"

    def _date_in_text(self, given: str) -> str:
        if self.notation.date_format == "%Y-%m-%d":  # the same by a cast, at a tenth of the cost
            return f"TRY_CAST(CASE WHEN {given} LIKE '____-__-__' THEN {given} END AS DATE)"
        return f"CAST(try_strptime({given}, {literal(self.notation.date_format)}) AS DATE)"

    def _local_in_text(self, given: str) -> str:
        """A timestamp without offset, as local time."""
        declared = self.notation.timestamp_format
        if declared == "iso":
            return f"TRY_CAST(CASE WHEN regexp_full_match({given}, '{_LOCAL}') THEN {given} END AS TIMESTAMP)"
        if "%z" in declared or "%Z" in declared:
            return "CAST(NULL AS TIMESTAMP)"
        return f"try_strptime({given}, {literal(declared)})"

    def _zoned_in_text(self, given: str) -> str | None:
        """A timestamp with offset, in UTC; None where the declared format has none."""
        declared = self.notation.timestamp_format
        if declared == "iso":
            # DuckDB reads an offset only after seconds and without a space before it
            whole = (
                f"regexp_replace(regexp_replace(replace({given}, 'UTC', 'Z'), '\\s(Z|[+-][0-9:]+)$', '\\1'),"
                " '^(.{16})(Z|[+-].*)$', '\\1:00\\2')"
            )
            is_zoned = f"regexp_full_match({given}, '{_LOCAL}{_OFFSET}')"
            zoned = f"TRY_CAST(CASE WHEN {is_zoned} THEN {whole} END AS TIMESTAMPTZ)"
        elif "%z" in declared or "%Z" in declared:
            zoned = f"try_strptime({given}, {literal(declared)})"
        else:
            return None
        return f"timezone('UTC', {zoned})"


def check_formats(con: duckdb.DuckDBPyConnection, source_name: str, source: FilesSource | SqlSource) -> None:
    """Refuse date and timestamp formats that DuckDB cannot read, and time zones that it does not know."""
    declared = {"date_format": source.date_format}
    if source.timestamp_format != "iso":
        declared["timestamp_format"] = source.timestamp_format
    for key, written in declared.items():
        try:
            con.execute("SELECT try_strptime('', ?)", [written]).fetchall()
        except duckdb.Error as error:
            raise SourceError(
                f"sources.{source_name}.{key}: '{written}' is no strptime format ({first_line(error)});"
                ' write for example "%d-%m-%Y".'
            ) from None
    try:
        con.execute("SELECT timezone(?, TIMESTAMP '2026-01-01')", [source.time_zone]).fetchall()
    except duckdb.Error as error:
        raise SourceError(
            f"sources.{source_name}.time_zone: '{source.time_zone}' is not known to the database"
            f' ({first_line(error)}); write for example "Europe/Amsterdam".'
        ) from None


def quoted(pairs: Iterable[tuple[str, str]]) -> str:
    """`sql AS "name"` for a SELECT list."""
    return ", ".join(f"{sql} AS {identifier(name)}" for name, sql in pairs)
