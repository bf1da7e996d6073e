"""What is known of a release: its manifest on disk, and the view of it that everything else uses.

Belongs here: the manifest's shape, reading it, and proving files against it. Does not belong here: making a
release (`release.py`) or choosing one (`catalogue.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.errors import ZevenError
from orchestration.publish.store import sha256

MANIFEST = "manifest.json"
DATABASE = "zeven.duckdb"
FORMAT = 1
"""Of the manifest; a reader refuses one that it does not know."""


@dataclass(frozen=True)
class ReleaseInfo:
    """One finished release. `tables` is rows by table; `checks` counts what was checked before publishing.

    `as_of` and `created_at` are in UTC; `previous` is the release that served when this one was published;
    `folder` is the release's own, never the link `current`; `restated` is what it changed in closed periods,
    as `restatements/publishing.py` sums it up, None in a release of before there was such a thing.
    """

    release_id: str
    folder: Path
    is_current: bool
    as_of: datetime
    created_at: datetime
    code_version: str
    contract_hash: str
    previous: str | None
    tables: Mapping[str, int]
    checks: int
    warnings: tuple[Mapping[str, Any], ...]
    restated: Mapping[str, Any] | None = None

    @property
    def database(self) -> Path:
        return self.folder / DATABASE

    def parquet(self, table: str) -> Path:
        return self.folder / "parquet" / f"{table}.parquet"


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a release as it was written; `ZevenError` if it is gone, damaged or of other format."""
    path = folder / MANIFEST
    release = f"{path}: release {folder.name}"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ZevenError(f"{release} is damaged, its manifest cannot be read ({error}).") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ZevenError(f"{release} has a manifest of another format; use the version that wrote it.")
    return manifest


def read_release(folder: Path, *, current_id: str | None) -> ReleaseInfo:
    """The release in `folder`."""
    manifest = read_manifest(folder)
    try:
        return ReleaseInfo(
            release_id=manifest["release_id"],
            folder=folder,
            is_current=folder.name == current_id,
            as_of=parse_instant(manifest["as_of"]),
            created_at=parse_instant(manifest["created_at"]),
            code_version=manifest["code_version"],
            contract_hash=manifest["contract_hash"],
            previous=manifest["previous"],
            tables={name: table["rows"] for name, table in manifest["tables"].items()},
            checks=len(manifest["checks"]) + len(manifest["build"]["checks"]),
            warnings=tuple(manifest["warnings"]),
            restated=manifest.get("restated"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ZevenError(
            f"{folder / MANIFEST}: release {folder.name} is damaged, its manifest lacks {error}."
        ) from None


def damage(folder: Path) -> str | None:
    """What is wrong with a release's files against its manifest, in a sentence; None if nothing is."""
    try:
        manifest = read_manifest(folder)
        files = {DATABASE: manifest["database"]["sha256"]}
        for name, table in manifest["tables"].items():
            parts = table.get("parts")
            if parts is None:
                files[f"parquet/{name}.parquet"] = table["sha256"]
                continue
            files |= {f"parquet/{name}/{part}": digest for part, digest in parts.items()}
            added = sorted(file for file in (folder / "parquet" / name).iterdir() if file.name not in parts)
            if added:  # the view would read it too
                return f"{added[0]}: release {folder.name} is damaged, this file was not published."
    except ZevenError as error:
        return str(error)
    except (KeyError, TypeError, AttributeError) as error:
        return f"{folder / MANIFEST}: release {folder.name} is damaged, its manifest lacks {error}."
    except OSError as error:
        return f"{error.filename}: release {folder.name} is damaged ({error.strerror})."
    for name, expected in files.items():
        try:
            found = sha256(folder / name)
        except OSError as error:
            return f"{folder / name}: release {folder.name} is damaged ({error.strerror})."
        if found != expected:
            return (
                f"{folder / name}: release {folder.name} is damaged, this is not the file that was published."
            )
    return None


def instant(value: datetime) -> str:
    """An instant as text in UTC, to the second."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
