"""Serving the dashboard: the object that gunicorn loads, and gunicorn's settings.

Belongs here: what a server process needs. Does not belong here: the application (`app.py`).
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from orchestration.errors import SettingsError
from orchestration.settings import SETTINGS_VARIABLE, Settings, load_settings

HOST = "127.0.0.1"
WORKERS = 2
THREADS = 4
KEEP_ALIVE = 75
"""Seconds that an idle connection stays open: longer than nginx's 60, so that nginx closes it."""


def application() -> object:
    """What gunicorn serves.

    Asked once before it serves anybody: Dash sets itself up on its first request, and two first requests at
    the same time got errors.
    """
    from dashboard.app import create_app

    _spare_duckdb_the_search_for_pandas()
    app = create_app(load_settings())
    with app.server.test_client() as client:
        client.get("/")
        client.get("/_dash-dependencies")
    return app.server


def _spare_duckdb_the_search_for_pandas() -> None:
    """It looks for it with every bound value; where it is not installed that was half of a query's time."""
    if find_spec("pandas") is None:
        modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
        modules["pandas"] = None


def serve(settings: Settings, port: int | None = None) -> None:
    """Replace this process by gunicorn; does not return. `SettingsError` where the port is taken."""
    chosen = settings.dashboard.port if port is None else port
    _refuse_a_taken_port(chosen)
    environment = {**os.environ, SETTINGS_VARIABLE: str(settings.file)}
    program = Path(sys.executable).with_name("gunicorn")
    arguments = [
        str(program),
        "--bind",
        f"{HOST}:{chosen}",
        "--workers",
        str(WORKERS),
        "--threads",
        str(THREADS),
        "--keep-alive",
        str(KEEP_ALIVE),
        "--worker-tmp-dir",
        "/dev/shm" if Path("/dev/shm").is_dir() else "/tmp",  # noqa: S108 (a heartbeat file, made unnamed)
        "--no-control-socket",
        "--log-level",
        "warning",
        "dashboard.serve:application()",
    ]
    print(f"The dashboard is on http://{HOST}:{chosen} until Ctrl-C.", flush=True)
    os.execve(program, arguments, environment)  # noqa: S606 (no shell is the point)


def _refuse_a_taken_port(port: int) -> None:
    from orchestration.ports import is_free

    if not is_free(port):
        raise SettingsError(
            f"Port {port} is taken on {HOST}: another program is there, perhaps the dashboard already. "
            f"Look at http://{HOST}:{port}, or choose another one: zeven dashboard --port {port + 1}."
        )
