"""What the machine refuses, whatever library met it first."""

from __future__ import annotations

import errno
import sqlite3

import duckdb
import pytest

from orchestration.machine_faults import machine_fault


def wrapped(error: BaseException) -> RuntimeError:
    outer = RuntimeError("the step failed")
    outer.__cause__ = error
    return outer


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/data/x"),
            "/data/x: the disk is full; free space",
        ),
        (OSError(errno.EROFS, "Read-only file system", "/data/x"), "/data/x: the disk is read-only"),
        (
            PermissionError(errno.EACCES, "Permission denied", "/data/x"),
            "/data/x: may not be read or written",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full; free space"),
        (sqlite3.OperationalError("database or disk is full"), "The disk is full; free space"),
        (sqlite3.OperationalError("disk I/O error"), "The disk is full or broken"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "The disk is read-only"),
        (duckdb.IOException("IO Error: Could not write: No space left on device"), "The disk is full"),
        (
            duckdb.OutOfMemoryException("Out of Memory Error: could not allocate"),
            "There is not enough memory",
        ),
        (MemoryError(), "There is not enough memory"),
    ],
)
def test_a_fault_of_the_machine_is_told_with_what_to_do(error: BaseException, says: str) -> None:
    for met in (error, wrapped(error), wrapped(wrapped(error))):
        told = machine_fault(met)
        assert told is not None
        assert told.startswith(says)


def test_a_fault_of_ours_is_none() -> None:
    assert machine_fault(wrapped(KeyError("opportunity_id"))) is None
    assert machine_fault(FileNotFoundError(errno.ENOENT, "No such file", "/data/x")) is None
