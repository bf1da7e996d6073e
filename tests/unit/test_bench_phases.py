"""The phases of a small run: what is counted where, and how it is written."""

from __future__ import annotations

import sys
import time
from types import SimpleNamespace

import pytest

from benchmarks import phases
from benchmarks.phases import BUILD, HEADING, Watch, page_part
from orchestration.progress import Event


def busy(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_the_phases_of_a_run_follow_from_its_events() -> None:
    watch = Watch()
    for event in (
        Event("ingest", "crm.leads", "started"),
        Event("ingest", "crm.leads", "done"),
        Event("ingest", "crm.reps", "started"),
        Event("ingest", "crm.reps", "done"),
        Event("transform", "stg_files__leads", "started"),
        Event("transform", "stg_files__leads", "done"),
        Event("check", "data tests", "done"),
        Event("check", "contracts", "done"),
        Event("publish", "fct_leads", "done"),
    ):
        watch.hear(event)
    assert list(watch.costs) == [
        *("the run begins", "the files are read", "dbt begins"),
        *(BUILD, "contracts, in Dagster", "publishing"),
    ]


def test_a_clock_leaves_out_what_another_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    class Outer:
        def run(self) -> None:
            busy(0.05)
            Inner().run()

    class Inner:
        def run(self) -> None:
            busy(0.1)

    monkeypatch.setitem(sys.modules, "clocked", SimpleNamespace(Outer=Outer, Inner=Inner))  # type: ignore[arg-type]
    watch = Watch()
    watch.costs[BUILD] = 1.0
    watch.clock("outer", "clocked", "Outer", "run")
    watch.clock("inner", "clocked", "Inner", "run")
    Outer().run()
    parts = watch.parts_of_the_build()
    assert parts["outer"] == pytest.approx(0.05, abs=0.03)
    assert parts["inner"] == pytest.approx(0.1, abs=0.03)
    assert sum(parts.values()) == pytest.approx(1.0)


def test_every_clock_finds_its_function() -> None:
    for module, owner, function in phases.CLOCKS.values():
        assert callable(getattr(getattr(__import__(module, fromlist=[owner]), owner), function))


def test_the_page_shows_the_median_and_the_sum() -> None:
    rounds = [
        ({"the run begins": seconds, BUILD: 2.0}, {"rendering the SQL": 0.5, "DuckDB's statements": 1.5})
        for seconds in (1.0, 9.0, 3.0)
    ]
    lines = page_part(rounds).splitlines()
    assert lines[0] == HEADING
    assert lines[-5:] == [
        "| the run begins | 3.00 |",
        f"| {BUILD} | 2.00 |",
        "| - DuckDB's statements | 1.50 |",
        "| - rendering the SQL | 0.50 |",
        "| **together** | **5.00** |",
    ]
