"""What `make bench` makes of what it measured: ratios within a round, and one part of a report renewed.

Belongs here: measuring a small process, the report. Does not belong here: a run of the pipeline.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest

from benchmarks.bench_report import NOTED, REPORT, TARGETS, renew, section
from benchmarks.company import size_of
from benchmarks.measure import Cost, cost_of
from benchmarks.reading import Reading
from benchmarks.viewers import Times


def costs(run: float, floor: float = 10.0) -> dict[str, Cost]:
    return {
        "run": Cost(run, 20, 3_000),
        "floor": Cost(floor, 5, 1_000),
        "nothing_new": Cost(5, 7, 200),
        "smallest": Cost(11, 12, 300),
        "dbt_alone": Cost(8, 9, 500),
        "day_0.001": Cost(3, 4, 500),
        "day_0.01": Cost(6, 7, 500),
    }


def row(text: str, start: str) -> list[str]:
    [line] = [line for line in text.splitlines() if line.startswith(f"| {start} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_children_and_memory_are_counted(tmp_path: Path) -> None:
    work = "import time; t = time.process_time()\nwhile time.process_time() - t < 0.3: pass"
    parent = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}]); held = b'x' * 80_000_000"
    )
    cost = cost_of([sys.executable, "-c", parent], tmp_path / "log")
    assert 0.3 <= cost.cpu < 3
    assert cost.wall >= 0.3
    # Linux counts what held the process that starts another, and a worker of this suite may hold much
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert 80 < cost.memory < max(400, own + 1)


def test_a_command_that_fails_ends_the_benchmark_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no such company"):
        cost_of([sys.executable, "-c", "raise SystemExit('no such company')"], tmp_path / "log")


def test_the_median_of_ratios_counts_and_not_the_ratio_of_medians() -> None:
    text = section(1, size_of(1), [costs(14, 10), costs(40, 20), costs(90, 100)])
    assert row(text, "CPU of a full run / the floor")[1:] == ["<= 1.5 x", "1.40 x (0.90 to 2.00)", "yes"]


@pytest.mark.parametrize(("run", "verdict"), [(14.9, "yes"), (15.0, "yes"), (15.2, "**no**")])
def test_a_target_is_met_or_not(run: float, verdict: str) -> None:
    assert row(section(1, size_of(1), [costs(run)]), "CPU of a full run / the floor")[3] == verdict


def test_what_was_not_measured_is_said_to_be() -> None:
    assert row(section(1, size_of(1), [costs(14)]), "CPU of the peer / a full run")[2] == "not measured"
    with_peer = section(1, size_of(1), [{**costs(14), "peer": Cost(150, 90, 900)}])
    assert row(with_peer, "CPU of the peer / a full run")[1:] == [">= 10 x", "10.71 x", "yes"]


@pytest.mark.parametrize(("slow", "verdict"), [(0.050, "yes"), (0.051, "**no**")])
def test_reading_has_a_target_at_scale_1_for_the_crowd(slow: float, verdict: str) -> None:
    alone, crowd = Times((0.9,) * 100), Times((0.002,) * 94 + (slow,) * 6)
    text = section(1, size_of(1), [costs(14)], Reading(alone, crowd, 20))
    start = "50 readers, each at another page every 5 s or so"
    assert row(text, start)[1:] == ["100", "2.0", f"{slow * 1000:.1f}", "<= 50 ms", verdict]
    assert row(text, "one reader, one query after the other")[1:] == ["100", "900.0", "900.0", "", ""]
    other = section(10, size_of(10), [costs(14)], Reading(alone, crowd, 20))
    assert row(other, start)[4:] == ["", ""]


@pytest.mark.parametrize("scale", [0.01, 0.1, 1, 10])
def test_every_scale_shows_a_full_run_beside_the_floor_once(scale: float) -> None:
    shown = [target.what for target in TARGETS if not target.scales or scale in target.scales]
    assert shown.count("CPU of a full run / the floor") == 1
    assert len(shown) == len(set(shown))


def test_what_is_noted_by_hand_in_a_part_stays_when_it_is_renewed(tmp_path: Path) -> None:
    report = tmp_path / "performance.md"
    renew(section(1, size_of(1), [costs(14)]) + NOTED + "\nOn another machine, 3 x.\n", report)

    renew(section(1, size_of(1), [costs(20)]), report)
    renew(section(10, size_of(10), [costs(30)]), report)

    of_one, of_ten = report.read_text(encoding="utf-8").split("\n## ")[1:]
    assert of_one.endswith(NOTED + "\nOn another machine, 3 x.\n")
    assert "| 20.0 |" in of_one
    assert NOTED not in of_ten


def test_one_part_is_renewed_and_the_others_stay(tmp_path: Path) -> None:
    report = tmp_path / "performance.md"
    renew(section(1, size_of(1), [costs(14)]), report)
    renew(section(0.01, size_of(0.01), [costs(30)]), report)
    before = report.read_text(encoding="utf-8")
    assert before.index("## Scale 0.01") < before.index("## Scale 1\n")
    renew(section(0.01, size_of(0.01), [costs(20)]), report)
    after = report.read_text(encoding="utf-8")
    assert after.count("## Scale") == 2
    assert after.split("## Scale 1\n")[1] == before.split("## Scale 1\n")[1]
    assert row(after.split("## Scale 1\n")[0], "CPU of a full run / the floor")[2] == "2.00 x"
    renew(section(0.01, size_of(0.01), [costs(20)]), report)
    assert report.read_text(encoding="utf-8") == after


@pytest.mark.parametrize(("run", "said"), [(140, "10.0 x the CPU (<= 10.5 x: met)"), (160, "**not met**")])
def test_growth_is_told_where_both_scales_were_measured(tmp_path: Path, run: float, said: str) -> None:
    report = tmp_path / "performance.md"
    renew(section(1, size_of(1), [costs(14)]), report)
    assert "From scale 1 to 10" not in report.read_text(encoding="utf-8")
    renew(section(10, size_of(10), [costs(run)]), report)
    assert said in report.read_text(encoding="utf-8")


def test_the_report_of_this_repository_can_be_renewed(tmp_path: Path) -> None:
    copy = tmp_path / "performance.md"
    copy.write_text(REPORT.read_text(encoding="utf-8"), encoding="utf-8")
    renew(section(0.002, size_of(0.002), [costs(14)]), copy)
    kept = copy.read_text(encoding="utf-8").split("\n## Scale 0.002\n")[1].partition("\n## ")[2]
    assert kept.strip() == REPORT.read_text(encoding="utf-8").partition("\n## ")[2].strip()
