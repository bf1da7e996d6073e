"""dbt's manifest: the parsed project, from which Dagster's assets are made.

Belongs here: parsing when something has changed, and only then. Does not belong here: what the manifest
means.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from orchestration.errors import GateError
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.transform.dbt_command import PROJECT_FOLDERS, DbtCommand, dbt_folder
from orchestration.transform.dbt_vars import dbt_vars
from orchestration.transform.failures import why_dbt_could_not_start
from orchestration.warehouse import make_private_folder


def ensure_manifest(settings: Settings) -> dict[str, Any]:
    """The manifest of the project as its files are now, under these settings.

    Parses (some seconds) only where none of exactly these files, vars and dbt version is kept. `GateError`
    where dbt cannot read the project.
    """
    make_private_folder(settings.paths.warehouse)
    folder = dbt_folder(settings)
    kept = folder / f"manifest-{_state(settings)}.json"
    if not kept.exists():
        with _one_at_a_time(folder):
            if not kept.exists():
                _parse(settings, kept)
    return cast(dict[str, Any], json.loads(kept.read_text(encoding="utf-8")))


def partial_parse_file(settings: Settings) -> Path:
    """What dbt remembers of its last parse; a build that finds it beside its target need not parse again."""
    return dbt_folder(settings) / "parse" / "partial_parse.msgpack"


def _parse(settings: Settings, kept: Path) -> None:
    target = partial_parse_file(settings).parent
    command = DbtCommand(settings, "parse", target=target)
    command.run()
    if not command.succeeded:
        raise GateError(why_dbt_could_not_start(command.exception))
    fresh = kept.with_suffix(".new")
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    fresh.write_text(json.dumps(_without_disabled(manifest)), encoding="utf-8")
    for older in kept.parent.glob("manifest-*.json"):
        older.unlink()
    fresh.replace(kept)


def _without_disabled(manifest: dict[str, Any]) -> dict[str, Any]:
    """dbt lists the tests of a model that is disabled, such as those of a CRM that nobody here has, among
    what it builds, and then leaves them out."""
    disabled = {
        name for name, node in manifest["nodes"].items() if not node.get("config", {}).get("enabled", True)
    }
    for of_nodes in ("nodes", "parent_map", "child_map"):
        manifest[of_nodes] = {name: node for name, node in manifest[of_nodes].items() if name not in disabled}
    for of_names in ("parent_map", "child_map"):
        for name, others in manifest[of_names].items():
            manifest[of_names][name] = [other for other in others if other not in disabled]
    return manifest


def _state(settings: Settings) -> str:
    """Name, size and time of every file dbt reads, and what it is told beside; a file removed changes it
    too."""
    digest = hashlib.sha256()
    digest.update(json.dumps(dbt_vars(settings), sort_keys=True).encode())
    digest.update(f"{version('dbt-core')} {version('dbt-duckdb')} {PROJECT_ROOT}".encode())
    for folder in PROJECT_FOLDERS:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                facts = file.stat()
                digest.update(f"{file}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Several processes of Dagster load the definitions at the same moment; one of them parses."""
    folder.mkdir(exist_ok=True)
    with (folder / ".parse.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
