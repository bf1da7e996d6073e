"""Running dbt: one invocation, its events as they happen, its result at the end.

Belongs here: how dbt is called, where its files go, how it is stopped. Does not belong here: what Dagster
makes of its events (`assets.py`), or which sentence a failure becomes (`failures.py`).

dbt runs inside this process, not as a child. A child pays for the imports again (12 CPU-seconds against 5
for 80 nodes), and outlives a run that is killed, with the warehouse open; inside the process, the kernel
ends both.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import queue
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from orchestration.settings import DBT_PROJECT_DIR, Settings
from orchestration.spark.connection import environment, hang_up
from orchestration.transform.dbt_vars import dbt_vars
from orchestration.warehouse import WAREHOUSE_FILE, Warehouse, make_private_folder

if TYPE_CHECKING:
    from dbt.adapters.sql.impl import SQLAdapter
    from dbt.artifacts.schemas.run import RunExecutionResult
    from dbt.contracts.graph.manifest import Manifest
    from dbt_common.events.base_types import EventMsg

_FINISHED = frozenset({"LogModelResult", "LogSeedResult", "LogTestResult"})
_FOLLOWED = _FINISHED | {"NodeStart"}
_STOP_SECONDS = 30.0


@dataclass(frozen=True)
class NodeEvent:
    """A node of the project (model, seed, test) has started or finished.

    `status` is dbt's: success, pass, warn, fail, error, skipped. `rows` is null for views and tests;
    `failures` counts the rows that a test found.
    """

    unique_id: str
    finished: bool
    status: str = ""
    seconds: float = 0.0
    rows: int | None = None
    failures: int | None = None
    message: str = ""


_running: dict[threading.Thread, DbtCommand] = {}


def stop_running() -> None:
    """Stop dbt where whoever listened to it has gone without closing `events`.

    Ctrl-C may meet Dagster between two events: the loop is then left without a word, its generator lives on
    in the traceback, dbt's threads still work when Python shuts down, and the process dies of SIGABRT.
    """
    for worker, command in list(_running.items()):
        command._stop(worker)


atexit.register(stop_running)


def dbt_folder(settings: Settings) -> Path:
    """What a build of dbt writes goes beside the warehouse: it follows from the settings."""
    return settings.paths.warehouse / "dbt"


class DbtCommand:
    """One dbt command, such as `build`. Not to be run twice at once in a process: dbt keeps global state."""

    def __init__(
        self,
        settings: Settings | None,
        command: str,
        *arguments: str,
        target: Path,
        parsed: Path | None = None,
        patched_up_to: float = 0.0,
        engine: str = "duckdb",
    ) -> None:
        """Without `settings` the project is taken as its files have it for an `engine`, and no warehouse is
        there.

        `parsed` is what a parse has left (`manifest.py`); dbt parses by itself where there is none.
        `patched_up_to` is the largest part of a table that is changed in place (`patches.py`).
        """
        target.mkdir(parents=True, exist_ok=True)
        # dbt names the database after the file, and with it every table
        self._environment = {"ZEVEN_WAREHOUSE_FILE": WAREHOUSE_FILE}
        self._engine = engine
        if settings is not None:
            make_private_folder(settings.paths.warehouse)
            arguments = ("--vars", json.dumps(dbt_vars(settings)), *arguments)
            self._engine = settings.target
            if settings.target == "spark":
                self._environment |= environment(settings)
            else:
                warehouse = Warehouse(settings)
                self._environment = {
                    "ZEVEN_WAREHOUSE_FILE": str(warehouse.file),
                    "ZEVEN_MEMORY_LIMIT": settings.run.memory_limit,
                    "ZEVEN_THREADS": str(warehouse.threads),
                    "ZEVEN_PATCHED_UP_TO": str(patched_up_to),
                }
        self._parsed = parsed
        self._arguments = [
            *("--log-level", "none", "--log-level-file", "none", "--log-path", str(target)),
            *("--no-version-check", "--no-send-anonymous-usage-stats", "--no-print", "--no-use-colors"),
            command,
            *("--project-dir", str(DBT_PROJECT_DIR), "--profiles-dir", str(DBT_PROJECT_DIR)),
            *("--target", self._engine),
            *("--target-path", str(target)),
            *arguments,
        ]
        self._events: queue.SimpleQueue[NodeEvent | None] = queue.SimpleQueue()
        self._returned = threading.Event()
        self.exception: BaseException | None = None
        """Why dbt could not run at all, such as a model that it cannot read."""
        self.result: RunExecutionResult | None = None
        """The outcome of every node; None where `exception` is set, and after commands that run no node."""
        self.succeeded = False

    def events(self) -> Iterator[NodeEvent]:
        """Run, and yield what happens. Leaving the loop early stops dbt."""
        worker = threading.Thread(target=self._work, name="dbt", daemon=True)
        _running[worker] = self
        worker.start()
        try:
            while (event := self._next()) is not None:
                yield event
        finally:
            self._stop(worker)

    def run(self) -> None:
        """Run to the end, for a command whose events are of no interest."""
        for _ in self.events():
            pass

    def _stop(self, worker: threading.Thread) -> None:
        """Give dbt its Ctrl-C, and interrupt what its connections do until it has given up.

        Interrupted queries alone do not stop it: each fails its node, and dbt goes on with the next one.
        Nothing to do when it has ended.
        """
        if worker.is_alive() and not self._returned.is_set():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(worker.ident or 0), ctypes.py_object(KeyboardInterrupt)
            )
        waited = 0.0
        while worker.is_alive() and waited < _STOP_SECONDS:
            _interrupt_connections(self._engine)
            worker.join(0.2)
            waited += 0.2
        _running.pop(worker, None)

    def _next(self) -> NodeEvent | None:
        while True:  # in short waits, so that Ctrl-C is heard in between
            try:
                return self._events.get(timeout=0.5)
            except queue.Empty:
                continue

    def _work(self) -> None:
        before = set(threading.enumerate())
        try:
            from dbt.cli.main import dbtRunner

            with _environment(self._environment):
                runner = dbtRunner(manifest=self._remembered(), callbacks=[self._hear])
                outcome = runner.invoke(self._arguments)
                self._returned.set()
            self.succeeded, self.exception = outcome.success, outcome.exception
            self.result = outcome.result if hasattr(outcome.result, "results") else None  # type: ignore[assignment]
        except BaseException as error:
            self._returned.set()
            self.exception = error
        finally:
            if self.exception is not None:
                _wait_for_threads(set(threading.enumerate()) - before)
                let_go_of_frames(self.exception)
            _close_connections(self._engine)
            self._events.put(None)

    def _remembered(self) -> Manifest | None:
        """The parsed project; None where there is none that can be read, since dbt then parses as ever."""
        if self._parsed is None:
            return None
        from dbt.contracts.graph.manifest import Manifest
        from dbt.parser.manifest import extended_mashumuro_decoder

        try:
            content = self._parsed.read_bytes()
            return Manifest.from_msgpack(content, decoder=extended_mashumuro_decoder)
        except Exception:  # whatever msgpack and dbt make of a damaged file
            return None

    def _hear(self, message: EventMsg) -> None:
        """Called by dbt in the thread that works on the node."""
        if message.info.name not in _FOLLOWED:
            return
        from dbt_common.events.functions import msg_to_dict

        data = msg_to_dict(message)["data"]
        # Spark would read a table once more to count it; those that are published are counted when they come
        self._events.put(_node_event(message.info.name, data, counted=self._engine == "duckdb"))


def _node_event(name: str, data: Mapping[str, Any], *, counted: bool) -> NodeEvent:
    node = data["node_info"]
    if name not in _FINISHED:
        return NodeEvent(node["unique_id"], finished=False)
    status = str(node.get("node_status") or data.get("status", "")).lower()
    failures = int(data["num_failures"]) if name == "LogTestResult" else None
    is_table = status == "success" and node.get("materialized") in ("table", "seed", "incremental")
    rows = _count_rows(node) if is_table and counted else None
    seconds = float(data.get("execution_time", 0))
    return NodeEvent(node["unique_id"], True, status, seconds, rows, failures, str(data.get("status", "")))


def _count_rows(node: Mapping[str, Any]) -> int:
    """The rows of a table that dbt has just made, asked over a connection that dbt has open."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    handle = DuckDBConnectionManager.env().handle()  # type: ignore[no-untyped-call]
    cursor = handle.cursor()
    try:
        relation = node["node_relation"]["relation_name"]  # quoted by dbt
        [(rows,)] = cursor.execute(f"select count(*) from {relation}").fetchall()  # noqa: S608
    finally:
        cursor.close()
        handle.close()
    return int(rows)


def _wait_for_threads(threads: set[threading.Thread]) -> None:
    """Let dbt's own threads end: one that still works on a node would open the database again after us."""
    deadline = time.monotonic() + _STOP_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def let_go_of_frames(error: BaseException | None) -> None:
    """Of an exception that is kept: in the frames through which it was raised stand cursors.

    An open cursor, such as that of a query that was interrupted, keeps the database open for as long as the
    exception lives.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _interrupt_connections(engine: str) -> None:
    """As dbt does at Ctrl-C; but a connection that closes at this moment does not spare the others."""
    from dbt.adapters.factory import FACTORY

    adapter = cast("SQLAdapter | None", FACTORY.adapters.get(engine))
    for connection in list(adapter.connections.thread_connections.values()) if adapter else []:
        # whatever a driver makes of a connection that is closed, or not opened yet
        with suppress(Exception):
            if engine == "duckdb":
                connection.handle.cursor().interrupt()
            else:
                hang_up(connection.handle.handle)


def _close_connections(engine: str) -> None:
    """dbt keeps its database open for its next command; we want the file closed."""
    from dbt.adapters.factory import cleanup_connections, reset_adapters

    cleanup_connections()  # type: ignore[no-untyped-call]
    if engine == "duckdb":
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    reset_adapters()  # type: ignore[no-untyped-call]


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the block, and keep the working folder, which dbt changes."""
    before = {name: os.environ.get(name) for name in values}
    folder = Path.cwd()
    os.environ.update(values)
    try:
        yield
    finally:
        os.chdir(folder)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
