"""What a command costs: CPU seconds, wall seconds, peak memory.

Belongs here: running one command and asking the kernel. Does not belong here: which commands (`trial.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestration.settings import PROJECT_ROOT


@dataclass(frozen=True)
class Cost:
    """`cpu` and `wall` are seconds, `memory` MiB.

    CPU is user and system time of the process and of every child that it waited for. Memory is the largest
    resident set of any one of them, so of several processes at once it says too little.
    """

    cpu: float
    wall: float
    memory: float


def cost_of(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command from the project's root, with what it says in `log`.

    Raises `SystemExit` with the end of the log where the command fails.
    """
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=PROJECT_ROOT,
            # Python keeps what it has compiled, as it does for a user, whatever is set where this runs
            env={
                **os.environ,
                "PYTHONPATH": str(PROJECT_ROOT),
                "PYTHONDONTWRITEBYTECODE": "",
                **(environment or {}),
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        # not process.wait(): the usage of this one child is asked for, and only once
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - began
    if process.returncode != 0:
        end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-30:])
        raise SystemExit(f"{' '.join(command)}\nended with {process.returncode}; the end of {log}:\n{end}")
    # the unit of ru_maxrss is the kernel's: bytes on macOS, KiB elsewhere
    memory = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Cost(used.ru_utime + used.ru_stime, wall, memory)


def cpu_of_groups(leaders: Iterable[str]) -> float:
    """CPU seconds so far of all processes of these groups, and of their children that have ended.

    A leader is named as by `processes.name_of`. Wants Linux.
    """
    groups = {leader.partition(":")[0] for leader in leaders}
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            told = file.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:  # it has ended in between
            continue
        if told[2] in groups:
            ticks += sum(map(int, told[11:15]))  # user and system time, of itself and of its children
    return ticks / os.sysconf("SC_CLK_TCK")
