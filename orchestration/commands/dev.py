"""`zeven dev`: Dagster's pages for the settings of this call, on this machine only.

Belongs here: preparing what Dagster's processes find ready, and becoming one of them. Does not belong here:
what the pages show (`definitions.py`).
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from orchestration.errors import SettingsError
from orchestration.settings import PROJECT_ROOT, SETTINGS_VARIABLE, Settings

HOST = "127.0.0.1"

_NOT_FOR_PEOPLE = "ignore:resource_tracker,ignore:Function `dev_command` is superseded"
"""Warnings of Python's about what dbt leaves behind, and of Dagster's about a command that is blank here."""


def serve(settings: Settings, port: int) -> None:
    """Replace this process by `dagster dev`; does not return. `SettingsError` where the port is taken.

    The run history and dbt's manifest are made before, so that Dagster's processes do not each begin with it.
    """
    _refuse_a_taken_port(port)
    from orchestration.instance import dagster_home
    from orchestration.transform.manifest import parsed_project

    os.environ["PYTHONWARNINGS"] = _NOT_FOR_PEOPLE  # also for the helper that Python starts here
    environment = {
        **os.environ,
        SETTINGS_VARIABLE: str(settings.file),
        "DAGSTER_HOME": str(dagster_home(settings)),
    }
    parsed_project(settings)
    os.chdir(PROJECT_ROOT)  # where workspace.yaml is
    program = Path(sys.executable).with_name("dagster")
    arguments = [str(program), "dev", "--host", HOST, "--port", str(port), "--workspace", "workspace.yaml"]
    # a script that starts this in the background has it ignore SIGINT, and Dagster takes SIGTERM for that
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execve(program, arguments, environment)  # noqa: S606 (no shell is the point)


def _refuse_a_taken_port(port: int) -> None:
    from orchestration.ports import is_free

    if not is_free(port):
        raise SettingsError(
            f"Port {port} is taken on {HOST}: another program is there, perhaps Dagster already. "
            f"Look at http://{HOST}:{port}, or choose another one: zeven dev --port {port + 1}."
        )
