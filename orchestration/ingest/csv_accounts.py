"""Accounts for every physical line of a CSV file in which lines and records differ.

Belongs here: which lines make up which record, which records the reader refused, and which ones it took
although a quote swallowed their neighbours. Does not belong here: reading the file (`csv_reader.py`).

Two things are computed apart and must agree. DuckDB's reader says which records it took, in order, and
which byte ranges it refused. From the lines alone, regular expressions say for each line whether it ends
inside a quoted value if it starts outside one, and if it starts inside one; composing those small
functions from line to line, afresh after every refused range, says where records start. As many records
must start as the reader took.
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

import re

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.file_discovery import TableFile
from orchestration.ingest.lines import read_lines
from orchestration.ingest.plain_file import PlainFile
from orchestration.ingest.records import UNREADABLE
from orchestration.setting_sources import FilesSource
from orchestration.sql_text import literal


def settle(
    con: duckdb.DuckDBPyConnection,
    file: TableFile,
    plain: PlainFile,
    source: FilesSource,
    *,
    width: int,
    header_lines: int,
) -> int:
    """Make `zeven_records` and `UNREADABLE` from `zeven_text` and the reader's rejects; the number of
    records.

    `zeven_records` has one row for each row of `zeven_text`: `position` (its rowid), `row_number`,
    `line_number`, `is_suspect`. A record over several lines whose first and last line are, each by itself, as
    wide as the header is suspect: an unclosed quote makes exactly that of two records, an address almost
    never. Its lines, and all those inside a quote that is never closed, count as one unreadable record each,
    because each may have been one.

    Raises `SourceError` when lines and reader do not agree on the number of records.
    """
    read_lines(con, file, plain)
    _make_rejects(con, file, plain)
    _make_records(con, plain, source, width=width, header_lines=header_lines)
    by_reader = con.execute("SELECT count(*) FROM zeven_text").fetchall()[0][0]
    by_lines = con.execute("SELECT count(*) FROM zeven_records").fetchall()[0][0]
    if by_reader != by_lines:
        raise SourceError(
            f"{file.path}: its lines make {by_lines} records, but {by_reader} could be read, so rows would"
            " be lost and nothing is loaded; look for quotes that are not closed or stand inside a value,"
            " and export it again with every value quoted."
        )
    _make_unreadable(con, source, width)
    return int(
        con.execute(
            "SELECT (SELECT count(*) FROM zeven_records WHERE NOT is_suspect)"
            f" + (SELECT count(*) FROM {UNREADABLE})"
        ).fetchall()[0][0]
    )


def _make_rejects(con: duckdb.DuckDBPyConnection, file: TableFile, plain: PlainFile) -> None:
    """`zeven_rejects`: the first and last line of every record that the reader refused, and why."""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE zeven_rejects AS
        WITH refused AS (
            SELECT line_byte_position, any_value(csv_line) AS csv_line,
                min_by(error_type, column_idx) AS error_type,
                CASE WHEN min_by(error_type, column_idx) = 'TOO MANY COLUMNS'
                    THEN max(column_idx) ELSE min(column_idx) END AS columns_found
            FROM zeven_reject_errors GROUP BY line_byte_position
        ), cleaned AS (
            -- the reader counts blank lines before a refused record as part of it
            SELECT *, ltrim(csv_line, chr(10) || chr(13)) AS text,
                line_byte_position - 1
                    + strlen(csv_line) - strlen(ltrim(csv_line, chr(10) || chr(13))) AS byte
            FROM refused
        ), placed AS (
            SELECT n, {plain.bom_bytes} + coalesce(sum(strlen(line) + {plain.line_end_bytes})
                OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS byte
            FROM zeven_lines
        )
        SELECT p.n AS first_line, p.n + length(trimmed) - length(replace(trimmed, chr(10), '')) AS last_line,
            c.error_type::VARCHAR AS error_type, c.columns_found, trimmed AS text
        FROM (SELECT *, rtrim(text, chr(10) || chr(13)) AS trimmed FROM cleaned) c
        LEFT JOIN placed p ON p.byte = c.byte
        """
    )
    endless = con.execute(
        "SELECT first_line FROM zeven_rejects"
        " WHERE first_line IS NULL OR error_type = 'LINE SIZE OVER MAXIMUM'"
        f" OR (error_type = 'UNQUOTED VALUE' AND strlen(text) >= {_SHOWN_BYTES - 2})"
        " ORDER BY first_line LIMIT 1"
    ).fetchall()
    if endless:
        where = f":{endless[0][0]}" if endless[0][0] is not None else ""
        raise SourceError(
            f"{file.path}{where}: the record has no end that can be found, so nothing is loaded;"
            " look for a quote that is not closed."
        )


_SHOWN_BYTES = 10_000
"""So much of a refused record does the reader show; where a longer one ends, it does not say."""


def _make_records(
    con: duckdb.DuckDBPyConnection, plain: PlainFile, source: FilesSource, *, width: int, header_lines: int
) -> None:
    """`zeven_records` as described in `settle`, from the lines alone, and `zeven_spans`, the rest."""
    opens, stays = _quote_patterns(source.delimiter, source.quote)
    quote, delimiter = literal(source.quote), literal(source.delimiter)
    blank = "false" if width == 1 else "line = ''"  # a file of one column can hold empty values
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE zeven_records AS
        WITH marked AS (
            -- what a line does to the state "inside a quoted value": its end from outside, and from inside
            SELECT l.n, coalesce(l.n <= max(r.last_line) OVER upto, false) AS is_refused, {blank} AS is_blank,
                length(line) - length(replace(line, {delimiter}, '')) + 1 AS fields,
                contains(line, {quote}) AND regexp_full_match(line, {literal(opens)}) AS opens,
                NOT contains(line, {quote}) OR regexp_full_match(line, {literal(stays)}) AS stays
            FROM zeven_lines l LEFT JOIN zeven_rejects r ON r.first_line = l.n
            WHERE l.n > {header_lines}
            WINDOW upto AS (ORDER BY l.n ROWS UNBOUNDED PRECEDING)
        ), turned AS (
            SELECT n, is_refused, is_blank, fields, is_refused OR opens = stays AS forgets,
                opens AND NOT is_refused AS opens,
                sum(CASE WHEN opens AND NOT stays AND NOT is_refused THEN 1 ELSE 0 END) OVER upto AS turns
            FROM marked
            WINDOW upto AS (ORDER BY n ROWS UNBOUNDED PRECEDING)
        ), settled AS (
            -- the last line with one end from both states; its end and the turns up to it in the low bits
            SELECT *, max(CASE WHEN forgets THEN 4 * n + CASE WHEN opens THEN 2 ELSE 0 END + turns % 2 END)
                OVER upto AS anchor
            FROM turned
            WINDOW upto AS (ORDER BY n ROWS UNBOUNDED PRECEDING)
        ), entered AS (
            SELECT n, is_refused, is_blank, fields,
                coalesce(lag(
                    coalesce(anchor // 2 % 2 = 1, false) <> ((turns - coalesce(anchor % 2, 0)) % 2 <> 0)
                ) OVER (ORDER BY n), false) AS was_inside
            FROM settled
        ), grouped AS (
            SELECT *, NOT is_refused AND (was_inside OR NOT is_blank) AS belongs,
                sum(CASE WHEN is_refused OR was_inside OR is_blank THEN 0 ELSE 1 END)
                    OVER (ORDER BY n ROWS UNBOUNDED PRECEDING) AS record
            FROM entered
        ), spans AS (
            SELECT record, min(n) AS first_line, max(n) AS last_line,
                min_by(fields, n) AS first_fields, max_by(fields, n) AS last_fields
            FROM grouped WHERE belongs AND record > 0 GROUP BY record
        )
        SELECT record - 1 AS position, first_line AS line_number, last_line,
            CAST(NULL AS BIGINT) AS row_number,
            last_line > first_line AND {width} > 1 AND first_fields = {width} AND last_fields = {width}
                AS is_suspect
        FROM spans
        """
    )
    # one number for every record, in the order of the file; a lost line counts as a record
    con.execute(
        """
        CREATE OR REPLACE TEMP VIEW zeven_spans AS
        SELECT line_number AS first_line, last_line, is_suspect AS by_line, 'SUSPECT' AS error_type,
            NULL AS columns_found FROM zeven_records WHERE is_suspect
        UNION ALL
        SELECT first_line, last_line, error_type = 'UNQUOTED VALUE', error_type, columns_found
        FROM zeven_rejects
        """
    )
    con.execute(
        """
        UPDATE zeven_records SET row_number = numbered.row_number FROM (
            SELECT line_number, row_number() OVER (ORDER BY line_number) AS row_number FROM (
                SELECT line_number FROM zeven_records WHERE NOT is_suspect
                UNION ALL
                SELECT unnest(CASE WHEN by_line THEN range(first_line, last_line + 1) ELSE [first_line] END)
                FROM zeven_spans
            )
        ) numbered WHERE numbered.line_number = zeven_records.line_number
        """
    )


def _make_unreadable(con: duckdb.DuckDBPyConnection, source: FilesSource, width: int) -> None:
    quote = literal(source.quote)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {UNREADABLE} AS
        WITH lost AS (
            SELECT s.*,
                unnest(CASE WHEN by_line THEN range(first_line, last_line + 1) ELSE [first_line] END) AS n
            FROM zeven_spans s
        ), texts AS (
            SELECT lost.n, lost.first_line, any_value(lost.last_line) AS last_line,
                any_value(lost.error_type) AS error_type, any_value(lost.columns_found) AS columns_found,
                any_value(lost.by_line) AS by_line, string_agg(l.line, chr(10) ORDER BY l.n) AS text
            FROM lost JOIN zeven_lines l
                ON l.n BETWEEN lost.n AND CASE WHEN lost.by_line THEN lost.n ELSE lost.last_line END
            GROUP BY lost.n, lost.first_line
        ), numbered AS (
            SELECT line_number AS n, row_number() OVER (ORDER BY line_number) AS row_number FROM (
                SELECT line_number FROM zeven_records WHERE NOT is_suspect UNION ALL SELECT n FROM texts
            )
        )
        SELECT numbered.row_number, texts.n AS line_number,
            CASE
                WHEN error_type = 'SUSPECT' AND n = first_line THEN
                    'a quote opened on this line runs on to line ' || last_line
                    || ', which is a whole row by itself: is it not closed?'
                WHEN error_type = 'UNQUOTED VALUE' AND n = first_line AND last_line > first_line THEN
                    'a quote opened on this line is not closed properly before line ' || last_line
                WHEN error_type = 'UNQUOTED VALUE' AND n = first_line THEN
                    'a quote is not closed, or text follows it; a ' || {quote}
                    || ' inside a value is written twice'
                WHEN by_line THEN 'lies inside the quote opened on line ' || first_line
                WHEN error_type IN ('MISSING COLUMNS', 'TOO MANY COLUMNS') THEN 'has ' || columns_found
                    || CASE WHEN columns_found = 1 THEN ' value' ELSE ' values' END
                    || ' where the header has {width}'
                ELSE 'cannot be cut into columns (' || lower(error_type) || ')'
            END AS reason,
            to_json(text) AS record
        FROM texts JOIN numbered USING (n)
        """
    )


def _quote_patterns(delimiter: str, quote: str) -> tuple[str, str]:
    """(a line that starts outside a quoted value and ends inside one, a line that starts inside and ends
    inside).

    A quote opens a value only at its start, blanks before it allowed, and is written twice inside;
    elsewhere it is an ordinary character, as DuckDB reads it.
    """
    d, q = re.escape(delimiter), re.escape(quote)
    blank = "" if delimiter == " " else " *"
    inside = f"(?:[^{q}]|{q}{q})*"
    quoted = f"{blank}{q}{inside}{q}{blank}"
    bare = f"{blank}(?:[^{q}{d} ][^{d}]*)?" if blank else f"(?:[^{q}{d}][^{d}]*)?"
    open_value = f"{blank}{q}{inside}"
    whole_fields = f"(?:(?:{quoted}|{bare}){d})*"
    opens = f"{whole_fields}{open_value}"
    return opens, f"{inside}|{inside}{q}{blank}{d}{whole_fields}{open_value}"
