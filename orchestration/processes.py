"""Telling a process apart from a later one with the same number.

Belongs here: the name of a process that stays its own for good, who is still there of it and its group, and
where they listen. Does not belong here: what is done to them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_STATE, _GROUP, _START = 0, 2, 19
"""Where they stand in /proc/<pid>/stat, counted from what follows the process's name."""
_ENDED = ("Z", "X")
_LISTENS = "0A"
"""The state of a socket in /proc/net/tcp, whose lines also hold its address and its number."""


def name_of(pid: int) -> str:
    """Names a process for good, `<pid>:<start time>`: a pid is given again, with another start time."""
    return f"{pid}:{_told(pid, _START)}"


def is_alive(name: str) -> bool:
    """Whether the process is still there; yes, where there is no /proc to tell.

    One that has ended, and waits for its parent to ask after it, is not.
    """
    pid, start_time = _parts(name)
    if not start_time:
        return True
    return _told(pid, _START) == start_time and _told(pid, _STATE) not in _ENDED


def group_is_alive(leader: str) -> bool:
    """Whether anybody is left of the group that the process leads or led.

    Its number is nobody else's as long as one of the group is there.
    """
    pid, start_time = _parts(leader)
    if not start_time:
        try:
            os.killpg(pid, 0)
        except ProcessLookupError:
            return False
        return True
    if _told(pid, _START) not in ("", start_time):
        return False
    return any(_told(one, _STATE) not in _ENDED for one in _group(pid))


def listening(leader: str) -> set[tuple[str, int]] | None:
    """The addresses, as the kernel writes them, and ports on which the process's group listens.

    None where there is no /proc to tell.
    """
    pid, start_time = _parts(leader)
    if not start_time:
        return None
    found = {}
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path(f"/proc/net/{table}").read_text(encoding="utf-8").splitlines()[1:]:
                _, local, _, state, *_, number = line.split()[:10]
                if state == _LISTENS:
                    address, _, port = local.rpartition(":")
                    found[f"socket:[{number}]"] = (address, int(port, 16))
    held = set()
    for one in _group(pid):
        with suppress(OSError):  # it has ended, or belongs to another user
            held |= {_target(file) for file in Path(f"/proc/{one}/fd").iterdir()}
    return {found[socket] for socket in held & found.keys()}


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed since the folder was read
        return ""


def _group(leader: int) -> Iterator[int]:
    """Those of the process's group, also the ones that have ended and are not asked after."""
    for folder in Path("/proc").glob("[0-9]*"):
        if _told(int(folder.name), _GROUP) == str(leader):
            yield int(folder.name)


def _parts(name: str) -> tuple[int, str]:
    pid, _, start_time = name.partition(":")
    return int(pid), start_time


def _told(pid: int, what: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[what]
    except (OSError, IndexError):
        return ""
