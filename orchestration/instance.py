"""Where Dagster keeps its history of runs, so that the command line and the UI show the same one.

Belongs here: finding, making and opening that folder. Does not belong here: starting a run (`run.py`) or
the UI.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.errors import SettingsError
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.warehouse import make_private_folder

if TYPE_CHECKING:
    from dagster import DagsterInstance
    from dagster._core.instance.ref import InstanceRef

VARIABLE = "DAGSTER_HOME"
KEPT = PROJECT_ROOT / ".kept"
"""Dagster's databases as they are while empty. They follow from its version alone, and making them takes 0.3
CPU-seconds: the first company of an installation leaves them here for the others."""

_CONFIG = """\
# Written by Zeven when it was not there; change it as you like.
telemetry:
  enabled: false
nux:
  enabled: false
python_logs:
  python_log_level: INFO
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days:
      skipped: 2
      success: 90
      failure: 90
"""
_NO_CAPTURE = {
    "module": "dagster._core.storage.noop_compute_log_manager",
    "class": "NoOpComputeLogManager",
}


def dagster_home(settings: Settings) -> Path:
    """`$DAGSTER_HOME`, else `dagster` in the warehouse folder; made, configured and initialised if it is new.

    Two first starts at once would both make Dagster's databases and one would fail: here one waits.
    """
    named = os.environ.get(VARIABLE)
    home = Path(named) if named else settings.paths.warehouse / "dagster"
    if not home.is_absolute():
        raise SettingsError(f"{VARIABLE}: '{named}' is no absolute path; Dagster demands one.")
    make_private_folder(settings.paths.warehouse)
    make_private_folder(home)
    ready = home / ".ready"
    if not ready.exists():
        with (home / ".init.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not ready.exists():
                _initialise(home)
                ready.touch()
    return home


@contextmanager
def open_instance(settings: Settings) -> Iterator[DagsterInstance]:
    """Dagster's instance for a run in this process.

    Its log is not shown, because people follow the progress instead; the UI has all of it. The steps' output
    is not captured, because that would redirect the file descriptors of the terminal.
    """
    from dagster import DagsterInstance
    from dagster._core.instance.ref import InstanceRef

    quiet = {"python_logs": {"python_log_level": "CRITICAL"}, "compute_logs": _NO_CAPTURE}
    reference = InstanceRef.from_dir(str(dagster_home(settings)), overrides=quiet)
    with DagsterInstance.from_ref(_with_fast_history(reference)) as instance:
        yield instance


def _with_fast_history(reference: InstanceRef) -> InstanceRef:
    """Keep Dagster's default storage open while we write; one that somebody has chosen stays as it is."""
    from dagster._serdes import ConfigurableClassData

    chosen = reference.storage_data
    if chosen is None or chosen.class_name != "DagsterSqliteStorage":
        return reference
    ours = ConfigurableClassData("orchestration.event_log", "KeptOpenStorage", chosen.config_yaml)
    return reference._replace(storage_data=ours)


def _initialise(home: Path) -> None:
    from dagster import DagsterInstance

    kept = KEPT / f"dagster-{version('dagster')}"
    config = home / "dagster.yaml"
    is_new = not config.exists() and not (home / "history").exists()
    if not config.exists():
        config.write_text(_CONFIG, encoding="utf-8")
    if is_new and kept.exists():
        _copy_databases(kept, home)
        return
    with DagsterInstance.from_config(str(home)) as instance:
        instance.get_runs(limit=1)
    if is_new:
        with suppress(OSError):  # nowhere to keep them: each company makes its own
            kept.parent.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
                whole = Path(folder) / "whole"
                _copy_databases(home, whole)
                whole.rename(kept)


def _copy_databases(source: Path, target: Path) -> None:
    """A database is there whole or not at all: Dagster makes those that are not, such as after a kill."""
    for database in source.rglob("*.db"):
        copy = target / database.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(database, copy.with_suffix(".new"))
        copy.with_suffix(".new").rename(copy)
