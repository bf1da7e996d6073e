"""Where Dagster keeps its history of runs, so that the command line and the UI show the same one.

Belongs here: finding, making and opening that folder. Does not belong here: starting a run (`run.py`) or
the UI.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.errors import SettingsError
from orchestration.settings import Settings
from orchestration.warehouse import make_private_folder

if TYPE_CHECKING:
    from dagster import DagsterInstance
    from dagster._core.instance.ref import InstanceRef

VARIABLE = "DAGSTER_HOME"
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

    config = home / "dagster.yaml"
    if not config.exists():
        config.write_text(_CONFIG, encoding="utf-8")
    with DagsterInstance.from_config(str(home)) as instance:
        instance.get_runs(limit=1)
