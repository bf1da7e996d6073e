"""Reads JSON lines: one object on each line, always UTF-8.

Belongs here: JSON lines. Does not belong here: what the keys mean. Every value is handed on as text;
objects and lists inside an object as their JSON.
"""

# ruff: noqa: S608 -- names and values in queries are quoted by sql_text

from __future__ import annotations

import json

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.file_discovery import TableFile
from orchestration.ingest.header_drift import clean_names
from orchestration.ingest.lines import read_lines
from orchestration.ingest.plain_file import PlainFile
from orchestration.ingest.records import INCOMING, LINE_NUMBER, ROW_NUMBER, UNREADABLE, Records
from orchestration.sql_text import identifier, literal


def read(con: duckdb.DuckDBPyConnection, file: TableFile, plain: PlainFile) -> Records:
    """Make the file's records available; `SourceError` when it is one JSON document instead of one per line.

    The count comes from the lines: every line that is not blank is a record. What is no JSON object is
    unreadable.
    """
    read_lines(con, file, plain)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE zeven_text AS"
        f" SELECT row_number() OVER (ORDER BY n) AS {ROW_NUMBER}, n AS {LINE_NUMBER}, line,"
        " is_json AND NOT repeats AS is_object, repeats FROM (SELECT *,"
        " CASE WHEN is_json THEN len(json_keys(line)) <> len(list_distinct(json_keys(line))) ELSE false END"
        " AS repeats FROM (SELECT *,"
        " CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END AS is_json"
        " FROM zeven_lines WHERE trim(line, ' ' || chr(9)) <> ''))"
    )
    first = con.execute(f"SELECT line, is_object FROM zeven_text WHERE {ROW_NUMBER} = 1").fetchall()
    if first and not first[0][1] and first[0][0].strip() in ("[", "{"):
        raise SourceError(
            f"{file.path}:1: is one JSON document over several lines; JSON lines have one whole object on"
            f" each line."
        )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {UNREADABLE} AS"
        f" SELECT {ROW_NUMBER} AS row_number, {LINE_NUMBER} AS line_number, CASE"
        " WHEN repeats THEN 'a key stands more than once in the object: which value is meant?'"
        " ELSE 'the line is no JSON object' END AS reason, to_json(line) AS record"
        " FROM zeven_text WHERE NOT is_object"
    )
    keys = [
        row[0]
        for row in con.execute(
            f"SELECT key FROM (SELECT unnest(json_keys(line)) AS key, {ROW_NUMBER} AS r FROM zeven_text"
            f" WHERE is_object)"
            " GROUP BY key ORDER BY min(r), key"
        ).fetchall()
    ]
    names = clean_names(file, keys)
    shape = literal(json.dumps(dict.fromkeys(keys, "VARCHAR"), ensure_ascii=False))
    # by position: a key may be empty, which no name in SQL can be
    own = "".join(
        f", struct_extract_at(o, {position}) AS {identifier(name)}" for position, name in enumerate(names, 1)
    )
    parsed = f", from_json(line, {shape}) AS o" if keys else ""
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW {INCOMING} AS SELECT {ROW_NUMBER}, {LINE_NUMBER}{own}"
        f" FROM (SELECT {ROW_NUMBER}, {LINE_NUMBER}{parsed} FROM zeven_text WHERE is_object)"
    )
    count = con.execute("SELECT count(*) FROM zeven_lines WHERE trim(line, ' ' || chr(9)) <> ''").fetchall()[
        0
    ][0]
    return Records(dict.fromkeys(names, "VARCHAR"), int(count), own_decimal_point=True)
