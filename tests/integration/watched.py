"""A process that notes every attempt to reach another machine, and is refused it.

Belongs here: the watch, starting under it, and what listens. Does not belong here: the tests.

Python tells its audit hooks of every connection and look-up before it is made. A `sitecustomize` on
PYTHONPATH puts the hook into every child too, since all of ours are Python. What DuckDB would fetch by itself
is not seen by it, and is switched off (`warehouse.NOTHING_FETCHED`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.settings import PROJECT_ROOT

_HOOK = """
import os, sys

def _watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else "unix"
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0] if isinstance(arguments[0], str) else str(arguments[0])
    else:
        return
    if host in ("unix", "localhost", "::1", "0.0.0.0", "::", "", "None") or host.startswith("127."):
        return
    note = os.open(os.environ["ZEVEN_TEST_NOTES"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(note, f"{event} {host} {sys.argv[:3]}\\\\n".encode())
    os.close(note)
    raise OSError(101, "Network is unreachable (the test refuses it)")

if "ZEVEN_TEST_NOTES" in os.environ:
    sys.addaudithook(_watch)
    open(os.environ["ZEVEN_TEST_NOTES"] + ".on", "a").close()
"""


class Watch:
    """Starts commands of Zeven under the hook; `attempts` is what they tried."""

    def __init__(self, folder: Path) -> None:
        self._hook = folder / "hook"
        self._hook.mkdir()
        (self._hook / "sitecustomize.py").write_text(_HOOK.replace("\\\\n", "\\n"), encoding="utf-8")
        self._notes = folder / "attempts"

    def environment(self, **more: str) -> dict[str, str]:
        path = os.pathsep.join([str(self._hook), str(PROJECT_ROOT)])
        telemetry = ("DAGSTER_DISABLE_TELEMETRY", "DO_NOT_TRACK", "DBT_SEND_ANONYMOUS_USAGE_STATS")
        inherited = {name: value for name, value in os.environ.items() if name not in telemetry}
        return {**inherited, "PYTHONPATH": path, "ZEVEN_TEST_NOTES": str(self._notes), **more}

    def start(self, *arguments: str, umask: int = 0o022, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=PROJECT_ROOT,
            env=self.environment(**environment),
            umask=umask,
            start_new_session=True,
        )

    @property
    def was_on(self) -> bool:
        return Path(f"{self._notes}.on").exists()

    @property
    def attempts(self) -> str:
        return self._notes.read_text(encoding="utf-8") if self._notes.exists() else ""


@contextmanager
def ended_after(process: subprocess.Popen[str]) -> Iterator[None]:
    """End a process and all that it has started, which are a session of their own."""
    import signal

    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in _session(process.pid):
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    continue
            try:
                process.communicate(timeout=20)
                break
            except subprocess.TimeoutExpired:
                continue


def _session(leader: int) -> list[int]:
    """The living processes of the session that `leader` leads, by /proc."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def listening(leader: int) -> set[str]:
    """The addresses on which the session listens for TCP, as /proc writes them: `0100007F` is 127.0.0.1."""
    sockets = set()
    for pid in _session(leader):
        for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                sockets.add(str(descriptor.readlink()))
            except OSError:
                continue
    addresses = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                addresses.add(fields[1].rpartition(":")[0])
    return addresses
