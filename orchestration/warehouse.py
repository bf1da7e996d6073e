"""The working database and the one lock that guards it.

Belongs here: where the warehouse is, opening it, and who may write to it. Does not belong here: what stands
in its tables, or the releases that people read (`publish/`).

There is one writer at a time, whoever started it. The lock is an flock on `warehouse/.writer.lock`: the
kernel frees it whatever kills the process, so a killed run blocks nobody. What stands in the file is only
for the sentence that names the holder.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from orchestration import marts
from orchestration.errors import BusyError, SettingsError, ZevenError
from orchestration.progress import Event, report
from orchestration.settings import Settings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

WAREHOUSE_FILE = "work.duckdb"
Options = dict[str, str | bool | int | float | list[str]]

COMMAND_LINE = "the command line"
DAGSTER_UI = "the Dagster UI"
SCHEDULE = "the schedule"
SENSOR = "the sensor"

NOTHING_FETCHED: Options = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
"""Otherwise DuckDB downloads an extension as soon as a query names one of its functions."""

_BYTES_OF_A_THREAD = 16 * 2**20
_NODES_AT_ONCE = 2
_POLL_SECONDS = 0.2
_STILL_OURS_SECONDS = 10.0
_GRACE_SECONDS = 0.5
"""Even who will not wait tries this long: `holder` takes the lock for an instant to see whether it is
free."""


@dataclass(frozen=True)
class Holder:
    """Who holds the writer lock. `since` is an ISO instant in UTC."""

    pid: int
    run_id: str
    who: str
    since: str

    def describe(self, settings: Settings) -> str:
        """`run 1a2b3c4d, started by the command line (process 42) at 09:30:00`, in company time."""
        at = datetime.fromisoformat(self.since).astimezone(ZoneInfo(settings.company.time_zone))
        run = f"run {self.run_id[:8]}" if self.run_id else "a run"
        return f"{run}, started by {self.who} (process {self.pid}) at {at:%H:%M:%S}"


class Warehouse:
    """The working database `work.duckdb`, in a folder that only its owner may enter."""

    def __init__(self, settings: Settings, wait_seconds: float | None = None) -> None:
        self.settings = settings
        self.folder = settings.paths.warehouse
        self.file = self.folder / WAREHOUSE_FILE
        self.marts_file = marts.file_beside(self.file)
        self.temp_folder = self.folder / "work.duckdb.tmp"
        self._wait_seconds = settings.run.wait_seconds if wait_seconds is None else wait_seconds

    @property
    def threads(self) -> int:
        """As many as there is work for: one for every 16 MiB of the file, at most one for each core.

        DuckDB starts one for each core whatever there is to do; the models of a company of 100 leads cost
        1.7 CPU-seconds with two and 1.1 with one, and took no longer.
        """
        size = self.file.stat().st_size if self.file.exists() else 0
        return max(1, min(os.cpu_count() or 1, size // _BYTES_OF_A_THREAD))

    def nodes_at_once(self, con: DuckDBPyConnection) -> int:
        """How many models dbt may build at the same time: one where the data is larger than half of memory.

        What spills still needs some memory of its own, and two at once have half each: with ten million leads
        and 4 GB, one that finishes in 4 GB alone failed beside another.
        """
        [(limit,)] = con.execute("select current_setting('memory_limit')").fetchall()
        return 1 if self.file.stat().st_size > _bytes(limit) / 2 else _NODES_AT_ONCE

    @contextmanager
    def connect(self, *, read_only: bool = False, loading: bool = False) -> Iterator[DuckDBPyConnection]:
        """An open connection (time zone UTC) with the marts attached, closed at the end of the block.

        While `loading`, what is there says nothing of the work: every core may be used.

        Read-only where there is no database yet, it is an empty one in memory. Waits while another process
        has the file open: `BusyError` names that process when the time is over. `ZevenError` where the file
        is damaged.
        """
        import duckdb

        in_memory = read_only and not self.file.exists()
        if not in_memory:
            make_private_folder(self.folder)
        options: Options = {
            "memory_limit": self.settings.run.memory_limit,
            "temp_directory": str(self.temp_folder),
            # of a file that is made now: nobody but this DuckDB reads it, and a table of texts that repeat
            # is written in three quarters of the time; a file that is there keeps its own
            "storage_compatibility_version": "latest",
            **NOTHING_FETCHED,
        }
        deadline = time.monotonic() + self._wait_seconds
        still_ours_until = time.monotonic() + _STILL_OURS_SECONDS
        told = False
        while True:
            connection = None
            try:
                connection = (
                    duckdb.connect(":memory:", config=options)
                    if in_memory
                    else duckdb.connect(str(self.file), read_only=read_only, config=options)
                )
                if self.marts_file.exists() or not read_only:
                    marts.attach(connection, self.marts_file, read_only=read_only)
                break
            except duckdb.Error as error:
                file = self.file if connection is None else self.marts_file
                if connection is not None:
                    connection.close()
                pid = _who_has_it_open(error)
                if isinstance(error, duckdb.ConnectionException):
                    # still open in this very process, with dbt's options: a query that was interrupted
                    # holds it until its thread has noticed
                    if time.monotonic() >= still_ours_until:
                        raise
                    gc.collect()
                    time.sleep(_POLL_SECONDS)
                    continue
                if pid is None:
                    raise self._explain(error, file) from error
                where = f"{file} is open in process {pid} ({_program(pid)})"
                if time.monotonic() >= deadline:
                    raise BusyError(f"{where}; close it there and run again.") from None
                if not told:
                    report(Event("wait", "warehouse", "started", detail=f"{where}; waiting for it"))
                    told = True
                time.sleep(_POLL_SECONDS)
        try:
            if not in_memory and not read_only:
                self.file.chmod(0o600)
            connection.execute("SET GLOBAL TimeZone = 'UTC'")
            if not loading:
                connection.execute(f"SET threads = {self.threads}")
            yield connection
        finally:
            connection.close()

    def _explain(self, error: Exception, file: Path) -> ZevenError:
        said = str(error).splitlines()[0]
        if file.is_file() and not os.access(file, os.R_OK | os.W_OK):
            return SettingsError(
                f"{file}: this user may not read and write it; give it to the user who runs Zeven."
            )
        if file.is_dir():
            return SettingsError(
                f"{file}: is a folder, and the working database has that name. Move it away."
            )
        if "memory" in said.lower() and "out of range" in said:
            limit = self.settings.run.memory_limit
            return SettingsError(f"{self.settings.file}: run.memory_limit: DuckDB cannot take '{limit}'.")
        if file == self.marts_file:
            return ZevenError(
                f"{file}: the tables to publish cannot be opened and are probably damaged ({said}); "
                "remove it: the next run makes them again."
            )
        return ZevenError(
            f"{file}: the working database cannot be opened and is probably damaged ({said}). Move it "
            "away: the next run makes a new one and loads every export file again; releases are not touched."
        )


def _bytes(size: str) -> float:
    """Of a size as DuckDB tells it, such as `3.7 GiB`."""
    number, unit = size.split()
    return float(number) * 1024.0 ** ("bytes", "KiB", "MiB", "GiB", "TiB").index(unit)


def make_private_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter; one that is there already keeps its mode."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise SettingsError(f"{folder}: a file stands in the way; name another folder in paths.") from None
    except OSError as error:
        why = error.strerror
        raise SettingsError(f"{folder}: cannot be made ({why}); name another folder in paths.") from None


def _who_has_it_open(error: Exception) -> int | None:
    """The process that holds DuckDB's own lock, where that is what the error says; 0 if it is not named."""
    said = str(error)
    if "Could not set lock on file" not in said:
        return None
    named = re.search(r"\(PID (\d+)\)", said)
    return int(named.group(1)) if named else 0


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "another program"


@dataclass
class _Held:
    descriptor: int
    depth: int


_held: dict[Path, _Held] = {}
_held_guard = threading.Lock()


@contextmanager
def writer_lock(
    settings: Settings, *, who: str, run_id: str = "", wait_seconds: float | None = None
) -> Iterator[None]:
    """Be the only writer for the length of the block.

    `who` completes the sentence "started by ...". Waits up to `wait_seconds` (else `run.wait_seconds`) and
    says for whom; `BusyError` names the holder when the time is over. A block inside a block of the same
    process has the lock already; it only brings its `run_id` into the sentence.
    """
    make_private_folder(settings.paths.warehouse)
    file = lock_file(settings)
    with _held_guard:
        held = _held.get(file)
        if held is not None:
            held.depth += 1
    if held is None:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            patience = settings.run.wait_seconds if wait_seconds is None else wait_seconds
            _wait_for(descriptor, settings, patience)
        except BaseException:
            os.close(descriptor)
            raise
        held = _Held(descriptor, depth=1)
        with _held_guard:
            _held[file] = held
    try:
        _sign(
            held.descriptor, Holder(os.getpid(), run_id, who, datetime.now(UTC).isoformat(timespec="seconds"))
        )
        yield
    finally:
        with _held_guard:
            held.depth -= 1
            if held.depth == 0:
                del _held[file]
                os.ftruncate(held.descriptor, 0)
                os.close(held.descriptor)  # closing frees the lock


def lock_file(settings: Settings) -> Path:
    return settings.paths.warehouse / ".writer.lock"


def holder(settings: Settings) -> Holder | None:
    """Who writes now, or None. Never waits."""
    try:
        descriptor = os.open(lock_file(settings), os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return _read_signature(descriptor)
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, settings: Settings, wait_seconds: float) -> None:
    started = time.monotonic()
    told: Holder | None = None
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = time.monotonic() - started
            other = _read_signature(descriptor)
            if waited >= max(wait_seconds, _GRACE_SECONDS):
                after = f" after {wait_seconds:.0f} seconds" if wait_seconds else ""
                name = other.describe(settings)
                raise BusyError(
                    f"{name[0].upper()}{name[1:]} is still at work{after}; only one may write. "
                    "Run again when it has finished."
                ) from None
            if other != told and waited >= _GRACE_SECONDS:
                report(Event("wait", "writer", "started", detail=f"waiting for {other.describe(settings)}"))
                told = other
            time.sleep(_POLL_SECONDS)
            continue
        if told is not None:
            report(Event("wait", "writer", "done", seconds=time.monotonic() - started))
        return


def _sign(descriptor: int, signature: Holder) -> None:
    text = json.dumps(asdict(signature)).encode()
    os.pwrite(descriptor, text, 0)
    os.ftruncate(descriptor, len(text))


def _read_signature(descriptor: int) -> Holder:
    """What the holder wrote; for an instant after it took the lock, nothing stands there."""
    try:
        return Holder(**json.loads(os.pread(descriptor, 4096, 0)))
    except (ValueError, TypeError):
        return Holder(0, "", "another process", datetime.now(UTC).isoformat(timespec="seconds"))
