"""Show the ledger as a folder of files in the CRM export format.

Belongs here: which rows each file has, writing them so that no half-made file is ever seen, and the report of
what was written. Does not belong here: inventing anything that happened (`simulate.py`) or what dirt there is
(`dirt.py`).
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from demo import rows
from demo.dirt import WITHOUT_IS_WON, Dirtied, clean_spelling, loose_spelling, soil, stage_spelling
from demo.ledger import Ledger
from demo.rows import Row
from demo.simulate import simulate
from orchestration.errors import SourceError
from orchestration.ingest.export_format import TABLES

RECORD = "demo.json"
"""The file beside the tables that says which company they show."""


@dataclass(frozen=True)
class QuarantinedRow:
    """A row that no loader can accept; `row` counts from 1 for the first after the header."""

    table: str
    row: int
    column: str
    reason: str


@dataclass
class ExportReport:
    """What stands in the folder, by table: `rows` = `records` + `older_versions` + `repeated` + quarantined.

    `nothing_new` says that the folder held it already and nothing was written; `is_whole` is false where a
    file is missing, a rendering broke off, or the code that makes the company has changed since.
    """

    folder: Path
    seed: int
    scale: float
    until: date
    years: int
    clean: bool
    rows: dict[str, int] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)
    older_versions: dict[str, int] = field(default_factory=dict)
    repeated: dict[str, int] = field(default_factory=dict)
    quarantined: tuple[QuarantinedRow, ...] = ()
    nothing_new: bool = False
    is_whole: bool = True

    def shows(self, *, seed: int, scale: float, until: date, years: int, clean: bool) -> bool:
        """Whether it is this company, in this state, and all of it."""
        return self.is_whole and (self.seed, self.scale, self.until, self.years, self.clean) == (
            seed,
            scale,
            until,
            years,
            clean,
        )


def make_export(
    folder: Path, *, until: date, seed: int = 7, scale: float = 1.0, years: int = 3, clean: bool = False
) -> ExportReport:
    """Make the company and its files, unless the folder shows just this one: then nothing is simulated."""
    there = read_report(folder)
    if there is not None and there.shows(seed=seed, scale=scale, until=until, years=years, clean=clean):
        there.nothing_new = True
        return there
    return render_export(simulate(until=until, seed=seed, scale=scale, years=years), folder, clean=clean)


def render_export(ledger: Ledger, folder: Path, *, clean: bool = False) -> ExportReport:
    """Write `<table>.csv` for all tables and `demo.json` into `folder`; `clean` leaves out the dirt.

    Files that the demo wrote before are replaced, one rename each, after all of them are complete;
    `demo.json` comes last. Raises `SourceError` where the folder holds tables that the demo did not write.
    """
    there = read_report(folder)
    if there is not None and there.shows(
        seed=ledger.seed, scale=ledger.scale, until=ledger.until, years=ledger.years, clean=clean
    ):
        there.nothing_new = True
        return there
    _refuse_foreign_files(folder)
    report = ExportReport(folder, ledger.seed, ledger.scale, ledger.until, ledger.years, clean)
    folder.parent.mkdir(parents=True, exist_ok=True)
    workspace = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for table, dirtied in _tables(ledger, clean=clean):
            _write(workspace / f"{table}.csv", table, dirtied.rows)
            _count(report, table, dirtied)
        _write_record(workspace / RECORD, report, complete=True)
        folder.mkdir(exist_ok=True)
        _write_record(workspace / "unfinished.json", report, complete=False)
        (workspace / "unfinished.json").replace(folder / RECORD)
        for table in TABLES:
            (workspace / f"{table}.csv").replace(folder / f"{table}.csv")
        (workspace / RECORD).replace(folder / RECORD)
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
    return report


def read_report(folder: Path) -> ExportReport | None:
    """What `demo.json` says stands in the folder, or is to stand there; None if this code can read none."""
    found = _read_record(folder)
    if found is None:
        return None
    report = found["report"]
    report["is_whole"] = (
        found["complete"]
        and found["generator"] == _generator()
        and all((folder / f"{table}.csv").exists() for table in TABLES)
    )
    try:
        report["until"] = date.fromisoformat(report["until"])
        report["quarantined"] = tuple(QuarantinedRow(**row) for row in report["quarantined"])
        return ExportReport(folder=folder, **report)
    except (KeyError, TypeError, ValueError):  # written by code that told other things
        return None


def _tables(ledger: Ledger, *, clean: bool) -> Iterator[tuple[str, Dirtied]]:
    for table, plain in rows.plain_tables(ledger):
        yield table, Dirtied(plain, 0, 0, ())
    for table, versions in (
        ("leads", _leads),
        ("opportunities", _opportunities),
        ("opportunity_history", _history),
        ("activities", _activities),
    ):
        newest, older = versions(ledger, clean=clean)
        if clean:
            yield table, Dirtied(newest, 0, 0, ())
        else:
            columns = [column.name for column in TABLES[table].columns]
            yield table, soil(table, columns, newest, older, Random(f"{ledger.seed}/dirt/{table}"))


def _leads(ledger: Ledger, *, clean: bool) -> tuple[list[Row], list[Row]]:
    """The rows of the records as they are, and one of an earlier state for those that had one."""
    rng = Random(f"{ledger.seed}/spelling/leads")
    spell = clean_spelling if clean else loose_spelling(rng)
    newest = [rows.lead_row(lead, lead.now, spell) for lead in ledger.leads]
    older = [
        rows.lead_row(lead, rng.choice(lead.states[:-1]), spell)
        for lead in ledger.leads
        if len(lead.states) > 1
    ]
    return newest, older


def _opportunities(ledger: Ledger, *, clean: bool) -> tuple[list[Row], list[Row]]:
    rng = Random(f"{ledger.seed}/spelling/opportunities")
    newest, older = [], []
    for deal in ledger.opportunities:
        spell = clean_spelling if clean else stage_spelling(ledger.seed, deal.opportunity_id)
        tells_is_won = clean or rng.random() >= WITHOUT_IS_WON
        newest.append(rows.opportunity_row(deal, deal.now, spell, tells_is_won=tells_is_won))
        if len(deal.states) > 1:
            older.append(rows.opportunity_row(deal, rng.choice(deal.states[:-1]), spell, tells_is_won=True))
    return newest, older


def _history(ledger: Ledger, *, clean: bool) -> tuple[list[Row], list[Row]]:
    """A change is never edited: there are no older versions."""
    newest: list[Row] = []
    for deal in ledger.opportunities:
        spell = clean_spelling if clean else stage_spelling(ledger.seed, deal.opportunity_id)
        newest.extend(rows.history_rows(deal, spell))
    return newest, []


def _activities(ledger: Ledger, *, clean: bool) -> tuple[list[Row], list[Row]]:
    spell = clean_spelling if clean else loose_spelling(Random(f"{ledger.seed}/spelling/activities"))
    newest = [rows.activity_row(activity, spell) for activity in ledger.activities]
    older = [
        rows.activity_row(activity, spell, planned=True)
        for activity in ledger.activities
        if activity.planned_at is not None and activity.is_completed
    ]
    return newest, older


def _count(report: ExportReport, table: str, dirtied: Dirtied) -> None:
    report.rows[table] = len(dirtied.rows)
    report.older_versions[table] = dirtied.older_versions
    report.repeated[table] = dirtied.repeated
    report.records[table] = (
        len(dirtied.rows) - dirtied.older_versions - dirtied.repeated - len(dirtied.unreadable)
    )
    report.quarantined += tuple(
        QuarantinedRow(table, number, bad.column, bad.reason) for number, bad in dirtied.unreadable
    )


def _write(path: Path, table: str, content: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(column.name for column in TABLES[table].columns)
        writer.writerows(content)


def _write_record(path: Path, report: ExportReport, *, complete: bool) -> None:
    told = {
        key: value
        for key, value in asdict(report).items()
        if key not in ("folder", "nothing_new", "is_whole")
    }
    told["until"] = report.until.isoformat()
    record = {"complete": complete, "generator": _generator(), "report": told}
    path.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _read_record(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise SourceError(
            f"{folder / RECORD} cannot be read ({error}); remove it and the demo's tables to start afresh."
        ) from None
    if not isinstance(found, dict) or not {"complete", "generator", "report"} <= found.keys():
        raise SourceError(
            f"{folder / RECORD} was not written by the demo company; choose another folder, or remove it."
        )
    return found


def _refuse_foreign_files(folder: Path) -> None:
    """Somebody's own export is never overwritten."""
    if _read_record(folder) is not None:
        return
    foreign = [f"{table}.csv" for table in TABLES if (folder / f"{table}.csv").exists()]
    if foreign:
        raise SourceError(
            f"{folder} holds {', '.join(foreign)} that the demo company did not write; "
            "choose another folder, or move the files away."
        )


@cache
def _generator() -> str:
    """Fingerprint of the code that makes the company: another code, another company."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
