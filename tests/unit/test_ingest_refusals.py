"""Files that are refused as a whole, each with one sentence that says what to do."""

from __future__ import annotations

import gzip
from pathlib import Path

import duckdb
import pytest
from export_folder import ExportFolder

LEADS = "lead_id,created_at,owner_id\nL1,2026-03-01,R1\n"


@pytest.fixture
def export(tmp_path: Path) -> ExportFolder:
    return ExportFolder(tmp_path, duckdb.connect())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04rest", "Excel workbook (.xlsx)"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel workbook"),
        (gzip.compress(LEADS.encode(), mtime=0), "compressed with gzip"),
        (b"%PDF-1.7", "PDF document"),
        (b"PAR1xxxx", "Parquet file by its content"),
        (b"<!DOCTYPE html><html>", "web page or XML"),
        (b"\xef\xbb\xbf\n <html lang='en'>", "web page or XML"),
        (LEADS.encode("utf-16"), 'set encoding = "utf-16"'),
        (LEADS.encode("utf-16-le"), "control characters"),
        (b"lead_id,created_at\nL1,\x00\x00\n", ":2: holds control characters"),
        (
            b"lead_id,created_at\nL1,2026-01-01\nL\xe9,2026-01-01\n",
            ":3: holds the byte 0xe9, which is no utf-8 text",
        ),
        (b"lead_id;created_at\nL1;2026-01-01\n", 'separated by semicolons and the declared delimiter is ","'),
        (b"lead_id\tcreated_at\nL1\t2026-01-01\n", 'set delimiter = "\\t"'),
        (b"lead_id,created_at,Lead_Id\n", "has the column 'Lead_Id' more than once"),
        (b"lead_id,created_at\n" + b'L1,"' + b"x" * 2_500_000 + b"\n", "two million bytes"),
        (b'"lead_id,created_at\nL1,2026-01-01\n', "the header cannot be read"),
    ],
)
def test_what_is_no_csv_of_the_declared_kind(export: ExportFolder, content: bytes, says: str) -> None:
    export.write("leads.csv", content)
    sentence = export.refusal()
    assert says in sentence
    assert "leads.csv" in sentence


def test_another_encoding_than_declared(export: ExportFolder) -> None:
    export.keys = 'encoding = "latin-1"\n'
    path = export.write("leads.csv", b"\xef\xbb\xbf" + LEADS.encode())
    assert 'set encoding = "utf-8"' in export.refusal()
    path.write_bytes(LEADS.encode() + b"L2,2026-01-01,\x80\n")
    assert ":3: holds the byte 0x80, a character in Windows-1252" in export.refusal()


def test_a_compressed_file_that_was_cut_off(export: ExportFolder) -> None:
    export.write("leads.csv.gz", gzip.compress(LEADS.encode() * 5000)[:-20])
    assert "is damaged or cut off" in export.refusal()


@pytest.mark.parametrize("content", [b"", b"PAR1", b"lead_id,created_at\n"])
def test_what_is_no_parquet(export: ExportFolder, content: bytes) -> None:
    export.write("leads.parquet", content)
    assert "is no whole Parquet file" in export.refusal()


def test_a_damaged_or_cut_off_parquet_file(export: ExportFolder) -> None:
    path = export.folder / "leads.parquet"
    export.folder.mkdir()
    export.con.execute(
        "COPY (SELECT 'L' || (range * 7919 % 10007) AS lead_id, DATE '2026-01-01' AS created_at"
        f" FROM range(9000)) TO '{path}'"
    )
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    assert "is no whole Parquet file" in export.refusal()
    path.write_bytes(whole[:200] + bytes(200) + whole[400:])
    assert "is no whole Parquet file" in export.refusal()


@pytest.mark.parametrize("content", ['[\n{"lead_id": "L1"}\n]\n', '{\n"lead_id": "L1"\n}\n'])
def test_one_json_document_is_no_json_lines(export: ExportFolder, content: str) -> None:
    export.write("leads.jsonl", content)
    assert "is one JSON document over several lines" in export.refusal()


def test_lines_that_are_no_json_objects_are_quarantined(export: ExportFolder) -> None:
    lines = [
        '{"lead_id": "L1", "created_at": "2026-03-01"}',
        "",
        "{broken",
        "[1]",
        '{"created_at": "2026-03-01"}',
        "7",
    ]
    export.write("leads.jsonl", "\n".join(lines))
    load = export.load()
    assert (load.rows_in, load.rows_loaded, load.rows_quarantined) == (5, 1, 4)
    assert [entry[:2] for entry in export.quarantine()] == [(3, 2), (4, 3), (5, 4), (6, 5)]
    assert export.quarantine()[2][3] == "lead_id: is required and empty"


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("lead_id,owner_id", "lacks the required column 'created_at' of leads"),
        ("leadid,created_at", "lacks the required column 'lead_id' of leads (is it 'leadid', renamed?)"),
    ],
)
def test_a_missing_required_column(export: ExportFolder, header: str, says: str) -> None:
    export.write("leads.csv", f"{header}\nx,y\n")
    sentence = export.refusal()
    assert says in sentence
    assert "[sources.crm.tables.leads.columns]" in sentence


def test_too_many_unreadable_rows(export: ExportFolder) -> None:
    export.keys = "max_quarantine_ratio = 0.1\n"
    good = "".join(f"L{n},2026-03-01\n" for n in range(80))
    bad = "".join(f"B{n},{n}.3.2026\n" for n in range(12))
    export.write("leads.csv", "lead_id,created_at\nX,\n" + good + bad)
    sentence = export.refusal()
    assert "13 of its 93 rows are unreadable, more than max_quarantine_ratio = 0.1 allows" in sentence
    assert "most often (12 times, first in line 83): created_at: '9.9.9999' is neither" in sentence
    assert "is neither a timestamp" in sentence
    export.write("leads.csv", "lead_id,created_at\nX,\n" + good + bad[: len("B0,0.3.2026\n") * 9])
    assert export.load().rows_quarantined == 10  # more than a tenth, but few


def test_the_refusal_shows_the_shape_of_a_value_and_not_the_value(export: ExportFolder) -> None:
    export.write("leads.csv", "lead_id,created_at\nL1,Änne O'Hara 06-1234\nL2,Änne O'Hara 06-1234\n")
    sentence = export.refusal()
    assert "created_at: 'aaaa a'aaaa 99-9999' is neither" in sentence
    assert "Hara" not in sentence


def test_a_file_without_any_readable_row(export: ExportFolder) -> None:
    export.write("leads.csv", "lead_id,created_at\nL1,01/02/2026\nL2,01/02/2026\n")
    assert "2 of its 2 rows are unreadable" in export.refusal()


def test_an_open_quote_that_swallows_millions_of_bytes(export: ExportFolder) -> None:
    rows = "".join(f"L{n},2026-03-01,{'x' * 60}\n" for n in range(60_000))
    export.write("leads.csv", 'lead_id,created_at,owner_id\nL1,2026-03-01,R1\nL2,2026-03-01,"R\n' + rows)
    sentence = export.refusal()
    assert "leads.csv:3: the record has no end that can be found" in sentence


@pytest.mark.parametrize("line", ["{}", "[1, 2]"])
def test_json_lines_without_any_column(export: ExportFolder, line: str) -> None:
    export.write("leads.jsonl", f"{line}\n{line}\n")
    assert "has 2 lines and no column in any" in export.refusal()


def test_a_declared_share_of_none_refuses_one_bad_row(export: ExportFolder) -> None:
    export.keys = "max_quarantine_ratio = 0\n"
    export.write("leads.csv", "lead_id,created_at\nL1,2026-03-01\nL2,never\n")
    assert "1 of its 2 rows are unreadable" in export.refusal()


@pytest.mark.parametrize("key", ["date_format", "timestamp_format"])
def test_a_format_that_is_none(export: ExportFolder, key: str) -> None:
    export.keys = f'{key} = "%Q"\n'
    export.write("leads.csv", LEADS)
    assert f"sources.crm.{key}: '%Q' is no strptime format" in export.refusal()


def test_a_mapped_entry_table_without_files_names_its_glob(export: ExportFolder) -> None:
    export.folder.mkdir()
    export.keys = '[sources.crm.tables.opportunities]\nfiles = "deals.csv"\n'
    assert "sources.crm.tables.opportunities.files: 'deals.csv' matches no file" in export.refusal()
