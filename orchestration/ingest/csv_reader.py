"""Reads CSV files with DuckDB's reader, everything as text, nothing guessed.

Belongs here: the header, the columns, and cutting a file into records. Does not belong here: accounting
for a file whose lines and records differ (`csv_accounts.py`), or what the columns mean.
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

import csv

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.csv_accounts import settle
from orchestration.ingest.file_discovery import TableFile
from orchestration.ingest.header_drift import clean_names
from orchestration.ingest.plain_file import PlainFile
from orchestration.ingest.records import INCOMING, LINE_NUMBER, NONE_UNREADABLE, ROW_NUMBER, Records
from orchestration.setting_sources import FilesSource
from orchestration.sql_text import identifier, literal, struct_literal

_LONGEST_LINE = 2_000_000
_OTHER_DELIMITERS = {";": "semicolon", "\t": "tab", ",": "comma", "|": "vertical bar"}


def read(con: duckdb.DuckDBPyConnection, file: TableFile, plain: PlainFile, source: FilesSource) -> Records:
    """Make the file's records available as text; an empty file or a header alone has none.

    Raises `SourceError` for a header that cannot be read, names that stand twice, and a file that the
    declared delimiter and quote do not fit. The count comes from the physical lines: in a file where every
    record takes one line, there are as many records as lines after the header; in any other,
    `csv_accounts` finds out why.
    """
    if plain.is_blank:
        return _nothing(con)
    header, blanks, header_lines = _header(file, plain, source)
    names = clean_names(file, header)
    _refuse_other_delimiter(file, names, source)
    own = [f"c{number}" for number in range(len(names))]
    relation = (
        f"read_csv({literal(plain.path)}, auto_detect = false, header = true, skip = {blanks}, columns"
        f" = {struct_literal((name, literal('VARCHAR')) for name in own)}, delim ="
        f" {literal(source.delimiter)}, quote = {literal(source.quote)}, escape = {literal(source.quote)},"
        f" nullstr = [{', '.join(literal(spelling) for spelling in sorted({'', *source.null_values}))}],"
        " store_rejects = true, rejects_table = 'zeven_reject_errors', rejects_scan = 'zeven_reject_scans')"
    )
    con.execute("DROP TABLE IF EXISTS zeven_reject_errors")
    con.execute("DROP TABLE IF EXISTS zeven_reject_scans")
    try:
        con.execute(f"CREATE OR REPLACE TEMP TABLE zeven_text AS SELECT * FROM {relation}")
    except duckdb.OutOfMemoryException:
        raise  # says nothing of the file
    except duckdb.Error as error:
        reason = " ".join(str(error).split())[:200]
        raise SourceError(
            f"{file.path}: cannot be read as CSV with the declared settings ({reason})."
        ) from None
    read_rows = con.execute("SELECT count(*) FROM zeven_text").fetchall()[0][0]
    rejects = con.execute("SELECT count(*) FROM zeven_reject_errors").fetchall()[0][0]
    renamed = ", ".join(f"t.{short} AS {identifier(name)}" for short, name in zip(own, names, strict=True))
    columns = dict.fromkeys(names, "VARCHAR")
    if rejects == 0 and plain.lines == read_rows + header_lines:
        con.execute(
            f"CREATE OR REPLACE TEMP VIEW {INCOMING} AS SELECT t.rowid + 1 AS {ROW_NUMBER},"
            f" t.rowid + 1 + {header_lines} AS {LINE_NUMBER}, {renamed} FROM zeven_text t"
        )
        con.execute(NONE_UNREADABLE)
        return Records(columns, plain.lines - header_lines, has_odd_blanks=plain.has_odd_blanks)
    count = settle(con, file, plain, source, width=len(names), header_lines=header_lines)
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW {INCOMING} AS SELECT r.row_number AS {ROW_NUMBER},"
        f" r.line_number AS {LINE_NUMBER}, {renamed}"
        " FROM zeven_text t JOIN zeven_records r ON r.position = t.rowid WHERE NOT r.is_suspect"
    )
    return Records(columns, count)


def _nothing(con: duckdb.DuckDBPyConnection) -> Records:
    con.execute(NONE_UNREADABLE)
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW {INCOMING} AS"
        f" SELECT CAST(0 AS BIGINT) AS {ROW_NUMBER}, CAST(0 AS BIGINT) AS {LINE_NUMBER} WHERE false"
    )
    return Records({}, 0)


def _header(file: TableFile, plain: PlainFile, source: FilesSource) -> tuple[list[str], int, int]:
    """(names as they stand, blank lines before, physical lines up to and including the header)."""
    with plain.path.open(encoding="utf-8-sig", newline="") as text:
        # a line without an end must not fill the memory; the data's own limit is DuckDB's
        lines = iter(lambda: text.readline(_LONGEST_LINE), "")
        reader = csv.reader(lines, delimiter=source.delimiter, quotechar=source.quote, strict=True)
        blanks = 0
        try:
            for names in reader:
                if names:
                    return names, blanks, reader.line_num
                blanks += 1
        except csv.Error as error:
            raise SourceError(
                f"{file.path}:{blanks + 1}: the header cannot be read ({error}); is the quote or the"
                " delimiter another one than declared?"
            ) from None
    raise SourceError(f"{file.path}: has no header; the first line must hold the names of the columns.")


def _refuse_other_delimiter(file: TableFile, names: list[str], source: FilesSource) -> None:
    if len(names) > 1:
        return
    for delimiter, spoken in _OTHER_DELIMITERS.items():
        if delimiter != source.delimiter and delimiter in names[0]:
            written = delimiter.encode("unicode_escape").decode()
            raise SourceError(
                f"{file.path}: arrives as one single column, because its header is separated by {spoken}s"
                f" and the"
                f' declared delimiter is "{source.delimiter}"; set delimiter = "{written}" for the source.'
            )
