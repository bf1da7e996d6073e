"""Cutting CSV files into records: line numbers, quotes, line ends, and that no row is lost unseen."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from export_folder import ExportFolder

HEADER = "lead_id,created_at,campaign,source\n"


@pytest.fixture
def export(tmp_path: Path) -> ExportFolder:
    return ExportFolder(tmp_path, duckdb.connect(), keys="max_quarantine_ratio = 1\n")


def row(number: int) -> str:
    return f"L{number},2026-03-0{number},c,s\n"


def test_rows_of_the_wrong_width_are_quarantined_with_their_line(export: ExportFolder) -> None:
    export.write(
        "leads.csv", HEADER + row(1) + "L2,2026-03-02\n" + row(3) + "L4,2026-03-04,a,b,c,d\n" + row(5)
    )
    load = export.load()
    assert (load.rows_in, load.rows_loaded, load.rows_quarantined) == (5, 3, 2)
    assert export.quarantine() == [
        (3, 2, None, "has 2 values where the header has 4"),
        (5, 4, None, "has 6 values where the header has 4"),
    ]
    assert export.rows("SELECT record ->> '$' FROM raw_files.quarantine ORDER BY 1") == [
        ("L2,2026-03-02",),
        ("L4,2026-03-04,a,b,c,d",),
    ]
    assert export.values("(lead_id, _source_row)") == [
        ("L1", 1),
        ("L3", 3),
        ("L5", 5),
    ]


def test_a_value_over_several_lines_keeps_record_and_line_numbers_right(export: ExportFolder) -> None:
    export.write(
        "leads.csv", HEADER + 'L1,2026-03-01,"two\nlines, and\n""more""",s\n' + row(2) + "L3,never,c,s\n"
    )
    load = export.load()
    assert (load.rows_in, load.rows_loaded) == (3, 2)
    assert export.values("campaign") == ['two\nlines, and\n"more"', "c"]
    assert [entry[:3] for entry in export.quarantine()] == [(6, 3, "created_at")]


def test_line_numbers_hold_for_every_kind_of_value_over_lines(export: ExportFolder) -> None:
    bad = "X,never,c,s\n"
    content = (
        HEADER
        + '"L1","2026-03-01","a ""quoted"" b\n\n",""\n'  # lines 2 to 4
        + bad  # 5
        + "\n"
        + 'L2,2026-03-02,15" screen,s\n'  # 7: a quote inside a bare value is a character
        + bad  # 8
        + 'L3,2026-03-03, "spaces\noutside" ,s\n'  # 9 and 10
        + bad  # 11
        + 'L4,2026-03-04,"a\nb","c\nd"\n'  # 12 to 14
        + bad  # 15
        + "L5,2026-03-05\n"  # 16
        + bad  # 17
        + 'L6,2026-03-06,"x"y,s\n'  # 18
        + bad  # 19
    )
    export.write("leads.csv", content)
    load = export.load()
    assert (load.rows_in, load.rows_loaded, load.rows_quarantined) == (14 - 2, 4, 8)
    assert [entry[0] for entry in export.quarantine()] == [5, 8, 11, 15, 16, 17, 18, 19]
    assert [entry[1] for entry in export.quarantine()] == [2, 4, 6, 8, 9, 10, 11, 12]
    assert export.values("_source_row") == [1, 3, 5, 7]
    assert export.values("campaign")[1] == '15" screen'


def test_a_quote_that_is_not_closed_loses_no_row_unseen(export: ExportFolder) -> None:
    content = HEADER + row(1) + 'L2,2026-03-02,"open,s\n' + row(3) + 'L4,2026-03-04,"closed",s\n' + row(5)
    export.write("leads.csv", content)
    load = export.load()
    assert (load.rows_in, load.rows_loaded, load.rows_quarantined) == (5, 2, 3)
    assert [entry[0] for entry in export.quarantine()] == [3, 4, 5]
    assert export.quarantine()[0][3] == "a quote opened on this line is not closed properly before line 5"
    assert export.quarantine()[1][3] == "lies inside the quote opened on line 3"
    assert export.values("lead_id") == ["L1", "L5"]


def test_a_quote_that_is_open_to_the_end_counts_every_line_it_swallows(export: ExportFolder) -> None:
    export.keys = ""
    content = (
        HEADER + row(1) + 'L2,2026-03-02,"open,s\n' + "".join(f"M{n},2026-03-03,c,s\n" for n in range(50))
    )
    export.write("leads.csv", content)
    assert "51 of its 52 rows are unreadable" in (sentence := export.refusal())
    assert "line" in sentence


def test_two_quotes_that_swallow_a_row_into_a_whole_record_are_seen(export: ExportFolder) -> None:
    # what a reader takes for one record of four values: an inch mark closes the quote that was left open
    export.write("leads.csv", HEADER + 'L1,2026-03-01,"wide,s\nL2,2026-03-02,screen 15",s\n' + row(3))
    load = export.load()
    assert (load.rows_in, load.rows_loaded, load.rows_quarantined) == (3, 1, 2)
    assert [entry[:2] for entry in export.quarantine()] == [(2, 1), (3, 2)]
    assert "runs on to line 3, which is a whole row by itself" in export.quarantine()[0][3]
    assert export.values("lead_id") == ["L3"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system(export: ExportFolder, end: str) -> None:
    content = HEADER + row(1) + 'L2,2026-03-02,"a\nb",s\n' + "L3,never,c,s\n" + row(4)
    export.write("leads.csv", content.replace("\n", end))
    load = export.load()
    assert (load.rows_in, load.rows_loaded) == (4, 3)
    assert [entry[:2] for entry in export.quarantine()] == [(5, 3)]
    assert export.values("campaign")[1].split() == ["a", "b"]


def test_mixed_line_ends_and_a_line_feed_inside_a_value(export: ExportFolder) -> None:
    content = (
        HEADER.replace("\n", "\r\n")
        + 'L1,2026-03-01,"a\nb",s\r\n'
        + row(2)
        + "L3,2026-03-03,x\ry,s\n"
        + row(4)
    )
    export.write("leads.csv", content)
    load = export.load()
    assert export.values("lead_id") == ["L1", "L2", "L4"]
    assert (load.rows_in, load.rows_quarantined) == (5, 2)  # a bare carriage return ends a line


def test_crlf_rejects_are_placed_right(export: ExportFolder) -> None:
    content = "\ufeff" + HEADER + row(1) + "\n" + "é,ü\n" + row(2) + 'L3,2026-03-03,"ö",s,extra\n' + row(4)
    export.write("leads.csv", content.replace("\n", "\r\n"))
    export.load()
    assert [entry[:2] for entry in export.quarantine()] == [(4, 2), (6, 4)]
    assert export.values("_source_row") == [1, 3, 5]


def test_blank_lines_are_no_rows_and_an_unfinished_last_line_is_one(export: ExportFolder) -> None:
    export.write("leads.csv", HEADER + "\n" + row(1) + "\n\n" + row(2).rstrip("\n"))
    assert export.load().rows_in == 2
    assert export.values("_source_row") == [1, 2]


def test_a_file_of_one_column(export: ExportFolder) -> None:
    export.write("leads.csv", HEADER + row(1))
    export.write("teams.csv", 'team_id\nT1\n\n"T2"\n')
    load = export.load("teams")
    assert (load.rows_in, load.rows_loaded) == (3, 2)
    assert export.quarantine() == [(3, 2, "team_id", "team_id: is required and empty")]


def test_a_header_over_two_lines_and_blank_lines_before_it(export: ExportFolder) -> None:
    export.write("leads.csv", '\nlead_id,created_at,"my\ncolumn"\nL1,2026-03-01,x\nL2,never,y\n')
    export.load()
    assert export.values("lead_id") == ["L1"]
    assert [entry[:2] for entry in export.quarantine()] == [(5, 2)]


def test_names_are_matched_whatever_their_case_blanks_and_byte_order_mark(export: ExportFolder) -> None:
    export.write("leads.csv", "\ufeff Lead_ID ,CREATED_AT\t, My Column ,\nL1,2026-03-01,x,y\n")
    export.load()
    assert export.values("lead_id") == ["L1"]
    assert export.values("_other_columns") == ['{"My Column":"x","column_4":"y"}']


def test_declared_delimiter_quote_and_null_spellings(export: ExportFolder) -> None:
    export.keys = "delimiter = ';'\nquote = \"'\"\nnull_values = ['-', 'N/A']\n"
    export.write(
        "leads.csv", "lead_id;created_at;source;campaign\nL1;2026-03-01;'a;b ''c''';-\nL2;2026-03-01;N/A;\n"
    )
    export.load()
    assert export.values("source") == ["a;b 'c'", None]
    assert export.values("campaign") == [None, None]


def test_tab_separated_values_and_blanks_around_them(export: ExportFolder) -> None:
    export.keys = 'delimiter = "\\t"\n'
    export.write("leads.csv", "lead_id\tcreated_at\tsource\n L1\u00a0\t2026-03-01 \t \n")
    export.load()
    assert export.values("(lead_id, created_on::VARCHAR, source)") == [("L1", "2026-03-01", None)]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("utf-16", "Zoë €"), ("windows-1252", "Zoë €"), ("latin-1", "Zoë"), ("utf-8", "Zoë € 漢")],
)
def test_declared_encodings(export: ExportFolder, encoding: str, text: str) -> None:
    export.keys = f'encoding = "{encoding}"\n'
    export.write(
        "leads.csv", (HEADER + f"L1,2026-03-01,{text},s\nL2,never,{text},s\n" + row(3)).encode(encoding)
    )
    export.load()
    assert export.values("campaign") == [text, "c"]
    assert [entry[:2] for entry in export.quarantine()] == [(3, 2)]


def test_a_large_file_is_numbered_right_across_the_readers_buffers(export: ExportFolder) -> None:
    count = 12_000
    lines = [f'L{n},2026-03-01,"{"x" * 6000}",s\n' for n in range(1, count + 1)]  # twice a buffer of 32 MB
    lines[7_000 - 1] = "L7000,2026-03-01\n"
    lines[9_000 - 1] = f'L9000,2026-03-01,"{"x" * 300}\ny",s\n'
    lines[11_000 - 1] = "L11000,never,c,s\n"
    export.write("leads.csv", HEADER + "".join(lines))
    load = export.load()
    assert (load.rows_in, load.rows_loaded) == (count, count - 2)
    assert [entry[:2] for entry in export.quarantine()] == [(7_001, 7_000), (11_002, 11_000)]
    assert export.rows("SELECT count(*) FROM raw_files.leads WHERE lead_id <> 'L' || _source_row") == [(0,)]
