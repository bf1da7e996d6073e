"""What the machine refuses, said so that somebody can mend it.

Belongs here: telling a full or read-only disk, too little memory, too many open files from a fault of ours,
whatever library met it. Does not belong here: asking for room beforehand (`room.py`).
"""

from __future__ import annotations

import errno

from orchestration.errors import causes

_FULL = "the disk is full; free space and run again"
_READ_ONLY = "the disk is read-only; make it writable and run again"
_DENIED = "may not be read or written by this user; give the user the right, or run as another one"
_MEMORY = "there is not enough memory; raise run.memory_limit, or free memory, and run again"
_BY_NUMBER = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.ENOMEM: _MEMORY,
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n) and run again",
    errno.EIO: "the disk cannot be read or written; look after it before the next run",
}
_BY_WORDS = {
    "database or disk is full": _FULL,
    "No space left on device": _FULL,
    "disk I/O error": "the disk is full or broken; free space and run again",
    "attempt to write a readonly database": _READ_ONLY,
    "Read-only file system": _READ_ONLY,
    "Out of Memory Error": _MEMORY,
}


def machine_fault(error: BaseException) -> str | None:
    """The sentence for an error that the machine gave, or that came of one; None for any other."""
    for cause in causes(error):
        if isinstance(cause, OSError) and cause.errno in _BY_NUMBER:
            said = _BY_NUMBER[cause.errno]
            return f"{cause.filename}: {said}." if cause.filename else f"{said[0].upper()}{said[1:]}."
        if isinstance(cause, MemoryError):
            return f"{_MEMORY[0].upper()}{_MEMORY[1:]}."
        for words, said in _BY_WORDS.items():
            if words in str(cause):
                return f"{said[0].upper()}{said[1:]}."
    return None
