"""A person who is erased by the command line from a company that has been published: proven on the bytes."""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from demo.render_export import make_export
from orchestration.publish.catalogue import current, open_release
from orchestration.settings import PROJECT_ROOT, Settings, load_settings

MARKER = "Qzx7Wolfeschlegelstein"
EMAIL = "Qzx7.wolf@Example.com"
UNTIL = date(2026, 3, 10)
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("forget")]


def zeven(settings: Settings, *arguments: str, given: str = "") -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "--settings", str(settings.file), *arguments],
        input=given,
        capture_output=True,
        text=True,
        cwd=PROJECT_ROOT,
        check=False,
        timeout=600,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write_rows(file: Path, rows: list[dict[str, str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def plant(folder: Path) -> tuple[str, str]:
    """Give one lead with a won deal a name and an address, wherever an export can hold it; lead and deal."""
    leads, deals = rows_of(folder / "leads.csv"), rows_of(folder / "opportunities.csv")
    known = {lead["lead_id"] for lead in leads if lead["lead_id"] and lead["contact_id"]}
    [deal, *_] = [d for d in deals if d["lead_id"] in known and d["is_won"] == "true" and d["amount"]]
    lead_id, deal_id = deal["lead_id"], deal["opportunity_id"]
    for row in leads:
        mine = row["lead_id"] == lead_id
        row |= {
            "full_name": f"Jan {MARKER}" if mine else "Somebody Else",
            "mail": EMAIL if mine else "x@y.nl",
        }
    for row in deals:
        row["deal_name"] = f"{MARKER} 3 seats" if row["opportunity_id"] == deal_id else "A deal"
    activities = rows_of(folder / "activities.csv")
    for row in activities:
        mine = lead_id == row["lead_id"] or deal_id == row["opportunity_id"]
        row["subject"] = f"Call with {MARKER}" if mine else "Call"
    # one record that cannot be read, with the whole person in it
    leads.append(
        {**leads[0], "lead_id": lead_id, "created_at": "never", "full_name": f"Jan {MARKER}", "mail": EMAIL}
    )
    write_rows(folder / "leads.csv", leads)
    write_rows(folder / "opportunities.csv", deals)
    write_rows(folder / "activities.csv", activities)
    return lead_id, deal_id


def files_with(settings: Settings, *texts: str) -> list[str]:
    """Every file of warehouse and published folder in whose bytes one of the texts stands."""
    roots = (settings.paths.warehouse, settings.paths.published)
    wanted = [text.lower().encode() for text in texts]
    return [
        str(path.relative_to(root.parent))
        for root in roots
        for path in root.rglob("*")
        if path.is_file()
        and not path.is_symlink()
        and any(text in path.read_bytes().lower() for text in wanted)
    ]


def one(con: duckdb.DuckDBPyConnection, query: str, *values: Any) -> Any:
    return con.execute(query, list(values)).fetchall()[0][0]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, str, str]:
    """A published company, and the traces that runs can leave of a person."""
    folder = tmp_path_factory.mktemp("company")
    make_export(folder / "demo_data", until=UNTIL, seed=5, scale=0.05, years=1, clean=False)
    file = folder / "zeven.toml"
    file.write_text((PROJECT_ROOT / "zeven.toml").read_text(encoding="utf-8"), encoding="utf-8")
    settings = load_settings(file)
    lead, deal = plant(folder / "demo_data")
    code, output = zeven(settings, "run", "--as-of", UNTIL.isoformat())
    assert code == 0, output
    warehouse, published = settings.paths.warehouse, settings.paths.published
    served = current(settings)
    assert served is not None
    (published / "pins").mkdir()
    (published / "pins" / served.release_id).touch()
    (warehouse / "logs").mkdir(exist_ok=True)
    (warehouse / "logs" / "old.log").write_text(f"ValueError: {EMAIL}\n")
    for name in ("work.duckdb.tmp", "incoming"):
        (warehouse / name).mkdir(exist_ok=True)
        (warehouse / name / "left.tmp").write_text(MARKER)
    [event_log, *_] = (warehouse / "dagster" / "history" / "runs").glob("*-*.db")
    with sqlite3.connect(event_log) as con:
        con.execute(
            "update event_logs set event = replace(event, 'LOGGED', 'LOGGED') || ?", [f"\\nJan {MARKER}"]
        )
    con.close()
    return settings, lead, deal


def test_a_person_is_gone_to_the_last_byte_and_does_not_come_back(planted: tuple[Settings, str, str]) -> None:
    settings, lead, deal = planted
    before = current(settings)
    assert before is not None
    published_id = f"demo:{lead}"
    found = files_with(settings, MARKER, EMAIL, published_id)
    assert "warehouse/work.duckdb" in found  # or the search proves nothing
    assert any("dagster" in name for name in found)
    with open_release(settings) as con:
        assert one(con, "select count(*) from fct_leads where lead_id = ?", published_id) == 1
        leads = one(con, "select count(*) from fct_leads")
        amount = one(con, "select amount from fct_opportunities where opportunity_id = ?", f"demo:{deal}")
        assert one(con, "select lead_id from fct_opportunities where opportunity_id = ?", f"demo:{deal}")

    code, output = zeven(settings, "--json", "forget", "--lead", lead, "--reason", "letter of 3 March")
    assert code == 0, output
    answer = json.loads(
        output[output.index("\n{") if not output.startswith("{") else 0 : output.rindex("}") + 1]
    )
    assert answer["outcome"] == "forgotten"
    assert answer["rows"]["leads"]["removed"] >= 1
    assert answer["rows"]["opportunities"]["cleared"] >= 1
    assert answer["rows"]["quarantine"]["removed"] == 1
    assert answer["expired"]["removed"] == [before.release_id]
    assert answer["expired"]["pinned"] == [before.release_id]
    assert any("leads.csv" in sentence for sentence in answer["to_do"])

    assert files_with(settings, MARKER, EMAIL, published_id, f'"{lead}"') == []
    assert not before.folder.exists()
    assert list((settings.paths.published / "pins").iterdir()) == []
    with open_release(settings) as con:
        assert one(con, "select count(*) from fct_leads") == leads - answer["leads"]
        kept = con.execute(
            "select lead_id, outcome, amount from fct_opportunities where opportunity_id = ?",
            [f"demo:{deal}"],
        ).fetchall()
        assert kept == [(None, "won", amount)]

    # another export holds the person again, and so does the old one, for a warehouse that is made anew
    export = settings.sources["demo"].folder / "leads.csv"
    again = [row for row in rows_of(export) if row["lead_id"] == lead]
    again[0]["mail"] = "new@example.com"
    write_rows(export.with_name("leads-late.csv"), again)
    for file in settings.paths.warehouse.glob("work.duckdb*"):
        file.unlink()
    # beside it somebody whose campaign is an address: the release waits until that is mended
    other = next(row for row in rows_of(export) if row["lead_id"] not in ("", lead) and row["campaign"])
    other["updated_at"] = "2026-06-01T10:00:00Z"
    write_rows(export.with_name("leads-more.csv"), [{**other, "campaign": "info@fair.example"}])
    served = current(settings)
    code, output = zeven(settings, "run")
    assert code == 4, output
    assert "fct_leads.campaign: 1 of " in " ".join(output.split())
    assert "values hold e-mail addresses" in " ".join(output.split())
    assert "forgotten are left out" in " ".join(output.split())
    assert "info@fair" not in output
    assert current(settings) == served
    write_rows(export.with_name("leads-more.csv"), [other])
    code, output = zeven(settings, "run")
    assert code == 0, output
    assert files_with(settings, MARKER, EMAIL, published_id) == []
    with open_release(settings) as con:
        assert one(con, "select count(*) from fct_leads where lead_id = ?", published_id) == 0
    with duckdb.connect(str(settings.paths.warehouse / "work.duckdb"), read_only=True) as con:
        assert one(con, "select count(*) from raw_files.leads where lead_id = ?", lead) == 0
        assert (
            one(
                con,
                "select count(*) from raw_files.opportunities where contains(_other_columns::varchar, ?)",
                MARKER,
            )
            == 0
        )
        assert (
            con.execute(
                "select table_name from raw_files.load_ledger"
                " where rows_in <> rows_loaded + rows_quarantined + rows_withheld"
            ).fetchall()
            == []
        )

    code, output = zeven(settings, "forget", "--lead", lead)
    assert code == 0, output
    assert "was forgotten at" in output
