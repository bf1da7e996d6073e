"""What a release is made from besides the data: code, settings, contracts.

Belongs here: naming the code's version for people, and a fingerprint that changes whenever another result
could come out of the same data. Does not belong here: deciding whether to build (`run.py`).
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.settings import DBT_PROJECT_DIR, PROJECT_ROOT, Settings

if TYPE_CHECKING:
    from orchestration.checks.contracts import Contract

_CODE = (PROJECT_ROOT / "orchestration", PROJECT_ROOT / "models", PROJECT_ROOT / "seeds", DBT_PROJECT_DIR)
_SUFFIXES = (".py", ".sql", ".yml", ".csv")


def code_version() -> str:
    """The git commit, with `+changes` where files differ from it; the package's version outside of git."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    if commit is None or _git("rev-parse", "--show-toplevel") != str(PROJECT_ROOT):
        try:
            return version("zeven")
        except PackageNotFoundError:
            return "unknown"
    return f"{commit}+changes" if _git("status", "--porcelain") else commit


def made_from(settings: Settings, contracts: Mapping[str, Contract]) -> str:
    """A fingerprint of the code's files, the settings and the contracts; SHA-256 in hex."""
    from orchestration.checks.contracts import contract_hash

    digest = hashlib.sha256()
    digest.update(settings.model_dump_json().encode())
    digest.update(contract_hash(dict(contracts)).encode())
    for folder in _CODE:
        for file in sorted(folder.rglob("*")):
            if file.suffix in _SUFFIXES and file.is_file():
                digest.update(
                    str(file.relative_to(PROJECT_ROOT)).encode() + b"\0" + file.read_bytes() + b"\0"
                )
    return digest.hexdigest()


def _git(*arguments: str) -> str | None:
    """What git answers, None where it cannot."""
    command = ["git", "-C", str(PROJECT_ROOT), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return str(Path(done.stdout.strip())) if arguments[-1] == "--show-toplevel" else done.stdout.strip()
