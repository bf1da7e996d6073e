"""How Zeven talks: progress live on a terminal and line by line elsewhere, JSON, numbers with their units."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from orchestration.commands.numbers import Number, change, comparison, shown
from orchestration.console import Progress, duration, line_of, to_json
from orchestration.progress import Event, report, reporting_to

EVENTS = (
    Event("wait", "writer", "started", detail="waiting for run 1a2b3c4d"),
    Event("wait", "writer", "started", detail="waiting for run 1a2b3c4d"),
    Event("ingest", "demo.leads", "started"),
    Event("ingest", "demo.leads", "done", rows=7012, seconds=0.44),
    Event("ingest", "demo.teams", "nothing_new"),
    Event("transform", "fct_leads", "done", rows=1, seconds=12.6),
    Event("check", "kpi_closed_sales", "failed", detail="rule [key] fails in 3 of 5,120 rows"),
    Event("publish", "20260401T050000Z-abcdef", "started"),
)


def written(console: Console, events: tuple[Event, ...] = EVENTS) -> str:
    stream = console.file
    assert isinstance(stream, StringIO)
    with Progress(console) as progress, reporting_to(progress):
        for event in events:
            report(event)
    return stream.getvalue()


def test_plain_lines_where_there_is_no_terminal() -> None:
    lines = written(Console(file=StringIO(), width=200)).splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "waiting writer ...; waiting for run 1a2b3c4d",
        "reading demo.leads 7,012 rows 0.4 s",
        "reading demo.teams nothing new",
        "building fct_leads 1 row 13 s",
        "checking kpi_closed_sales FAILED; rule [key] fails in 3 of 5,120 rows",
        "publishing 20260401T050000Z-abcdef ...",
    ]


def test_a_terminal_shows_what_goes_on_and_keeps_what_is_done() -> None:
    text = written(Console(file=StringIO(), width=120, force_terminal=True, color_system="standard"))
    assert "\x1b[" in text, "colours and a live line"
    assert "7,012 rows" in text
    assert text.rstrip().endswith("\x1b[2K") or "\x1b[?25h" in text, (
        "the live line is gone, the cursor is back"
    )


def test_nobody_listens_after_the_run() -> None:
    stream = StringIO()
    progress = Progress(Console(file=stream, width=200))
    with progress, reporting_to(progress):
        pass
    report(EVENTS[3])
    assert stream.getvalue() == ""


def test_columns_are_aligned() -> None:
    ends = {
        line_of(Event("ingest", name, "done", rows=rows)).index("rows")
        for name, rows in (("a", 5), ("b.c", 999999))
    }
    assert len(ends) == 1


def test_a_name_longer_than_its_column_is_kept_whole() -> None:
    name = "a_model_with_a_name_that_is_longer_than_the_column_it_stands_in"
    assert name in written(Console(file=StringIO(), width=200), (Event("transform", name, "done", rows=2),))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.96, "10.0 s"), (75.2, "75 s"), (599, "599 s"), (720, "12 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "leads", "–"),
        (1204.0, "leads", "1,204"),
        (0.0, "follow_ups", "0"),
        (2.5, "follow_ups", "2.5"),
        (0.3142, "ratio", "31.4 %"),
        (0.0, "ratio", "0.0 %"),
        (59.4, "business_minutes", "59 min"),
        (59.6, "business_minutes", "1 h 00 min"),
        (125.4, "business_minutes", "2 h 05 min"),
        (1234567.8, "currency", "€ 1,234,568"),
        (-12.0, "currency", "€ -12"),
    ],
)
def test_a_value_with_its_unit(value: float | None, unit: str, text: str) -> None:
    assert shown(value, unit, "EUR") == text


def test_a_currency_without_a_sign_of_its_own_is_named() -> None:
    assert shown(5.0, "currency", "CHF") == "CHF 5"


@pytest.mark.parametrize(("ratio", "text"), [(None, ""), (0.1249, "+12 %"), (-0.03, "-3 %"), (0.0, "+0 %")])
def test_changes(ratio: float | None, text: str) -> None:
    assert change(ratio) == text


@dataclass(frozen=True)
class Thing:
    day: date
    amount: Decimal


def test_json_of_what_commands_answer() -> None:
    payload = {
        "when": datetime(2026, 4, 1, 5, tzinfo=UTC),
        "things": (Thing(date(2026, 4, 1), Decimal("12.50")),),
        "folder": Path("/somewhere"),
        "name": "Zé",
    }
    assert json.loads(to_json(payload)) == {
        "when": "2026-04-01T05:00:00+00:00",
        "things": [{"day": "2026-04-01", "amount": 12.5}],
        "folder": "/somewhere",
        "name": "Zé",
    }
    assert "Zé" in to_json(payload)


def test_json_refuses_what_it_does_not_know() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        to_json({"thing": object()})


@pytest.mark.parametrize(
    ("complete", "previous", "ratio", "text"),
    [
        (0.011, 0.018, None, "too early"),
        (0.011, 0.018, -0.389, "-39 %"),
        (5.0, 0.0, None, ""),
        (None, 4.0, None, ""),
    ],
)
def test_what_cannot_be_compared_yet_is_said(
    complete: float | None, previous: float, ratio: float | None, text: str
) -> None:
    row = Number("conversion_ratio", "Conversion ratio", "ratio", complete, None, None, previous, ratio, None)
    assert comparison(row) == text
