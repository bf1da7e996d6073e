"""Faults of the machine around a run: what is said, what still serves, and whether the next run is right.

Belongs here: making each fault and taking it away. Does not belong here: kills (`kills.py`). Disks are small
`tmpfs` of their own, which wants root and Linux; without them those faults are reported as not tried.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.reliability.company import Company, Ended
from benchmarks.reliability.kills import Undisturbed
from orchestration.publish import catalogue

ROOMS = (0, 2, 6, 12, 24)
"""MiB that are free on the disk; a run of this company needs more, or just enough, at different stages."""
TIGHT = "60MB"
HOME_OF_NOBODY = "Pacific/Kiritimati"


@dataclass(frozen=True)
class Tried:
    """One fault. `wrong` is empty where everything held; `code` None where it could not be made here."""

    fault: str
    code: int | None
    said: str
    served: str
    wrong: tuple[str, ...]


def tries(template: Company, calm: Undisturbed, folder: Path) -> Iterator[Tried]:
    yield from _disks(template, calm, folder)
    yield _little_memory(template, calm, folder)
    yield _plain(template, calm, folder, "clock moved back by three days", _faketime("-3d"))
    yield _plain(template, calm, folder, "clock moved on by a year", _faketime("+365d"))
    yield _plain(template, calm, folder, f"host in {HOME_OF_NOBODY}", (), {"TZ": HOME_OF_NOBODY})
    for name, number in (("SIGTERM", signal.SIGTERM), ("Ctrl-C", signal.SIGINT)):
        for seconds in (0.3, calm.seconds * 0.4, calm.seconds * 0.9):
            yield _stopped(template, calm, folder, f"{name} after {seconds:.1f} s", number, seconds)


def _judge(
    company: Company,
    calm: Undisturbed,
    fault: str,
    ended: Ended,
    *,
    may_succeed: bool,
    mend: Callable[[], None] = lambda: None,
) -> Tried:
    """After the fault: the release is a whole one, the words are a sentence; then mend, run, compare."""
    wrong = []
    served = company.published()
    which = "the old one" if served == calm.before else "the new one" if served == calm.after else "neither"
    if which == "neither":
        wrong.append("what serves is neither the old nor the new release")
    if "Traceback" in ended.said:
        wrong.append("a traceback was shown")
    if ended.code == 0 and not may_succeed:
        wrong.append("the run said that it succeeded")
    if ended.code == 0 and served != calm.after:
        wrong.append("the run said that it succeeded and did not publish")
    if ended.code < 0:
        wrong.append(f"the run died of signal {-ended.code}")
    if ended.code != 0 and not ended.sentence:
        wrong.append("nothing was said")
    if "unexpected" in ended.sentence:
        wrong.append("nobody can tell from the words what to do")
    mend()
    again = company.run()
    if again.code != 0:
        wrong.append(f"the next run ended with {again.code}: {again.sentence}")
    elif company.published() != calm.after or company.loaded() != calm.loaded:
        wrong.append("the next run's content differs from the undisturbed run's")
    wrong += list(catalogue.damaged(company.settings).values())
    wrong += [f"left behind: {name}" for name in company.leftovers()]
    said = "it ended well" if ended.code == 0 else _short(ended, company.folder)
    return Tried(fault, ended.code, said, which, tuple(wrong))


def _short(ended: Ended, folder: Path) -> str:
    """The sentence, without where this company happened to lie."""
    said = ended.sentence.replace(str(folder.resolve()), "...").replace(str(folder), "...")
    return said if len(said) < 220 else f"{said[:217]}..."


def _plain(
    template: Company,
    calm: Undisturbed,
    folder: Path,
    fault: str,
    before: Sequence[str],
    environment: dict[str, str] | None = None,
) -> Tried:
    """A fault that a run should not notice."""
    if before and shutil.which(before[0]) is None:
        return Tried(fault, None, f"{before[0]} is not installed", "-", ())
    company = template.copy(folder)
    ended = company.run(*before, environment=environment)
    tried = _judge(company, calm, fault, ended, may_succeed=True)
    company.remove()
    wrong = tried.wrong if ended.code == 0 else (*tried.wrong, "the run failed")
    return Tried(fault, ended.code, tried.said, tried.served, wrong)


def _faketime(shift: str) -> tuple[str, ...]:
    return ("faketime", "-f", shift)


def _little_memory(template: Company, calm: Undisturbed, folder: Path) -> Tried:
    company = template.copy(folder)
    settings = company.file.read_text(encoding="utf-8")
    company.file.write_text(f'{settings}[run]\nmemory_limit = "{TIGHT}"\n', encoding="utf-8")
    ended = company.run()

    def mend() -> None:
        company.file.write_text(settings, encoding="utf-8")

    tried = _judge(company, calm, f"memory_limit {TIGHT}", ended, may_succeed=True, mend=mend)
    company.remove()
    return tried


def _stopped(
    template: Company, calm: Undisturbed, folder: Path, fault: str, number: signal.Signals, seconds: float
) -> Tried:
    company = template.copy(folder)
    began = time.monotonic()
    process = company.start()
    time.sleep(seconds)
    os.kill(process.pid, number)
    said, _ = process.communicate(timeout=120)
    ended = Ended(process.returncode, said, time.monotonic() - began)
    tried = _judge(company, calm, fault, ended, may_succeed=True)
    company.remove()
    if seconds < 1 and ended.code < 0:  # Python had not read a line of ours yet
        return Tried(fault, ended.code, "it was not yet there to say anything", tried.served, ())
    return tried


def _disks(template: Company, calm: Undisturbed, folder: Path) -> Iterator[Tried]:
    if os.geteuid() != 0:
        yield Tried("disk full, read-only folder", None, "root is needed to mount a small disk", "-", ())
        return
    for room in ROOMS:
        with _small_disk(folder, template) as (company, resize):
            resize(_used(company.folder) + room)
            ended = company.run()
            fault = f"disk with {room} MiB free"
            yield _judge(
                company, calm, fault, ended, may_succeed=room > 0,
                mend=partial(resize, 4096),
            )  # fmt: skip
    with _small_disk(folder, template) as (company, resize):
        resize(4096, "ro")
        with catalogue.open_release(company.settings) as con:
            con.execute("select count(*) from kpi_closed_sales").fetchall()
        ended = company.run()
        yield _judge(
            company, calm, "folder read-only", ended, may_succeed=False,
            mend=partial(resize, 4096),
        )  # fmt: skip


@contextmanager
def _small_disk(folder: Path, template: Company) -> Iterator[tuple[Company, Callable[..., None]]]:
    folder.mkdir()

    def resize(mebibytes: int, mode: str = "rw") -> None:
        options = f"remount,{mode},size={mebibytes}m"
        subprocess.run(["mount", "-o", options, str(folder)], check=True)

    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4096m", "tmpfs", str(folder)], check=True)
    try:
        yield template.copy(folder / "company"), resize
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def _used(folder: Path) -> int:
    """MiB that stand on the disk of a folder, rounded up."""
    used = shutil.disk_usage(folder).used
    return -(-used // 2**20)
