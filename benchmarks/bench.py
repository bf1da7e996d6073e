"""`make bench SCALE=0.01`: how close Zeven is to plain DuckDB, written to a report.

Belongs here: what is measured in which order, and how often. Does not belong here: the commands (`trial.py`),
the report and its targets (`bench_report.py`).

What is divided is measured in one round, one after the other on one machine; of several rounds the median of
the ratios counts. In every round the floor's tables and the release's are compared cell by cell.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from benchmarks import bench_report
from benchmarks.bench_report import COSTS, Round
from benchmarks.company import Size, size_of
from benchmarks.measure import Cost
from benchmarks.reading import read
from benchmarks.trial import Trial, make_trial
from orchestration.settings import PROJECT_ROOT, load_settings

PANDAS = "pandas==2.3.3"
"""What the peer needs and Zeven does not; it is installed beside the environment, not into it."""
SMALLEST = Size(leads=100, reps=10)
READ = "reading"
"""Measured once, on the release of the first round."""
SPARK_WORKERS = (1, 2)
"""How many of one core each; what a cost is when there are more of them, on as much data."""
DAYS = (0.001, 0.01)
"""The shares of a company that its two days bring."""


def one_round(trial: Trial, smallest: Trial, wanted: Collection[str]) -> dict[str, Cost]:
    """A full run, and what is `wanted` of `COSTS`. `SystemExit` where the floor is not the release."""
    trial.begin()
    costs = {"run": _told("run", trial.run())}
    if "floor" in wanted:
        costs["floor"] = _told("floor", trial.run_floor())
        if differing := trial.differences():
            raise SystemExit("\n".join(["The floor is not the release:", *differing]))
    if "nothing_new" in wanted:
        costs["nothing_new"] = _told("nothing_new", trial.run())
    for workers in SPARK_WORKERS:
        if (name := f"spark_{workers}") not in wanted:
            continue
        costs[name] = _told(name, trial.run_on_spark(workers))
        if differing := trial.differences_of_spark():
            raise SystemExit("\n".join(["What Spark publishes is not what DuckDB does:", *differing]))
    if "dbt_alone" in wanted:
        costs["dbt_alone"] = _told("dbt_alone", trial.dbt_alone())
    for number, fraction in enumerate(DAYS, start=1):
        if (name := f"day_{fraction:g}") in wanted:
            trial.add_a_day(fraction, number)
            costs[name] = _told(name, trial.run())
    if "smallest" in wanted:
        smallest.begin()
        costs["smallest"] = _told("smallest", smallest.run())
    return costs


def peer(trial: Trial, packages: Path) -> Cost:
    """The peer, over the files of the first day; what a run left is gone then."""
    trial.begin()
    return _told("peer", trial.run_peer(packages))


def _told(name: str, cost: Cost) -> Cost:
    print(
        f"{name:12} {cost.cpu:8.1f} CPU-s {cost.wall:8.1f} s {cost.memory:7.0f} MiB",
        file=sys.stderr,
        flush=True,
    )
    return cost


def install_pandas(folder: Path) -> Path:
    """A folder with pandas, for the peer alone; it is kept."""
    packages = folder / "peer_packages"
    if not packages.exists():
        target = ["pip", "install", "--quiet", "--target", str(packages), PANDAS]
        subprocess.run([sys.executable, "-m", "uv", *target], check=True, cwd=PROJECT_ROOT)
    return packages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scale", nargs="?", type=float, default=0.01, help="1 is a million leads (0.01)")
    parser.add_argument("--rounds", type=int, default=3, help="the median of as many (3)")
    parser.add_argument(
        "--without", choices=[*COSTS, READ], nargs="+", default=[], help="what takes too long: peer"
    )
    parser.add_argument(
        "--spark",
        action="store_true",
        help="on Spark too, with one worker and with two (`make setup-spark`, and Java)",
    )
    parser.add_argument("--folder", type=Path, default=PROJECT_ROOT / "benchmark_data", help="kept, reused")
    parser.add_argument("--no-report", action="store_true", help="only print")
    given = parser.parse_args()
    folder: Path = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {*COSTS, READ} - set(given.without)
    if not given.spark:
        wanted -= {f"spark_{workers}" for workers in SPARK_WORKERS}
    packages = install_pandas(folder) if "peer" in wanted else folder
    trial = make_trial(folder / f"scale_{given.scale:g}", size_of(given.scale))
    smallest = make_trial(folder / "smallest", SMALLEST)
    rounds: list[Round] = []
    reading = None
    for number in range(given.rounds):
        costs = one_round(trial, smallest, wanted)
        if READ in wanted and number == 0:
            reading = read(load_settings(trial.settings_file, environ={}))
        rounds.append({**costs, "peer": peer(trial, packages)} if "peer" in wanted else costs)
    section = bench_report.section(given.scale, trial.size, rounds, reading)
    print(section)
    if not given.no_report:
        bench_report.renew(section)


if __name__ == "__main__":
    main()
