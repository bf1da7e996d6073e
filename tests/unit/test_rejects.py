"""The file with the keys of rows that failed a check."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
from pathlib import Path

from published_company import settings_in

from orchestration.checks.verdicts import Verdict
from orchestration.publish.rejects import COLUMNS, rejects_file, write_rejects
from orchestration.publish.store import Store

FAILED = Verdict(
    "kpi_sales", "leads.minimum", "leads", "error", False, 30, 99,
    ({"team_id": "crm:Ä, \"x\"\nT1", "month": "2026-01-01"}, {"team_id": None, "month": "2026-02-01"}),
    "kpi_sales.leads: rule 'minimum 0' fails.",
)  # fmt: skip
PASSED = dataclasses.replace(FAILED, passed=True, keys=())
WHOLE = Verdict("dim_teams", "minimum_rows", None, "warn", False, 0, 0, (), "dim_teams: too few.")


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def test_a_row_per_key_and_one_for_a_check_without(tmp_path: Path) -> None:
    store = Store.of(settings_in(tmp_path))
    file = write_rejects(store, "run-1", [PASSED, FAILED, WHOLE], keep=3)
    assert file == store.root / "rejects" / "run-1.csv"
    rows = rows_of(file)
    assert tuple(rows[0]) == COLUMNS
    assert [(row["table"], row["rule"], row["column"], row["severity"]) for row in rows] == [
        ("kpi_sales", "leads.minimum", "leads", "error"),
        ("kpi_sales", "leads.minimum", "leads", "error"),
        ("dim_teams", "minimum_rows", "", "warn"),
    ]
    assert [json.loads(row["key"]) for row in rows[:2]] == list(FAILED.keys)
    assert rows[2]["key"] == ""
    assert (rows[0]["failing_rows"], rows[0]["total_rows"]) == ("30", "99")


def test_only_who_runs_the_pipeline_reads_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        file = write_rejects(Store.of(settings_in(tmp_path)), "run-1", [FAILED], keep=1)
    finally:
        os.umask(before)
    assert file is not None
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert oct(file.parent.stat().st_mode & 0o777) == "0o700"


def test_where_nothing_failed_there_is_no_file(tmp_path: Path) -> None:
    store = Store.of(settings_in(tmp_path))
    assert write_rejects(store, "run-1", [PASSED], keep=3) is None
    assert not store.rejects.exists()


def test_a_run_replaces_its_own_and_old_ones_go(tmp_path: Path) -> None:
    store = Store.of(settings_in(tmp_path))
    for number in range(5):
        file = write_rejects(store, f"run-{number}", [FAILED], keep=3)
        assert file is not None
        os.utime(file, (number, number))
    assert sorted(entry.name for entry in store.rejects.iterdir()) == ["run-2.csv", "run-3.csv", "run-4.csv"]
    assert write_rejects(store, "run-2", [WHOLE], keep=1) == store.rejects / "run-2.csv"
    assert [entry.name for entry in store.rejects.iterdir()] == ["run-2.csv"]
    assert [row["table"] for row in rows_of(store.rejects / "run-2.csv")] == ["dim_teams"]
    assert [entry.name for entry in store.root.iterdir()] == ["rejects"], (
        "nothing half done is left beside it"
    )


def test_a_run_id_that_is_a_path_stays_in_its_folder(tmp_path: Path) -> None:
    store = Store.of(settings_in(tmp_path))
    assert rejects_file(store, "../../etc/x y").parent == store.rejects
    assert rejects_file(store, "../../etc/x y").name == "______etc_x_y.csv"
