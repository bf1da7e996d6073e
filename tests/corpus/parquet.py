"""Parquet: cut off, damaged, and with other types than one would hope.

Belongs here: Parquet. Does not belong here: text.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from tests.corpus.case import Case, Refused, Rows, text

ON = "DATE '2026-03-01' AS created_at"
TEN = f"SELECT 'L' || range AS lead_id, {ON} FROM range(10)"


def written(folder: Path, query: str, name: str = "leads.parquet") -> Path:
    with duckdb.connect() as con:
        con.execute(f"COPY ({query}) TO '{folder / name}' (FORMAT parquet)")
    return folder / name


def typed(name: str, query: str, expected: Rows | Refused) -> Case:
    return Case(name, lambda folder: written(folder, query), expected)


def union(*rows: str) -> str:
    return " UNION ALL ".join(f"SELECT {row}" for row in rows)


def cut(folder: Path, first: int, last: int | None) -> None:
    file = written(folder, TEN)
    content = file.read_bytes()
    file.write_bytes(content[:first] + (b"" if last is None else b"\xff" * (last - first) + content[last:]))


OUTSIDE = "lies outside the years 1900 to 2200"

CASES: tuple[Case, ...] = (
    typed("whole", TEN, Rows(10)),
    Case(
        "Parquet without its end", lambda folder: cut(folder, -7, None), Refused("is no whole Parquet file")
    ),
    Case(
        "Parquet with a page overwritten",
        lambda folder: cut(folder, 4, 120),
        Refused("is no whole Parquet file"),
    ),
    text("Parquet of no bytes", b"", Refused("is no whole Parquet file"), file="leads.parquet"),
    text(
        "Parquet that is CSV",
        "lead_id,created_at\n",
        Refused("is no whole Parquet file"),
        file="leads.parquet",
    ),
    text("CSV that is Parquet", b"PAR1" + bytes(40) + b"PAR1", Refused("is a Parquet file by its content")),
    typed(
        "a column twice in Parquet",
        f'SELECT 1 AS lead_id, {ON}, 1 AS s, 2 AS "s "',
        Refused("more than once"),
    ),
    typed(
        "the name by which the reader counts rows",
        f"SELECT 1 AS lead_id, {ON}, 1 AS file_row_number",
        Refused("has a column named 'file_row_number'"),
    ),
    typed(
        "names that are SQL in Parquet",
        f'SELECT 1 AS lead_id, {ON}, 3 AS "x""; drop table raw_files.leads; --"',
        Rows(1, values={"lead_id": ["1"]}),
    ),
    typed(
        "whole numbers that became fractions",
        union(
            f"17.0::DOUBLE AS lead_id, {ON}",
            f"9007199254740993::DOUBLE, {ON}",
            f"'nan'::DOUBLE, {ON}",
            f"'inf'::DOUBLE, {ON}",
        ),
        Rows(
            1,
            [(2, "digits are lost"), (3, "lead_id: is required and empty"), (4, "digits are lost")],
            {"lead_id": ["17"]},
        ),
    ),
    typed(
        "whole numbers of all sizes",
        union(f"9007199254740993::BIGINT AS lead_id, {ON}", f"-1::BIGINT, {ON}"),
        Rows(2, values={"lead_id": ["9007199254740993", "-1"]}),
    ),
    typed(
        "lists, objects and blobs where text is expected",
        f"SELECT [1] AS lead_id, {ON}, {{'a': 1}} AS source, '\\xAA'::BLOB AS campaign, uuid() AS memo",
        Rows(1, values={"(lead_id, source, campaign)": [("[1]", "{'a': 1}", "\\xAA")]}),
    ),
    typed(
        "dates of all ages in Parquet",
        union(
            "'a' AS lead_id, DATE '0001-01-01' AS created_at",
            "'b', DATE '9999-12-31'",
            "'c', 'infinity'::DATE",
            "'d', DATE '2026-02-28'",
        ),
        Rows(1, [(1, OUTSIDE), (2, OUTSIDE), (3, OUTSIDE)], {"created_on::VARCHAR": ["2026-02-28"]}),
    ),
    typed(
        "instants of all ages in Parquet",
        union(
            "'a' AS lead_id, TIMESTAMPTZ '0001-01-01 00:00:00Z' AS created_at",
            "'b', 'infinity'::TIMESTAMPTZ",
            "'c', TIMESTAMPTZ '2026-03-01 10:00:00+01'",
        ),
        Rows(1, [(1, OUTSIDE), (2, OUTSIDE)], {"created_at::VARCHAR": ["2026-03-01 09:00:00"]}),
    ),
    typed(
        "a number for a date", "SELECT 'a' AS lead_id, 20260301 AS created_at", Rows(0, [(1, "created_at: ")])
    ),
    typed(
        "a time for a date",
        "SELECT 'a' AS lead_id, TIME '10:00' AS created_at",
        Rows(0, [(1, "created_at: ")]),
    ),
)
