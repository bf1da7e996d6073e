"""`make bench-small`: where the CPU time of the smallest company's first run goes, into docs/small_run.md.

Belongs here: the phases, how each is told from the next, and their table. Does not belong here: what was done
about them, which the page says by hand above the table. What a run does not import is imported in `main`.

A run is watched from inside its process, by the events that it reports anyway and by clocks around some
functions of dbt. The watching itself costs a few hundredths.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import resource
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from orchestration.progress import Event, reporting_to

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "small_run.md"
HEADING = "## Measured"
IMPORTS = {
    "orchestration.cli": "Zeven's command line",
    "dagster": "Dagster",
    "dagster_dbt": "dagster-dbt, and most of dbt with it",
    "dbt.cli.main": "the rest of dbt",
    "dagster._core.storage.sqlite_storage": "SQLAlchemy and Alembic",
    "pandera.polars": "Pandera and Polars",
}
CLOCKS = {
    "DuckDB's statements": ("dbt.adapters.duckdb.environments.local", "DuckDBCursorWrapper", "execute"),
    "rendering the SQL": ("dbt.compilation", "Compiler", "compile_node"),
    "dbt's own events": ("dbt_common.events.event_manager", "EventManager", "fire_event"),
}
BUILD = "dbt builds and tests"
Costs = dict[str, float]


class Watch:
    """CPU seconds of this process since it began, by phase, and by thread within the build."""

    def __init__(self) -> None:
        self.costs: Costs = {}
        self._last = 0.0
        self._clocks: dict[str, float] = defaultdict(float)
        self._inner = threading.local()
        self._main = 0.0

    def phase(self, name: str) -> None:
        """What was spent since the phase before was this one's."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = used.ru_utime + used.ru_stime
        self.costs[name] = self.costs.get(name, 0.0) + spent - self._last
        self._last = spent

    def hear(self, event: Event) -> None:
        """Tell the phases apart by what the run reports."""
        main, self._main = time.thread_time() - self._main, time.thread_time()
        if event.stage == "ingest" and event.status == "started" and BUILD not in self.costs:
            self.phase("the run begins" if "the files are read" not in self.costs else "the files are read")
            self.costs.setdefault("the files are read", 0.0)
        elif event.stage == "ingest":
            self.phase("the files are read")
        elif event.stage == "transform" and BUILD not in self.costs:
            self.phase("dbt begins")
            self.costs[BUILD] = 0.0
            self._clocks.clear()
        elif event.stage == "transform" or event.name == "data tests":
            self.phase(BUILD)
            self._clocks["Dagster's record of it"] += main
        elif event.name == "contracts":
            self.phase("contracts, in Dagster")
        else:
            self.phase("publishing")

    def parts_of_the_build(self) -> Costs:
        """Of the phase `BUILD`; the rest is what dbt does around a node."""
        parts = dict(self._clocks)
        return {**parts, "dbt around its nodes": self.costs[BUILD] - sum(parts.values())}

    def clock(self, name: str, module: str, owner: str, function: str) -> None:
        """Count the thread's time in a function, without that in another one with a clock."""
        holder = getattr(importlib.import_module(module), owner)
        original: Callable[..., Any] = getattr(holder, function)

        @functools.wraps(original)
        def timed(*given: Any, **named: Any) -> Any:
            began, outer = time.thread_time(), getattr(self._inner, "seconds", 0.0)
            self._inner.seconds = 0.0
            try:
                return original(*given, **named)
            finally:
                spent = time.thread_time() - began
                self._clocks[name] += spent - self._inner.seconds
                self._inner.seconds = outer + spent

        setattr(holder, function, timed)


def run_watched(settings: Path, told: Path) -> None:
    """`zeven run` in this process; what it cost goes into the file `told`."""
    watch = Watch()
    watch.phase("Python and this watch")
    for module, name in IMPORTS.items():
        importlib.import_module(module)
        watch.phase(f"import: {name}")
    for name, place in CLOCKS.items():
        watch.clock(name, *place)
    watch.phase("Python and this watch")
    from orchestration.cli import cli

    try:
        with reporting_to(watch.hear):
            cli(["--settings", str(settings), "run"])
    finally:
        watch.phase("the numbers are shown")
        told.write_text(json.dumps({"phases": watch.costs, "build": watch.parts_of_the_build()}))


def watched(settings: Path, told: Path) -> tuple[Costs, Costs]:
    """Phases of one run, and the parts of its build."""
    from benchmarks.measure import cost_of

    command = [sys.executable, "-m", "benchmarks.phases", "--inside", str(settings), str(told)]
    cost = cost_of(command, told.with_suffix(".log"))
    found = json.loads(told.read_text(encoding="utf-8"))
    phases: Costs = found["phases"]
    phases["Python ends"] = cost.cpu - sum(phases.values())
    return phases, found["build"]


def page_part(rounds: Sequence[tuple[Costs, Costs]]) -> str:
    """The measured part of the page: the median of every phase, in the order in which they happen."""
    from benchmarks.bench import SMALLEST
    from benchmarks.bench_report import machine

    phases = {name: median(costs[name] for costs, _ in rounds) for name in rounds[0][0]}
    build = {name: median(parts[name] for _, parts in rounds) for name in rounds[0][1]}
    rows = []
    for name, seconds in phases.items():
        rows.append(f"| {name} | {seconds:.2f} |")
        if name == BUILD:
            rows += [
                f"| - {part} | {of:.2f} |" for part, of in sorted(build.items(), key=lambda one: -one[1])
            ]
    return "\n".join(
        [
            HEADING,
            "",
            f"{SMALLEST.leads} leads, first run in a new folder; median of {len(rounds)} rounds "
            f"({datetime.now(UTC):%Y-%m-%d}). {machine()}",
            "",
            "| what | CPU-s |",
            "|---|---|",
            *rows,
            f"| **together** | **{sum(phases.values()):.2f}** |",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="the median of as many (3)")
    parser.add_argument("--folder", type=Path, default=ROOT / "benchmark_data", help="kept, reused")
    parser.add_argument("--no-report", action="store_true", help="only print")
    parser.add_argument("--inside", nargs=2, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        run_watched(*given.inside)
        return
    from benchmarks.bench import SMALLEST
    from benchmarks.trial import make_trial

    folder: Path = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    trial = make_trial(folder / "smallest", SMALLEST)
    rounds = []
    for _ in range(given.rounds):
        trial.begin()
        rounds.append(watched(trial.settings_file, folder / "phases.json"))
    part = page_part(rounds)
    print(part)
    if not given.no_report:
        by_hand = PAGE.read_text(encoding="utf-8").partition(HEADING)[0]
        PAGE.write_text(by_hand + part, encoding="utf-8")


if __name__ == "__main__":
    main()
