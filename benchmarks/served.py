"""A company of 200 reps with a release, and the real server over it.

Belongs here: making both, and what the kernel says of the server's processes. Does not belong here: asking it
for pages (`viewers.py`, `browser.py`).
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestration.ports import free_port
from orchestration.publish import catalogue
from orchestration.settings import PROJECT_ROOT, Settings, load_settings

SCALE = 13.34
"""The demo company is this many times the usual one: 15 reps become 200, over the same three years."""
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Memory:
    """Of all processes together, in MiB. PSS counts what they share once."""

    rss: float
    pss: float


@dataclass(frozen=True)
class Server:
    """`zeven dashboard` at work; `pid` is gunicorn's first process."""

    pid: int
    port: int

    def processes(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii")
        return [self.pid, *map(int, children.split())]

    def cpu_seconds(self) -> float:
        """So far, of all processes."""
        ticks = 0
        for pid in self.processes():
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICK

    def memory(self) -> Memory:
        found = {"Rss": 0, "Pss": 0}
        for pid in self.processes():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
                name, _, value = line.partition(":")
                if name in found:
                    found[name] += int(value.split()[0])
        return Memory(found["Rss"] / 1024, found["Pss"] / 1024)


def company(folder: Path) -> Settings:
    """The settings of a company in `folder`, which is made and published there unless it is already."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "zeven.toml"
    if not file.exists():
        file.write_text(
            '[company]\nname = "Benchmark Company"\n[run]\nmemory_limit = "8GB"\n'
            '[sources.demo]\nkind = "files"\nfolder = "demo_data"\n',
            encoding="utf-8",
        )
    settings = load_settings(file, environ={})
    if catalogue.current(settings) is None:
        for arguments in (("demo", "--scale", str(SCALE)), ("run",)):
            zeven = [sys.executable, "-m", "orchestration.cli", *arguments, "--settings", str(file)]
            subprocess.run(zeven, cwd=PROJECT_ROOT, check=True)
    return settings


@contextmanager
def server(settings: Settings, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    port = free_port()
    zeven = [sys.executable, "-m", "orchestration.cli", "dashboard", "--port", str(port)]
    process = subprocess.Popen(
        [*zeven, "--settings", str(settings.file)],
        cwd=PROJECT_ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait(port)
        yield Server(process.pid, port)
    finally:
        process.terminate()
        process.wait(60)


def _wait(port: int) -> None:
    """Until the server answers, and every one of its processes had time to be there."""
    end = time.monotonic() + 60
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                break
        except OSError:
            if time.monotonic() > end:
                raise
        finally:
            connection.close()
        time.sleep(0.2)
    time.sleep(3)
