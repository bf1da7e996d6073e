"""Telling a process apart from a later one with the same number.

Belongs here: the name of a process that stays its own for good, and who is still there of it and its group.
Does not belong here: what is done to them.
"""

from __future__ import annotations

import os
from pathlib import Path

_STATE, _GROUP, _START = 0, 2, 19
"""Where they stand in /proc/<pid>/stat, counted from what follows the process's name."""
_ENDED = ("Z", "X")


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
    everybody = (int(folder.name) for folder in Path("/proc").glob("[0-9]*"))
    return any(_told(one, _GROUP) == str(pid) and _told(one, _STATE) not in _ENDED for one in everybody)


def _parts(name: str) -> tuple[int, str]:
    pid, _, start_time = name.partition(":")
    return int(pid), start_time


def _told(pid: int, what: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[what]
    except (OSError, IndexError):
        return ""
