"""Every damaged or hostile export comes out as its case says, without a crash, within time and memory."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
from export_folder import ExportFolder

from orchestration.ingest import files
from orchestration.speech import speakable
from tests.corpus import CASES, Case, Refused, Rows
from tests.corpus.case import ALL_MAY_FAIL

SECONDS = 30
"""For one case on a busy machine; alone the longest takes two."""
MEGABYTES = 2500
"""By which one case may raise what this process has taken at most; DuckDB may have 2,000 of them."""


@pytest.fixture
def export(tmp_path: Path) -> ExportFolder:
    con = duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(tmp_path / "spill")})
    con.execute("SET TimeZone = 'UTC'")
    return ExportFolder(tmp_path, con)


def prepared(case: Case, export: ExportFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    export.folder.mkdir()
    case.write(export.folder)
    if case.table not in ("leads", "opportunities"):
        export.write("opportunities.csv", "opportunity_id,created_at,stage\n")
    export.keys = case.keys if "max_quarantine_ratio" in case.keys else ALL_MAY_FAIL + case.keys
    for function, act in (("found_files", case.after_listing), ("fingerprint", case.after_hashing)):
        if act is not None:
            monkeypatch.setattr(files, function, acting_after(getattr(files, function), act, export.folder))


def acting_after(function: Any, act: Any, folder: Path) -> Any:
    """The function, and after its first call, once, what somebody else does."""
    calls: list[Any] = []

    def both(*arguments: Any) -> Any:
        answer = function(*arguments)
        calls.append(arguments)
        if len(calls) == 1:
            act(folder)
        return answer

    return both


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_case_comes_out_as_it_says(
    case: Case, export: ExportFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, started = peak_megabytes(), time.monotonic()
    prepared(case, export, monkeypatch)
    if isinstance(case.expected, Refused):
        assert case.expected.says in refusal(export, case.table)
    else:
        check_rows(export, case.table, case.expected)
    assert time.monotonic() - started < SECONDS
    assert peak_megabytes() - before < MEGABYTES


def refusal(export: ExportFolder, table: str) -> str:
    """The sentence; wrong settings are refused before there is anything to load."""
    from orchestration.errors import SettingsError

    try:
        export.settings()
    except SettingsError as error:
        return str(error)
    sentence = export.refusal(table)
    assert "\n" not in sentence
    assert sentence == speakable(sentence)
    return sentence


def check_rows(export: ExportFolder, table: str, expected: Rows) -> None:
    load = export.load(table)
    count = expected.loaded + len(expected.quarantined)
    assert (load.rows_in, load.rows_loaded, load.rows_quarantined) == (
        count,
        expected.loaded,
        len(expected.quarantined),
    )
    # every row of every file is in one of the two tables, once, under its own number
    [(places, different, largest)] = export.rows(
        "SELECT count(*), count(DISTINCT (source_file, n)), sum(n) FROM ("
        f" SELECT _source_file AS source_file, _source_row AS n FROM raw_files.{table}"
        " UNION ALL SELECT source_file, row_number FROM raw_files.quarantine)"
    )
    assert places == different == count
    in_files = [number for (number,) in export.rows("SELECT rows_in FROM raw_files.load_ledger")]
    assert sum(in_files) == count
    assert (largest or 0) == sum(number * (number + 1) // 2 for number in in_files)
    for (_, row, _, reason), (number, part) in zip(export.quarantine(), expected.quarantined, strict=True):
        assert row == number
        assert part in reason
    for sql, values in expected.values.items():
        order = "ORDER BY _source_file, _source_row"
        assert [row[0] for row in export.rows(f"SELECT {sql} FROM raw_files.{table} {order}")] == list(values)
    findings = " ".join(load.findings)
    for part in expected.told:
        assert part in findings
    assert export.scan() == [] or table not in {pending.table for pending in export.scan()}


def peak_megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def test_the_corpus_is_as_large_as_it_says() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) >= 60


@pytest.mark.parametrize("name", ["leads.csv", "leads.parquet"])
def test_a_file_that_may_not_be_read(
    export: ExportFolder, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = export.write(name, "lead_id,created_at\nL1,2026-03-01\n")
    path.chmod(0)
    opened = Path.open

    def refusing(self: Path, *arguments: Any, **options: Any) -> Any:  # for root every file is open
        if self.name == name:
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refusing)
    assert f"{name}: cannot be read (Permission denied); check its permissions" in export.refusal()


def test_more_memory_than_the_limit_is_one_sentence(tmp_path: Path) -> None:
    con = duckdb.connect(config={"memory_limit": "60MB", "temp_directory": ""})
    export = ExportFolder(tmp_path, con)
    header = ",".join(f"k{number}" for number in range(2_000))
    export.write("leads.csv", f"lead_id,created_at,{header}\n" + f"L1,2026-03-01{',v' * 2_000}\n" * 2_000)
    assert 'takes more memory than run.memory_limit = "4GB" allows' in export.refusal()


def test_a_full_disk_while_a_copy_is_made_is_one_sentence(
    export: ExportFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    export.write("leads.csv", "lead_id,created_at\rL1,2026-03-01\r")
    monkeypatch.setattr(shutil, "copyfileobj", full)
    assert "is the disk full" in export.refusal()
    assert not (export.root / "warehouse" / "incoming").exists()
