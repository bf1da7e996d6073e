"""Columns that come, go and are renamed, by declared policy."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from export_folder import ExportFolder


@pytest.fixture
def export(tmp_path: Path) -> ExportFolder:
    return ExportFolder(tmp_path, duckdb.connect())


def file(export: ExportFolder, number: int, header: str) -> None:
    values = ",".join(
        "2026-03-01" if name == "created_at" else f"{name}{number}" for name in header.split(",")
    )
    export.write(f"leads-{number}.csv", f"{header}\n{values}\n")


def test_an_unknown_column_is_kept_and_told_once(export: ExportFolder) -> None:
    file(export, 1, "lead_id,created_at,mood")
    assert export.load().findings == (
        "leads-1.csv: the column 'mood' is unknown to the format of leads: kept in raw.",
    )
    assert export.values("_other_columns") == ['{"mood":"mood1"}']
    file(export, 2, "lead_id,created_at,mood")
    assert export.load().findings == ()


def test_an_unknown_column_is_refused_where_declared(export: ExportFolder) -> None:
    export.keys = 'unknown_columns = "refuse"\n'
    file(export, 1, "lead_id,created_at,campain")
    sentence = export.refusal()
    assert "has the column 'campain', unknown to the format of leads" in sentence
    assert "(probably 'campaign', renamed)" in sentence


def test_a_column_that_is_gone_is_told_or_refused(export: ExportFolder) -> None:
    file(export, 1, "lead_id,created_at,campaign,mood")
    export.load()
    file(export, 2, "lead_id,created_at")
    export.keys = 'missing_columns = "refuse"\n'
    assert "lacks the column 'campaign', which was there at the last load" in export.refusal()
    export.keys = ""
    assert export.load().findings == (
        "leads-2.csv: the column 'campaign', there at the last load, is missing.",
    )
    assert export.values("campaign") == ["campaign1", None]


def test_a_likely_rename_is_said_as_such(export: ExportFolder) -> None:
    file(export, 1, "lead_id,created_at,campaign")
    export.load()
    file(export, 2, "lead_id,created_at,campaign_name")
    (finding,) = export.load().findings
    assert "the column 'campaign' is gone and 'campaign_name' is new: probably renamed" in finding


def test_a_column_almost_like_one_of_the_format_is_pointed_out(export: ExportFolder) -> None:
    file(export, 1, "lead_id,created_at,owner")
    assert export.load().findings[0].endswith("kept in raw; is 'owner_id' meant?")


def test_an_empty_file_between_two_loads_changes_nothing(export: ExportFolder) -> None:
    file(export, 1, "lead_id,created_at,mood")
    export.load()
    export.write("leads-2.csv", "")
    file(export, 3, "lead_id,created_at,mood")
    assert export.load().findings == ()


def test_with_a_mapping_only_a_change_is_told(export: ExportFolder) -> None:
    export.keys = (
        'unknown_columns = "refuse"\n[sources.crm.tables.leads]\nfiles = "leads-*.csv"\n'
        "[sources.crm.tables.leads.columns]\nowner_id = \"'R1'\"\n"
    )
    file(export, 1, "lead_id,created_at,whatever")
    assert export.load().findings == ()
    file(export, 2, "lead_id,created_at,whatever,news")
    assert "has the column 'news', new since the last load" in export.refusal()
    export.keys = export.keys.replace('unknown_columns = "refuse"\n', "")
    assert "the column 'news' is new since the last load: kept in raw." in " ".join(export.load().findings)
