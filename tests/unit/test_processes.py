"""Who is still there, when numbers of processes are given again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from orchestration.processes import group_is_alive, is_alive, listening, name_of

SLEEP = "import time; time.sleep(60)"
PARENT = (
    f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{SLEEP}']); print(flush=True); {SLEEP}"
)


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    """The leader of a group of two."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def test_a_process_is_alive_until_it_has_ended(parent: subprocess.Popen[str]) -> None:
    name = name_of(parent.pid)
    assert is_alive(name)
    parent.kill()
    until = time.monotonic() + 10
    while is_alive(name) and time.monotonic() < until:  # nobody has asked after it yet
        time.sleep(0.01)
    assert not is_alive(name)


def test_a_process_with_the_number_of_another_is_not_the_other(parent: subprocess.Popen[str]) -> None:
    assert not is_alive(f"{parent.pid}:1")
    assert not group_is_alive(f"{parent.pid}:1")


def test_a_group_lives_longer_than_its_leader(parent: subprocess.Popen[str]) -> None:
    name = name_of(parent.pid)
    parent.kill()
    parent.wait()
    assert not is_alive(name)
    assert group_is_alive(name)
    os.killpg(parent.pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while group_is_alive(name) and time.monotonic() < until:
        time.sleep(0.01)
    assert not group_is_alive(name)


LISTENER = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


def test_a_process_is_told_where_its_group_listens_and_nobody_else() -> None:
    parent = f"import subprocess; subprocess.run([{sys.executable!r}, '-c', {LISTENER!r}])"
    command = [sys.executable, "-c", parent]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        name = name_of(process.pid)
        assert listening(name) == {("0100007F", port)}
        assert ("0100007F", port) not in (listening(name_of(os.getpid())) or ())
        process.communicate("")
    assert listening(name) == set()
