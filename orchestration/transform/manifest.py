"""dbt's manifest: the parsed project, from which Dagster makes its assets and dbt builds.

Belongs here: parsing when the code has changed, and only then. Does not belong here: what the manifest
means.

A parse takes six CPU-seconds and follows from the code: of all settings, only which CRMs there are decides
what it finds (a test compiles every node both ways). So it stands beside the code, in dbt's own folder for
it, and is every company's; `make setup` makes the usual one. Who may not write there keeps one beside the
warehouse.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orchestration.errors import GateError
from orchestration.ingest.registry import crms
from orchestration.settings import DBT_PROJECT_DIR, PROJECT_ROOT, Settings
from orchestration.spark.connection import require_packages
from orchestration.transform.dbt_command import DbtCommand, dbt_folder
from orchestration.transform.failures import why_dbt_could_not_start
from orchestration.transform.needed import needed

BESIDE_THE_CODE = DBT_PROJECT_DIR / "target"
PROJECT_FOLDERS = (
    DBT_PROJECT_DIR / "macros",
    PROJECT_ROOT / "models",
    PROJECT_ROOT / "seeds",
    PROJECT_ROOT / "tests" / "dbt",
)
"""Everything dbt reads, beside the two files of `dbt_project/`."""

_PACKAGES = ("dbt-core", "dbt-adapters")
_USUAL = ("files",)


@dataclass(frozen=True)
class ParsedProject:
    """One parse in two forms: what Dagster reads, and the file from which dbt builds."""

    manifest: dict[str, Any]
    file: Path


def parsed_project(settings: Settings) -> ParsedProject:
    """The project as its files are now, with the CRMs of these settings.

    Parses only where no parse of exactly these files and packages is kept. `GateError` where dbt cannot read
    the project.
    """
    if settings.target == "spark":
        require_packages(settings)
    return _parsed(settings.target, crms(settings), (BESIDE_THE_CODE, dbt_folder(settings)))


def _parsed(engine: str, wanted: Sequence[str], places: Sequence[Path]) -> ParsedProject:
    state = _state(engine, wanted)
    folders = [place / f"parsed-{engine}-{'-'.join(wanted)}" for place in places]
    for folder in folders:
        if known := _known(folder, state):
            return known
    for folder in folders:
        try:
            with _one_at_a_time(folder):
                return _known(folder, state) or _parse(engine, wanted, folder, state)
        except OSError:  # not ours to write to, or full
            if folder == folders[-1]:
                raise
    raise AssertionError("no place to keep a parsed project")


def _known(folder: Path, state: str) -> ParsedProject | None:
    """What is kept of a parse of this state; None where that is nothing, damaged or another user's."""
    file = _file(folder, state)
    try:
        manifest = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return ParsedProject(manifest, file) if os.access(file, os.R_OK) else None


def _parse(engine: str, wanted: Sequence[str], folder: Path, state: str) -> ParsedProject:
    """Parse in `folder`, where dbt finds what it remembers of the last parse and reads what has changed."""
    told = json.dumps({"crms": list(wanted)})
    command = DbtCommand(None, "parse", "--vars", told, target=folder, engine=engine)
    command.run()
    if not command.succeeded:
        raise GateError(why_dbt_could_not_start(command.exception))
    manifest = _of_a_run(json.loads((folder / "manifest.json").read_text(encoding="utf-8")))
    file = _file(folder, state)
    for older in folder.glob(_file(folder, "*").with_suffix(".*").name):
        older.unlink()
    _write(file, needed((folder / "partial_parse.msgpack").read_bytes()))
    _write(file.with_suffix(".json"), json.dumps(manifest).encode())
    return ParsedProject(manifest, file)


def _file(folder: Path, state: str) -> Path:
    return folder / f"project-{state}.msgpack"


def _write(file: Path, content: bytes) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(file)


def _of_a_run(manifest: dict[str, Any]) -> dict[str, Any]:
    """Without unit tests, which no run asks, and without what is disabled: dbt lists the tests of a model
    that is, such as those of a CRM that nobody here has, among what it builds, and then leaves them out."""
    gone = {
        name for name, node in manifest["nodes"].items() if not node.get("config", {}).get("enabled", True)
    }
    gone |= manifest["unit_tests"].keys()
    for of_nodes in ("nodes", "unit_tests", "parent_map", "child_map"):
        manifest[of_nodes] = {name: node for name, node in manifest[of_nodes].items() if name not in gone}
    for of_names in ("parent_map", "child_map"):
        for name, others in manifest[of_names].items():
            manifest[of_names][name] = [other for other in others if other not in gone]
    return manifest


def _state(engine: str, wanted: Sequence[str]) -> str:
    """Name and content of every file dbt reads, and what else decides; a file removed changes it too."""
    packages = " ".join(version(package) for package in (*_PACKAGES, f"dbt-{engine}"))
    digest = hashlib.sha256(f"{' '.join(wanted)}\n{packages}\n{PROJECT_ROOT}\n".encode())
    for code in (__file__, needed.__code__.co_filename):
        digest.update(Path(code).read_bytes())
    files = [DBT_PROJECT_DIR / "dbt_project.yml", DBT_PROJECT_DIR / "profiles.yml"]
    for folder in PROJECT_FOLDERS:
        files += sorted(file for file in folder.rglob("*") if file.is_file())
    for file in files:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(PROJECT_ROOT)}\0{content}\n".encode())
    return digest.hexdigest()[:16]


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Several processes of Dagster load the definitions at the same moment; one of them parses."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".parse.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":  # as `make setup` calls it
    _parsed("duckdb", _USUAL, (BESIDE_THE_CODE,))
