"""Reads Parquet files. Types are the file's own.

Belongs here: Parquet. Does not belong here: what the columns mean.
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.file_discovery import TableFile
from orchestration.ingest.header_drift import clean_names
from orchestration.ingest.records import INCOMING, LINE_NUMBER, NONE_UNREADABLE, ROW_NUMBER, Records
from orchestration.sql_text import first_line, identifier, literal

_TAKEN = "file_row_number"


def read(con: duckdb.DuckDBPyConnection, file: TableFile, path: str) -> Records:
    """Make the file's records available; `SourceError` when it is no whole Parquet file.

    `path` is what DuckDB opens. The count comes from the file's footer.
    """
    quoted = literal(path)
    try:
        described = con.execute(f"DESCRIBE SELECT * FROM read_parquet({quoted})").fetchall()
        count = con.execute(f"SELECT num_rows FROM parquet_file_metadata({quoted})").fetchall()[0][0]
        names = clean_names(file, [row[0] for row in described])
        if _TAKEN in {name.casefold() for name in names}:
            raise SourceError(
                f"{file.path}: has a column named '{_TAKEN}', which DuckDB calls the number of a row;"
                " rename it"
                " in the export."
            )
        own = ", ".join(
            f"{identifier(row[0])} AS {identifier(name)}" for row, name in zip(described, names, strict=True)
        )
        con.execute(
            f"CREATE OR REPLACE TEMP VIEW {INCOMING} AS SELECT file_row_number + 1 AS"
            f" {ROW_NUMBER},"
            f" CAST(NULL AS BIGINT) AS {LINE_NUMBER}, {own} FROM read_parquet({quoted}, file_row_number ="
            f" true)"
        )
        # the footer may be whole and a page damaged: read everything before anything is changed
        con.execute(f"SELECT count(COLUMNS(*)) FROM {INCOMING}").fetchall()
    except duckdb.OutOfMemoryException:
        raise  # says nothing of the file
    except duckdb.Error as error:
        raise SourceError(
            f"{file.path}: is no whole Parquet file ({first_line(error)}); export or copy it again."
        ) from None
    con.execute(NONE_UNREADABLE)
    return Records({name: row[1] for row, name in zip(described, names, strict=True)}, int(count))
