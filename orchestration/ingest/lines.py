"""The physical lines of a text file as a temporary table.

Belongs here: line numbers and byte positions. Does not belong here: what a line means in a format.
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.file_discovery import TableFile
from orchestration.ingest.plain_file import PlainFile
from orchestration.sql_text import first_line, literal

_NUMBERED = "CREATE OR REPLACE TEMP VIEW zeven_lines AS SELECT rowid + 1 AS n, line FROM zeven_line_text"


def read_lines(con: duckdb.DuckDBPyConnection, file: TableFile, plain: PlainFile) -> None:
    """Make `zeven_lines` (`n` from 1, `line`): every physical line, blank ones too.

    Raises `SourceError` for a line of more than two million bytes, and when the number of lines is not the
    one that was counted when the file was checked.
    """
    if plain.is_blank:
        con.execute("CREATE OR REPLACE TEMP TABLE zeven_line_text (line VARCHAR)")
        con.execute(_NUMBERED)
        return
    # chr(1) separates nothing: files that hold it were refused
    source = (
        f"read_csv({literal(plain.path)}, auto_detect = false, columns = {{'line': 'VARCHAR'}}, header"
        " = false, delim = chr(1), quote = '', escape = '')"
    )
    try:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE zeven_line_text AS SELECT coalesce(line, '') AS line FROM {source}"
        )
    except duckdb.OutOfMemoryException:
        raise  # says nothing of the file
    except duckdb.Error as error:
        raise SourceError(
            f"{file.path}: has a line of more than two million bytes or cannot be read line by line"
            f" ({first_line(error)}); look for a quote that is not closed, or export it again."
        ) from None
    con.execute(_NUMBERED)
    found = con.execute("SELECT count(*) FROM zeven_lines").fetchall()[0][0]
    if found != plain.lines:
        raise SourceError(
            f"{file.path}: has {plain.lines} lines by one count and {found} by another, so it is not read;"
            " was it written to at the same time?"
        )
