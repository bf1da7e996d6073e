"""What `make bench` writes: docs/performance.md, a part for every scale that was measured.

Belongs here: ratios, targets, tables, and renewing one part of the report. Does not belong here: measuring.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.company import Size
from benchmarks.measure import Cost
from benchmarks.reading import READERS, READING, Reading
from orchestration.settings import PROJECT_ROOT

REPORT = PROJECT_ROOT / "docs" / "performance.md"
Round = Mapping[str, Cost]
"""What everything cost once, by the names of `COSTS`."""

COSTS = {
    "floor": "the floor: the same tables by plain DuckDB",
    "run": "`zeven run`, everything new",
    "nothing_new": "`zeven run` again, nothing new",
    "day_0.001": "the day after, 0.1 % of the records",
    "day_0.01": "the day after that, 1 % of the records",
    "smallest": "`zeven run` of the smallest company, 100 leads",
    "dbt_alone": "`dbt build` alone, on raw tables that are there",
    "spark_1": "`zeven run` on Apache Spark, one worker of one core",
    "spark_2": "`zeven run` on Apache Spark, two workers of one core each",
    "peer": "the peer: dlt rows, Dagster's processes, dbt, Pandera on pandas",
}


@dataclass(frozen=True)
class Target:
    """`value` reads it from a round, None where that was not measured; `scales` are those it is for."""

    what: str
    value: Callable[[Round], float | None]
    limit: float
    unit: str = "x"
    at_least: bool = False
    scales: tuple[float, ...] = ()

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


def _cpu(name: str) -> Callable[[Round], float | None]:
    return lambda costs: costs[name].cpu if name in costs else None


def _wall(name: str) -> Callable[[Round], float | None]:
    return lambda costs: costs[name].wall if name in costs else None


def _ratio(
    name: str, base: str, cost: Callable[[str], Callable[[Round], float | None]] = _cpu
) -> Callable[[Round], float | None]:
    def read(costs: Round) -> float | None:
        one, other = cost(name)(costs), cost(base)(costs)
        return one / other if one is not None and other is not None else None

    return read


def _gigabytes(costs: Round) -> float:
    return costs["run"].memory * 2**20 / 1e9


TARGETS = (
    Target("CPU of a full run / the floor", _ratio("run", "floor"), 1.5, scales=(1,)),
    Target("CPU of a full run / the floor", _ratio("run", "floor"), 1.2, scales=(10,)),
    Target("CPU of a full run / the floor", _ratio("run", "floor"), float("inf"), scales=(0.01, 0.1)),
    Target("CPU of a full run / dbt alone", _ratio("run", "dbt_alone"), float("inf")),
    Target("CPU of a day of 0.1 % / a full run", _ratio("day_0.001", "run"), 0.05, scales=(10,)),
    Target(
        "CPU of a day of 0.1 % / a full run", _ratio("day_0.001", "run"), float("inf"), scales=(0.01, 0.1, 1)
    ),
    Target("CPU of a day of 1 % / a full run", _ratio("day_0.01", "run"), float("inf")),
    Target("nothing new, CPU", _cpu("nothing_new"), 6, unit="CPU-s"),
    Target("nothing new, wall", _wall("nothing_new"), 6, unit="s"),
    Target("smallest company, CPU", _cpu("smallest"), 12, unit="CPU-s"),
    Target("CPU of the peer / a full run", _ratio("peer", "run"), 10, at_least=True),
    Target("CPU of a full run on Spark / on DuckDB", _ratio("spark_2", "run"), float("inf")),
    Target("seconds with two workers / with one", _ratio("spark_2", "spark_1", _wall), float("inf")),
    Target("peak memory of a full run", _gigabytes, 8, unit="GB", scales=(10,)),
)
"""In the order of the report; a limit without end is no promise, the figure is there to be compared."""
READ_P95, READ_SCALE = 50, 1
"""Milliseconds that the slowest twentieth of a dashboard's queries may take at most, with many readers."""
NOTED = "\n### Rounds of their own\n"
"""From this heading on a scale's part is written by hand; renewing the part leaves that there."""
GROWTH = 10.5
"""CPU of a full run at scale 10, as a multiple of that at scale 1."""


def section(scale: float, size: Size, rounds: Sequence[Round], reading: Reading | None = None) -> str:
    """The part of the report about one scale."""
    measured = [name for name in COSTS if name in rounds[0]]
    lines = [
        f"## Scale {scale:g}",
        "",
        f"{size.leads:,} leads, {size.activities:,} activities, {size.opportunities:,} opportunities, "
        f"{size.reps:,} reps, {size.years} years. {_rounds(rounds)} "
        f"({datetime.now(UTC):%Y-%m-%d}). {machine()}",
        "",
        *(
            ["The floor's tables and the release's were the same, cell by cell, in every round.", ""]
            if "floor" in rounds[0]
            else []
        ),
        "| what | target | measured | met |",
        "|---|---|---|---|",
        *(
            _written(target, scale, rounds)
            for target in TARGETS
            if not target.scales or scale in target.scales
        ),
        "",
        "| what | CPU-s | wall s | peak MiB |",
        "|---|---|---|---|",
        *(_cost_line(COSTS[name], [costs[name] for costs in rounds]) for name in measured),
        *(_reading_lines(scale, reading) if reading else ()),
    ]
    return "\n".join(lines) + "\n"


def _reading_lines(scale: float, reading: Reading) -> list[str]:
    crowd = reading.crowd.percentile(0.95) * 1000
    verdict = ("yes" if crowd <= READ_P95 else "**no**") if scale == READ_SCALE else ""
    promised = f"<= {READ_P95} ms" if scale == READ_SCALE else ""
    times = (("one reader, one query after the other", reading.alone), (_crowd(), reading.crowd))
    return [
        "",
        f"Queries of the dashboard's pages on the release ({reading.per_view:.0f} a page on average), "
        "none of them remembered:",
        "",
        "| who reads | queries | p50 ms | p95 ms | target of p95 | met |",
        "|---|---|---|---|---|---|",
        *(
            f"| {who} | {len(found.seconds):,} | {found.percentile(0.5) * 1000:.1f} | "
            f"{found.percentile(0.95) * 1000:.1f} | "
            + (f"{promised} | {verdict} |" if found is reading.crowd else "| |")
            for who, found in times
        ),
    ]


def _crowd() -> str:
    return f"{READERS} readers, each at another page every {READING:g} s or so"


def _rounds(rounds: Sequence[Round]) -> str:
    if len(rounds) == 1:
        return "One round"
    return f"Median of {len(rounds)} rounds, in brackets the least and the most"


def _written(target: Target, scale: float, rounds: Sequence[Round]) -> str:
    values = [value for costs in rounds if (value := target.value(costs)) is not None]
    if target.limit == float("inf"):
        promised = ""
    else:
        promised = f"{'>=' if target.at_least else '<='} {target.limit:g} {target.unit}"
    if not values:
        return f"| {target.what} | {promised} | not measured | |"
    middle = median(values)
    verdict = "" if not promised else "yes" if target.is_met(middle) else "**no**"
    spread = f" ({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else ""
    return f"| {target.what} | {promised} | {middle:.2f} {target.unit}{spread} | {verdict} |"


def _cost_line(what: str, costs: Sequence[Cost]) -> str:
    parts = (
        (median(values), min(values), max(values))
        for values in ([getattr(cost, name) for cost in costs] for name in ("cpu", "wall", "memory"))
    )
    cells = " | ".join(
        f"{middle:,.{digits}f}" + (f" ({least:,.1f} to {most:,.1f})" if digits and len(costs) > 1 else "")
        for (middle, least, most), digits in zip(parts, (1, 1, 0), strict=True)
    )
    return f"| {what} | {cells} |"


def machine() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "dbt-core", "dagster"))
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {packages}."


HEAD = "\n".join(
    [
        "# How close Zeven is to plain DuckDB",
        "",
        "Written by `make bench SCALE=...` (`benchmarks/bench.py`), which renews the part of its scale and "
        "leaves what is noted there by hand.",
        "",
        "- The *floor* is hand-written SQL in one process and one file: it reads the same Parquet exports "
        "and makes the same published tables, without checks, history or orchestration "
        "(`benchmarks/floor/`).",
        "- The *peer* is the same project as the guides of its tools build it (`benchmarks/peer/`).",
        "- CPU is user and system time of a process and its children; memory is the largest process's.",
        "- What is divided ran in one round, one after the other, so ratios of CPU hold on a busy machine "
        "too. Seconds by the clock are those of a machine that may have had other work.",
        "- Where the time of the smallest company's run goes is told in [small_run.md](small_run.md).",
        "",
    ]
)


def renew(section: str, report: Path = REPORT) -> None:
    """Write `section` into the report, in the place of the part of its scale; the others stay, and so does
    what is `NOTED` in that part.
    """
    found = report.read_text(encoding="utf-8").split("\n## ")[1:] if report.exists() else []
    parts = {_scale(part): part for part in found}
    new = section.removeprefix("## ")
    _, heading, noted = parts.get(_scale(new), "").partition(NOTED)
    parts[_scale(new)] = f"{new}{heading}{noted}"
    growth = _growth(parts)
    body = [f"## {parts[scale].strip()}\n" for scale in sorted(parts)]
    report.write_text("\n".join([HEAD + growth, *body]), encoding="utf-8")


def _scale(part: str) -> float:
    return float(part.splitlines()[0].removeprefix("Scale "))


def _growth(parts: Mapping[float, str]) -> str:
    """How a full run grows from scale 1 to 10, where both were measured."""
    if not {1.0, 10.0} <= set(parts):
        return ""
    one, ten = (_cpu_of_run(parts[scale]) for scale in (1.0, 10.0))
    verdict = "met" if ten / one <= GROWTH else "**not met**"
    return f"\nFrom scale 1 to 10 a full run takes {ten / one:.1f} x the CPU (<= {GROWTH:g} x: {verdict}).\n"


def _cpu_of_run(part: str) -> float:
    [line] = [line for line in part.splitlines() if line.startswith(f"| {COSTS['run']} |")]
    return float(line.split("|")[2].split()[0].replace(",", ""))
