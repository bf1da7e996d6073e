"""`make reliability`: every fault in turn, and what came of it, written to docs/reliability.md.

Belongs here: the order and the report. Does not belong here: any fault.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.reliability import clients, faults, kills, readers
from benchmarks.reliability.company import Company, waiting_company
from orchestration.settings import PROJECT_ROOT

HALF = ("after the kill", "damaged", "left behind")
REPORT = PROJECT_ROOT / "docs" / "reliability.md"


@dataclass(frozen=True)
class Asked:
    """What the command was asked for, and what it works on."""

    template: Company
    calm: kills.Undisturbed
    folder: Path
    kills: int
    seed: int
    readers: int
    publications: int


@dataclass(frozen=True)
class Section:
    lines: tuple[str, ...]
    wrong: tuple[str, ...]


def _killed(asked: Asked) -> Section:
    struck = []
    for moment in kills.moments(asked.kills, asked.calm.seconds, asked.seed):
        one = kills.kill(asked.template, asked.calm, moment, asked.folder / "killed")
        _tell(f"kill -9 at {one.moment} ({one.died_in})", one.wrong)
        struck.append(one)
    stages = Counter(one.died_in.split()[0] for one in struck)
    died = ", ".join(f"{stage} {number}" for stage, number in stages.most_common())
    return Section(
        (
            "## Kill -9",
            "",
            f"A run with a batch of new export files was killed, with all it had started, at "
            f"{len(kills.BOUNDARIES)} named stages and at {asked.kills} random moments of its "
            f"{asked.calm.seconds:.0f} seconds (seed {asked.seed}). Then the next run.",
            "",
            "| | |",
            "|---|---|",
            f"| killed while it last told of | {died} |",
            f"| the old release served after the kill | {sum(not one.switched for one in struck)} |",
            f"| the new release served already | {sum(one.switched for one in struck)} |",
            f"| a release that was neither, or damaged, or left half done | {_wrong_of(struck, *HALF)} |",
            f"| next runs that failed | {_wrong_of(struck, 'the next run')} |",
            "| next runs with other content than the undisturbed one (a row lost, or there twice) "
            f"| {_wrong_of(struck, 'published ', 'loaded ')} |",
            "",
        ),
        tuple(wrong for one in struck for wrong in one.wrong),
    )


def _wrong_of(struck: Sequence[kills.Killed], *starts: str) -> int:
    return sum(any(wrong.startswith(starts) for wrong in one.wrong) for one in struck)


def _faults(asked: Asked) -> Section:
    tried = []
    for one in faults.tries(asked.template, asked.calm, asked.folder / "faulty"):
        _tell(one.fault, one.wrong)
        tried.append(one)
    lines = [
        f"| {one.fault} | {'-' if one.code is None else one.code} | {one.said.replace('|', '/')} "
        f"| {one.served} "
        f"| {'not tried' if one.code is None else 'no: ' + '; '.join(one.wrong) if one.wrong else 'yes'} |"
        for one in tried
    ]
    return Section(
        (
            "## Faults of the machine",
            "",
            "Each on a copy of the same company. Good means: no traceback, a whole release serves, and once "
            "the fault is gone the next run gives the content of an undisturbed one.",
            "",
            "| fault | exit code | what was said | release that served | good |",
            "|---|---|---|---|---|",
            *lines,
            "",
        ),
        tuple(wrong for one in tried for wrong in one.wrong),
    )


def _readers(asked: Asked) -> Section:
    seen = readers.watch(asked.folder / "read", people=asked.readers, publications=asked.publications)
    _tell("readers", seen.wrong)
    lines = []
    for kind in readers.KINDS:
        cells = [
            f"{len(found[kind]):,} | {_at(found[kind], 0.5)} | {_at(found[kind], 0.95)}"
            for found in (seen.calm, seen.busy)
        ]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return Section(
        (
            "## Readers",
            "",
            f"{asked.readers} processes asked without an end while {seen.publications} releases were "
            f"published in {seen.wall:.0f} s; every answer was held against what one release says.",
            "",
            "| way | answers, nothing published | p50 | p95 | answers while publishing | p50 | p95 |",
            "|---|---|---|---|---|---|---|",
            *lines,
            "",
            f"Answers that were of two releases, errors and refusals: {len(seen.wrong)}. Releases that "
            f"readers met: {seen.releases_seen}. Questions to the gateway that met a switch and were asked "
            f"again: {seen.again}.",
            "",
        ),
        seen.wrong,
    )


def _at(ordered: Sequence[float], share: float) -> str:
    return f"{1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]:.0f} ms" if ordered else "-"


def _clients(asked: Asked) -> Section:
    found = clients.clients(asked.template.settings.paths.published, asked.folder)
    for one in found:
        _tell(f"client {one.version}", one.wrong)
    return Section(
        (
            "## Clients",
            "",
            f"Written by DuckDB {duckdb.__version__}, read by clients installed beside it: the release's "
            "database, the gateway and the Parquet files, table by table.",
            "",
            "| client | tables | all answers alike |",
            "|---|---|---|",
            *(f"| {one.version} | {one.tables} | {'no' if one.wrong else 'yes'} |" for one in found),
            "",
        ),
        tuple(wrong for one in found for wrong in one.wrong),
    )


PARTS: dict[str, Callable[[Asked], Section]] = {
    "clients": _clients,
    "faults": _faults,
    "readers": _readers,
    "kills": _killed,
}


def _tell(what: str, wrong: Sequence[str]) -> None:
    print(f"{what}: {'; '.join(wrong) if wrong else 'good'}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="at random moments; the stages come besides")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--publications", type=int, default=200)
    parser.add_argument("--part", choices=list(PARTS), action="append", help="only this part of the report")
    given = parser.parse_args()
    # a shell in which this runs in the background ignores Ctrl-C, and so would every run that it starts
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="zeven-reliability-") as made:
        folder = Path(made)
        template = waiting_company(folder / "template")
        calm = kills.undisturbed(template, folder / "calm")
        asked = Asked(template, calm, folder, given.kills, given.seed, given.readers, given.publications)
        sections = [PARTS[part](asked) for part in given.part or PARTS]
        # releases are read-only, and the folder has to go
        subprocess.run(["chmod", "-R", "u+w", str(folder)], check=True)
    text = "\n".join([*_head(), *(line for section in sections for line in section.lines)])
    print(text)
    if given.part:
        text = _renewed(REPORT.read_text(encoding="utf-8"), sections)
    REPORT.write_text(text, encoding="utf-8")
    if wrong := [sentence for section in sections for sentence in section.wrong]:
        raise SystemExit(f"{len(wrong)} did not hold, the first: {wrong[0]}")


def _renewed(report: str, sections: Sequence[Section]) -> str:
    """The report with these sections in the place of the older ones."""
    parts = report.split("\n## ")
    new = {section.lines[0].removeprefix("## "): "\n".join(section.lines) for section in sections}
    kept = [
        parts[0],
        *(new.get(part.splitlines()[0], f"## {part}").rstrip("\n") + "\n" for part in parts[1:]),
    ]
    return "\n".join(kept)


def _head() -> list[str]:
    return [
        "# How reliable a release is",
        "",
        "Written by `make reliability` (`benchmarks/reliability/`), which makes each fault happen to a small "
        "demo company and compares what came of it with an undisturbed run, row by row.",
        "",
        f"{os.cpu_count()} cores, Python {platform.python_version()}, DuckDB {duckdb.__version__}.",
        "",
    ]


if __name__ == "__main__":
    main()
