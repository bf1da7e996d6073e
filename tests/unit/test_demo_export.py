"""The files show the ledger and nothing else: same bytes every time, all dirt declared; no half folder."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from demo import render_export, truth, worktime
from demo.company import STAGES
from demo.dirt import SPELLINGS, UNMAPPED_STAGE
from demo.ledger import Ledger
from demo.render_export import RECORD, ExportReport, make_export, read_report
from demo.simulate import simulate
from orchestration.errors import SourceError
from orchestration.ingest.export_format import TABLES

ROOT = Path(__file__).resolve().parents[2]
UNTIL = date(2026, 6, 30)
SCALE = 0.3

Rows = list[dict[str, str]]


def _read(folder: Path, table: str) -> Rows:
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return simulate(until=UNTIL, scale=SCALE)


@pytest.fixture(scope="module")
def dirty(ledger: Ledger, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    return render_export.render_export(ledger, tmp_path_factory.mktemp("dirty"))


@pytest.fixture(scope="module")
def clean(ledger: Ledger, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    return render_export.render_export(ledger, tmp_path_factory.mktemp("clean"), clean=True)


def test_the_same_arguments_give_the_same_bytes_on_another_machine(tmp_path: Path) -> None:
    script = (
        "import sys; from datetime import date; from pathlib import Path\n"
        "from demo.render_export import make_export\n"
        "make_export(Path(sys.argv[1]), until=date(2026, 6, 30), seed=3, scale=0.05)"
    )
    for name, machine in {
        "here": {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"},
        "there": {"PYTHONHASHSEED": "77", "TZ": "Pacific/Auckland", "LC_ALL": "C.UTF-8"},
    }.items():
        environment = {**os.environ, **machine, "PYTHONPATH": str(ROOT)}
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / name)], check=True, env=environment, cwd=tmp_path
        )
    names = sorted(path.name for path in (tmp_path / "here").iterdir())
    assert names == sorted([*(f"{table}.csv" for table in TABLES), RECORD])
    for name in names:
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()


def test_another_seed_is_another_company(tmp_path: Path) -> None:
    for seed in (1, 2):
        make_export(tmp_path / str(seed), until=UNTIL, seed=seed, scale=0.02, years=1)
    assert (tmp_path / "1" / "leads.csv").read_bytes() != (tmp_path / "2" / "leads.csv").read_bytes()


@pytest.mark.parametrize("table", TABLES)
def test_every_file_has_the_columns_of_the_format(dirty: ExportReport, table: str) -> None:
    with (dirty.folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == [column.name for column in TABLES[table].columns]
    assert {len(line) for line in lines} == {len(lines[0])}
    assert len(lines) > 1


def test_rows_are_the_ledgers_records_and_the_declared_dirt(
    ledger: Ledger, dirty: ExportReport, clean: ExportReport
) -> None:
    for report in (dirty, clean):
        assert report.records["leads"] == len(ledger.leads)
        assert report.records["opportunities"] == len(ledger.opportunities)
        assert report.records["activities"] == len(ledger.activities)
        assert report.records["targets"] == len(ledger.targets)
        assert report.records["accounts"] == len(ledger.accounts)
        assert report.records["opportunity_products"] == sum(len(deal.lines) for deal in ledger.opportunities)
        for table in TABLES:
            unreadable = sum(row.table == table for row in report.quarantined)
            declared = (
                report.records[table] + report.older_versions[table] + report.repeated[table] + unreadable
            )
            assert report.rows[table] == declared == len(_read(report.folder, table))
    assert dirty.records == clean.records


def test_a_clean_export_has_no_dirt(clean: ExportReport) -> None:
    assert clean.rows == clean.records
    assert not clean.quarantined
    for table in ("leads", "opportunities", "activities"):
        ids = [row[TABLES[table].required[0]] for row in _read(clean.folder, table)]
        assert len(ids) == len(set(ids))
    assert {row["status"] for row in _read(clean.folder, "leads")} == set(SPELLINGS["lead_status"])
    assert {row["activity_type"] for row in _read(clean.folder, "activities")} == set(
        SPELLINGS["activity_type"]
    )
    assert {row["stage"] for row in _read(clean.folder, "opportunities")} == set(STAGES)
    for row in _read(clean.folder, "opportunities"):
        assert bool(row["is_won"]) == bool(row["closed_on"])


def test_the_dirt_is_there(dirty: ExportReport) -> None:
    for table in ("leads", "opportunities", "activities"):
        rows = [tuple(row.values()) for row in _read(dirty.folder, table)]
        assert sum(count - 1 for count in Counter(rows).values()) == dirty.repeated[table] > 0
        versions = {row[:1] + row[-1:] for row in rows if row[0]}
        assert len(versions) - len({version[0] for version in versions}) == dirty.older_versions[table] > 0
    opportunities = _read(dirty.folder, "opportunities")
    assert any(row["stage"] == UNMAPPED_STAGE for row in opportunities)
    assert any(row["stage"] == UNMAPPED_STAGE for row in _read(dirty.folder, "opportunity_history"))
    assert any(row["closed_on"] and not row["is_won"] for row in opportunities)
    assert {row["direction"] for row in _read(dirty.folder, "activities")} >= {
        "Outgoing",
        "Incoming",
        "Outbound",
    }


def test_unreadable_rows_stand_where_the_report_says(dirty: ExportReport) -> None:
    assert {bad.table for bad in dirty.quarantined} == {"leads", "opportunities", "activities"}
    for bad in dirty.quarantined:
        value = _read(dirty.folder, bad.table)[bad.row - 1][bad.column]
        if bad.reason.startswith("missing"):
            assert not value
        else:
            with pytest.raises(ValueError, match=r"format|range|literal"):
                datetime.fromisoformat(value)


def test_the_newest_readable_rows_tell_what_the_ledger_knows(ledger: Ledger, dirty: ExportReport) -> None:
    """A loader in a few lines, as the export format prescribes, comes to the truth in spite of the dirt."""
    view = truth.View(worktime.end_of_day(UNTIL))
    leads, deals = _newest(dirty, "leads"), _newest(dirty, "opportunities")
    created = Counter(
        view.day(datetime.fromisoformat(row["created_at"])).replace(day=1)
        for row in leads
        if not row["duplicate_of"] and row["is_deleted"] == "false"
    )
    expected = truth.leads_created(ledger, view)
    assert created == {
        cell.period_start: count
        for cell, count in expected.items()
        if cell[0::2] == ("month", "company", None)
    }
    rates = _read(dirty.folder, "exchange_rates")
    won: dict[int, Decimal] = {}
    for row in deals:
        is_won = row["is_won"] == "true" or (not row["is_won"] and row["stage"] == "Closed Won")
        if is_won and row["is_deleted"] == "false" and row["amount"]:
            valid = [
                rate
                for rate in rates
                if rate["currency"] == row["currency"] and rate["valid_from"] <= row["closed_on"]
            ]
            rate = Decimal(valid[-1]["rate"]) if valid else Decimal(1)
            amount = (Decimal(row["amount"]) * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)
            year = int(row["closed_on"][:4])
            won[year] = won.get(year, Decimal(0)) + amount
    sales = truth.closed_sales(ledger, view)
    assert won == {
        cell.period_start.year: value.closed_amount
        for cell, value in sales.items()
        if (cell.period_type, cell.level) == ("year", "company")
    }


def _newest(report: ExportReport, table: str) -> Rows:
    bad = {row.row for row in report.quarantined if row.table == table}
    newest: dict[str, dict[str, str]] = {}
    for number, row in enumerate(_read(report.folder, table), 1):
        key = row[TABLES[table].required[0]]
        if number not in bad and (key not in newest or row["updated_at"] >= newest[key]["updated_at"]):
            newest[key] = row
    return list(newest.values())


def test_the_history_ends_with_the_record(clean: ExportReport) -> None:
    last = {row["opportunity_id"]: row for row in _read(clean.folder, "opportunity_history")}
    for row in _read(clean.folder, "opportunities"):
        for column in ("stage", "amount", "probability", "expected_close_on", "owner_id", "currency"):
            assert last[row["opportunity_id"]][column] == row[column]


def test_the_seeds_know_every_spelling_but_one() -> None:
    with (ROOT / "seeds" / "value_mappings.csv").open(encoding="utf-8") as file:
        known = {(row["field"], row["spelling"]): row["canonical_value"] for row in csv.DictReader(file)}
    for field, by_value in SPELLINGS.items():
        for canonical, spellings in by_value.items():
            assert {known[field, spelling.lower()] for spelling in spellings} == {canonical}
    with (ROOT / "seeds" / "stage_map.csv").open(encoding="utf-8") as file:
        stages = {row["stage"]: row for row in csv.DictReader(file)}
    for stage in STAGES.values():
        row = stages[stage.name.lower()]
        assert Decimal(row["probability"]) == stage.probability
        assert row["outcome"] == {True: "won", False: "lost", None: ""}[stage.is_won]
        if stage.is_won is None:
            assert row["is_qualified"] == str(stage.is_qualified).lower()
    assert UNMAPPED_STAGE.lower() not in stages


# ---- the folder ----


def _small(folder: Path, **arguments: object) -> ExportReport:
    return make_export(folder, **{"until": UNTIL, "scale": 0.02, "years": 1, **arguments})  # type: ignore[arg-type]


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_second_call_does_nothing_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _small(tmp_path / "demo")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "demo").iterdir()}
    monkeypatch.setattr(render_export, "simulate", lambda **_: pytest.fail("the company was made again"))
    second = _small(tmp_path / "demo")
    assert (first.nothing_new, second.nothing_new) == (False, True)
    assert second.rows == first.rows
    assert second.quarantined == first.quarantined
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "demo").iterdir()}


@pytest.mark.parametrize(
    "change", [{"seed": 8}, {"scale": 0.03}, {"until": date(2026, 6, 29)}, {"clean": True}]
)
def test_other_arguments_replace_the_company(tmp_path: Path, change: dict[str, object]) -> None:
    _small(tmp_path / "demo")
    before = _content(tmp_path / "demo")
    report = _small(tmp_path / "demo", **change)
    assert not report.nothing_new
    assert _content(tmp_path / "demo") != before
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_a_missing_file_is_made_again(tmp_path: Path) -> None:
    _small(tmp_path / "demo")
    before = _content(tmp_path / "demo")
    (tmp_path / "demo" / "teams.csv").unlink()
    there = read_report(tmp_path / "demo")
    assert there is not None
    assert not there.is_whole
    assert not _small(tmp_path / "demo").nothing_new
    assert _content(tmp_path / "demo") == before


def test_a_company_made_by_other_code_is_made_again(tmp_path: Path) -> None:
    _small(tmp_path)
    before = _content(tmp_path)
    record = json.loads((tmp_path / RECORD).read_text())
    (tmp_path / RECORD).write_text(json.dumps({**record, "generator": "another"}))
    assert not _small(tmp_path).nothing_new
    assert _content(tmp_path) == before


def test_a_failure_half_way_leaves_no_trace_and_the_next_call_mends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _small(tmp_path / "demo")
    before = _content(tmp_path / "demo")
    real = render_export._write

    def failing(path: Path, table: str, content: list[tuple[str, ...]]) -> None:
        if table == "activities":
            raise OSError("disk full")
        real(path, table, content)

    monkeypatch.setattr(render_export, "_write", failing)
    with pytest.raises(OSError, match="disk full"):
        _small(tmp_path / "demo", seed=9)
    assert _content(tmp_path / "demo") == before
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    monkeypatch.undo()
    assert not _small(tmp_path / "demo", seed=9).nothing_new


def test_a_death_between_the_renames_is_seen_and_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _small(tmp_path / "demo")
    real = Path.replace

    def dying(self: Path, target: Path) -> Path:
        if self.name == "opportunities.csv":
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "replace", dying)
    with pytest.raises(KeyboardInterrupt):
        _small(tmp_path / "demo", seed=9)
    monkeypatch.undo()
    there = read_report(tmp_path / "demo")
    assert there is not None
    assert (there.seed, there.is_whole) == (9, False)
    _small(tmp_path / "demo", seed=9)
    _small(tmp_path / "undisturbed", seed=9)
    assert _content(tmp_path / "demo") == _content(tmp_path / "undisturbed")


def test_somebody_elses_export_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text("lead_id,created_at\n1,2025-01-01\n")
    with pytest.raises(SourceError, match=r"leads\.csv that the demo company did not write"):
        _small(tmp_path)
    assert (tmp_path / "leads.csv").read_text().endswith("2025-01-01\n")


@pytest.mark.parametrize(
    ("text", "message"), [("{", "cannot be read"), ("[]", "was not written by the demo")]
)
def test_a_foreign_demo_json_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / RECORD).write_text(text)
    with pytest.raises(SourceError, match=message):
        _small(tmp_path)
