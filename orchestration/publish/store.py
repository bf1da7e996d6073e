"""Where releases lie, and the few file operations that must survive a power cut.

Belongs here: the names inside the published folder, syncing, sealing, hashing, switching a link, removing a
sealed folder, the lock, and turning what a disk can do to us into one sentence. Does not belong here: what a
release is (`manifest.py`), how one is made (`release.py`) or chosen (`catalogue.py`).
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.errors import BusyError, SettingsError, ZevenError
from orchestration.settings import Settings

CANDIDATE_PREFIX = ".candidate-"
TEMPORARY_PREFIX = ".new-"
LOCK_SECONDS = 60.0


@dataclass(frozen=True)
class Store:
    """The published folder. What is not yet, or no longer, a release has a name with a dot in front."""

    root: Path

    @classmethod
    def of(cls, settings: Settings) -> Store:
        root = settings.paths.published
        if any(character in str(root) for character in "*?["):
            raise SettingsError(
                f"{settings.file}: paths.published: '{root}' holds one of * ? [, "
                "which DuckDB takes for a pattern; name a folder without."
            )
        return cls(root)

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def current(self) -> Path:
        return self.root / "current"

    @property
    def gateway(self) -> Path:
        return self.root / "gateway.duckdb"

    @property
    def pins(self) -> Path:
        """A file named like a release in here keeps that release from being pruned."""
        return self.root / "pins"

    @property
    def last_failure(self) -> Path:
        return self.root / "last_failure.json"

    @property
    def rejects(self) -> Path:
        """Keys of rows that failed a check, a file per run."""
        return self.root / "rejects"

    def release_ids(self) -> list[str]:
        """Every finished release, newest first; a release id sorts by its time."""
        if not self.releases.is_dir():
            return []
        # a link there is the way to what may become a release
        names = (entry.name for entry in self.releases.iterdir() if entry.is_dir() and not entry.is_symlink())
        return sorted((name for name in names if not name.startswith(".")), reverse=True)

    def current_id(self) -> str | None:
        """The release that serves; None before the first."""
        try:
            return self.current.readlink().name
        except FileNotFoundError:
            return None
        except OSError:
            raise ZevenError(
                f"{self.current}: is no link to a release; move it away and run `zeven rollback`."
            ) from None

    def sweep(self) -> None:
        """Remove what a killed run left half done."""
        for entry in self.releases.iterdir():
            if entry.is_symlink():
                entry.unlink()
        for folder in (self.root, self.releases):
            for entry in folder.iterdir():
                if entry.name.startswith((CANDIDATE_PREFIX, TEMPORARY_PREFIX)):
                    remove(entry)

    def show_as(self, release_id: str, candidate: Path) -> None:
        """Let a candidate be found where the release will stand, which is where its views look."""
        (self.releases / release_id).symlink_to(Path("..") / candidate.name)

    @contextmanager
    def locked(self, *, wait_seconds: float = LOCK_SECONDS) -> Iterator[None]:
        """One publisher, pruner or roller-back at a time; the kernel frees the lock of whoever dies."""
        with readable_by_all():
            self.releases.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + wait_seconds
        descriptor = os.open(self.root / ".lock", os.O_CREAT | os.O_RDWR, 0o644)
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise BusyError(
                            f"{self.root}: another process is publishing or rolling back; try again later."
                        ) from None
                    time.sleep(0.05)
            with readable_by_all():
                yield
        finally:
            os.close(descriptor)


@contextmanager
def explaining(store: Store) -> Iterator[None]:
    """Turn what the disk refuses into one sentence; the release that serves is never touched by it."""
    try:
        yield
    except OSError as error:
        raise _explained(store, error.errno, error.strerror or str(error), error.filename) from error
    except duckdb.IOException as error:
        number = errno.ENOSPC if "no space left" in str(error).lower() else None
        raise _explained(store, number, str(error).split("\n", 1)[0], None) from error


def _explained(store: Store, number: int | None, reason: str, file: Any) -> ZevenError:
    where = file or store.root
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return ZevenError(f"{where}: the disk is full ({reason}); free space and run again.")
    if number in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return SettingsError(
            f"{where}: stands where publishing needs another kind of file ({reason}); "
            "move it away or change paths.published in the settings."
        )
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return SettingsError(
            f"{where}: may not be written ({reason}); grant it or change paths.published in the settings."
        )
    return ZevenError(f"{where}: publishing failed at a file ({reason}).")


@contextmanager
def readable_by_all() -> Iterator[None]:
    """What is made in the block may be read by everybody and changed by its owner alone, whatever the umask.

    A release that only its maker can read serves nobody, and one that everybody may write is not what was
    audited. The umask is the whole process's: only what publishes is made meanwhile, and the warehouse's
    files lie in a folder that nobody else may enter.
    """
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def sync(path: Path) -> None:
    """Have a file's content, or a folder's entries, on the disk before what follows."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def seal(folder: Path) -> None:
    """Sync a whole folder and take the right to write from everything in it; the folder itself stays open.

    A folder without the right to write cannot be moved elsewhere, so its own turn comes after the move.
    """
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_symlink():
            continue
        path.chmod(0o555 if path.is_dir() else 0o444)
        sync(path)
    sync(folder)


def remove(path: Path) -> None:
    """Remove a file, a link, or a folder that may be sealed."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for folder, _, _ in os.walk(path):
        Path(folder).chmod(0o755)
    shutil.rmtree(path)


def switch_link(link: Path, target: str) -> None:
    """Point `link` at `target` (seen from the link's folder) in one step; readers see the old or the new."""
    temporary = link.with_name(f"{TEMPORARY_PREFIX}{link.name}-{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    os.replace(temporary, link)  # noqa: PTH105 (this call is the point)
    sync(link.parent)


def write_json(path: Path, content: Any) -> None:
    """Write or replace a JSON file in one step."""
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{path.name}-{os.getpid()}")
    temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    sync(temporary)
    temporary.replace(path)
    sync(path.parent)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
