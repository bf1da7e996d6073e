"""`make bench-dashboard`: how fast the pages are for a company of 200 reps, written to a report.

Belongs here: the order of the measurements, the targets, the report. Does not belong here: how each is taken
(`browser.py`, `viewers.py`, `served.py`).
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks import browser, served, viewers
from orchestration.settings import PROJECT_ROOT

REPORT = PROJECT_ROOT / "docs" / "performance_dashboard.md"
FIRST_VIEW, FILTER_CHANGE, CROWD_P95 = 1.5, 0.3, 1.0
"""Seconds that are promised."""
READING = 5.0
"""Seconds that a viewer looks at a page, on average; the views are random, so few were asked for before."""


@dataclass(frozen=True)
class Line:
    what: str
    measured: str
    target: str = ""
    is_met: bool | None = None

    def written(self) -> str:
        verdict = "" if self.is_met is None else "yes" if self.is_met else "**no**"
        return f"| {self.what} | {self.measured} | {self.target} | {verdict} |"


def measure(folder: Path, repeat: int, people: int, views: int) -> list[Line]:
    settings = served.company(folder)
    known = viewers.outline(settings)
    teams, reps = len(known.teams), len(known.reps)
    months = len(known.periods["month"])
    database = (settings.paths.published / "current" / "zeven.duckdb").stat().st_size / 2**20
    lines = [Line("company", f"{reps} reps, {teams} teams, {months} months; a release of {database:.0f} MiB")]
    with served.server(settings) as server, browser.browser() as started:
        address = f"http://127.0.0.1:{server.port}/"
        idle = server.memory()
        weight = browser.weight(started, address)
        firsts = [browser.first_view(started, address) for _ in range(repeat)]
        lines.append(_timed("first view: seven cards visible, nothing cached", firsts, FIRST_VIEW))
        changes = browser.filter_changes(started, address, repeat)
        lines.append(_timed("another period or team, never asked before", changes, FILTER_CHANGE))
        readers = viewers.crowd(server, known, viewers=people, views=views, reading=READING)
        rush = viewers.crowd(server, known, viewers=people, views=views, seed=8)
        after = server.memory()
    total = people * views
    lines += [
        _crowded(f"{people} viewers, each at another page every {READING:g} s or so: p95", readers),
        *_how(readers, total),
        _crowded(f"{people} viewers, none of whom stops to read: p95", rush),
        *_how(rush, total),
        Line("size of a view", f"{rush.size / 1024:.0f} KiB"),
        Line("first view over the wire", f"{weight.plain / 1024:.0f} KiB in {weight.requests} requests"),
        Line("- compressed by the proxy", f"{weight.packed / 1024:.0f} KiB"),
        Line("memory of all processes, nobody there", f"{idle.pss:.0f} MiB (sum of RSS {idle.rss:.0f})"),
        Line("- after the crowd", f"{after.pss:.0f} MiB (sum of RSS {after.rss:.0f})"),
    ]
    return lines


def _crowded(what: str, load: viewers.Load) -> Line:
    p95 = load.percentile(0.95)
    return Line(what, f"{p95 * 1000:.0f} ms", f"< {CROWD_P95 * 1000:.0f} ms", p95 < CROWD_P95)


def _how(load: viewers.Load, asked: int) -> list[Line]:
    return [
        Line("- p50", f"{load.percentile(0.5) * 1000:.0f} ms"),
        Line("- errors", f"{load.errors} of {asked}", "none", load.errors == 0),
        Line("- views per second", f"{load.per_second:.0f}"),
        Line("- the server's CPU per view", f"{load.cpu * 1000:.0f} ms"),
    ]


def _timed(what: str, seconds: Sequence[float], target: float) -> Line:
    middle = median(seconds)
    return Line(
        f"{what} (median of {len(seconds)})",
        f"{middle * 1000:.0f} ms ({min(seconds) * 1000:.0f} to {max(seconds) * 1000:.0f})",
        f"< {target * 1000:.0f} ms",
        middle < target,
    )


def report(lines: Sequence[Line]) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("dash", "duckdb", "gunicorn"))
    return "\n".join(
        [
            "# How fast the dashboard is",
            "",
            "Written by `make bench-dashboard` (`benchmarks/dashboard.py`): the demo company at "
            f"{served.SCALE:g} times its usual size, the real server, a headless Chromium and plain HTTP "
            "clients, all on one machine, so that they share its cores.",
            "",
            f"{os.cpu_count()} cores, Python {platform.python_version()}, {packages}.",
            "",
            "| what | measured | target | met |",
            "|---|---|---|---|",
            *(line.written() for line in lines),
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=PROJECT_ROOT / "benchmark_data", help="kept, reused")
    parser.add_argument("--repeat", type=int, default=20, help="first views, and filter changes")
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--views", type=int, default=12, help="of each viewer")
    parser.add_argument("--no-report", action="store_true", help="only print")
    given = parser.parse_args()
    text = report(measure(given.folder.resolve(), given.repeat, given.viewers, given.views))
    print(text)
    if not given.no_report:
        REPORT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
