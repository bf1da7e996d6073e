"""Whatever is in the rows: rows in = loaded + quarantined, in order, and every value comes back as it was."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
from export_folder import ExportFolder
from hypothesis import given, settings
from hypothesis import strategies as st

ODD = st.sampled_from(" ,\"\n;'")
TEXT = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufeff\x85\u2028") | ODD,
    max_size=12,
)
CREATED = st.sampled_from(["2026-01-15", "2026-01-15 10:00:00", "2026-01-15T10:00:00+05:30", "never", ""])
ROW = st.tuples(CREATED, TEXT, TEXT, TEXT)
UNREADABLE = ("never", "")


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(ROW, max_size=12),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    is_finished=st.booleans(),
)
def test_rows_come_back_as_they_were_written(
    con: duckdb.DuckDBPyConnection, rows: list[tuple[str, ...]], end: str, quoting: Any, is_finished: bool
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end, quoting=quoting)
    writer.writerow(["lead_id", "created_at", "campaign", "source", "memo"])
    for number, row in enumerate(rows, start=1):
        writer.writerow([f"L{number}", *row])
    with tempfile.TemporaryDirectory() as root:
        export = ExportFolder(Path(root), con, keys="max_quarantine_ratio = 1\n")
        export.write("leads.csv", text.getvalue() if is_finished else text.getvalue().removesuffix(end))
        load = export.load()
    columns = "_source_row, lead_id, campaign, source, _other_columns ->> 'memo'"
    stored = export.rows(f"SELECT {columns} FROM raw_files.leads ORDER BY _source_row")
    bad = [row[1] for row in export.quarantine()]
    for table in ("leads", "quarantine", "load_ledger"):
        con.execute(f"DELETE FROM raw_files.{table}")

    assert load.rows_in == len(rows) == load.rows_loaded + load.rows_quarantined
    assert bad == [number for number, row in enumerate(rows, 1) if row[0] in UNREADABLE]
    assert stored == [
        (number, f"L{number}", _trimmed(row[1]), _trimmed(row[2]), row[3] or None)
        for number, row in enumerate(rows, 1)
        if row[0] not in UNREADABLE
    ]


def _trimmed(value: str) -> str | None:
    return value.strip(" \t\r\n\xa0") or None
