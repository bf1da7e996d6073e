"""Which files of a source's folder belong to which table.

Belongs here: file names, globs, formats, and refusing what lies outside the folder. Does not belong here:
what stands in the files.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from orchestration.errors import SourceError
from orchestration.ingest.export_format import TABLES
from orchestration.setting_sources import FilesSource, TableMapping
from orchestration.speech import is_unspeakable

FileFormat = Literal["csv", "parquet", "jsonl"]

ENDINGS: dict[str, FileFormat] = {".csv": "csv", ".csv.gz": "csv", ".parquet": "parquet", ".jsonl": "jsonl"}
ENTRY_TABLES = ("leads", "opportunities")
"""A source has at least one of them; a folder without both is almost certainly the wrong folder."""
ADDED_TABLES = ("targets", "exchange_rates")
"""What a source may hold that only adds to another one (`adds_to`): what a CRM cannot tell."""


@dataclass(frozen=True)
class TableFile:
    """One file of a table; `name` is its path seen from the source's folder, with `/`."""

    path: Path
    name: str
    format: FileFormat

    @property
    def is_compressed(self) -> bool:
        return self.name.lower().endswith(".gz")


def table_of(file_name: str) -> str | None:
    """The table that a file belongs to by its name: `leads.csv`, `leads-2026-01.csv`,
    `leads_archive.parquet`.

    The longest table name wins, so that no table swallows the files of another one.
    """
    lowered = file_name.lower()
    ending = next(
        (ending for ending in sorted(ENDINGS, key=len, reverse=True) if lowered.endswith(ending)), None
    )
    if ending is None:
        return None
    stem = lowered.removesuffix(ending)
    matches = [name for name in TABLES if stem == name or stem.startswith((f"{name}-", f"{name}_"))]
    return max(matches, key=len, default=None)


def files_of(source_name: str, source: FilesSource, table_name: str) -> list[TableFile]:
    """The files of one table in sorted order; empty where the folder has none.

    Raises `SourceError` for a folder that is not there, a glob that leaves the folder, and a format that
    cannot be told from the file's ending.
    """
    folder = source.folder
    if not folder.is_dir():
        raise SourceError(
            f"sources.{source_name}.folder: {folder} is no folder that can be read; create it or correct the"
            f" setting."
        )
    mapping = source.tables.get(table_name)
    try:
        if mapping is None:
            paths = [path for path in folder.iterdir() if table_of(path.name) == table_name]
        else:
            paths = _matches(source_name, folder, table_name, mapping)
    except OSError as error:
        raise SourceError(
            f"sources.{source_name}.folder: {folder} cannot be listed ({error.strerror}); check permissions."
        ) from None
    found = []
    for path in paths:
        _refuse_name(source_name, path.relative_to(folder).as_posix())
        if _is_file(source_name, path, is_glob=mapping is not None):
            file_format = _format(source_name, table_name, mapping, path)
            found.append(TableFile(path, path.relative_to(folder).as_posix(), file_format))
    root = folder.resolve()
    for file in found:
        if not file.path.resolve().is_relative_to(root):
            raise SourceError(
                f"sources.{source_name}: {file.name} is a link to {file.path.resolve()}, outside the"
                f" source's folder {folder}; copy the file into the folder."
            )
    return sorted(found, key=lambda file: file.name)


def _refuse_name(source_name: str, name: str) -> None:
    """A name that is no text, or that a terminal would obey or show as another one, stands in no sentence."""
    if is_unspeakable(name):
        shown = (
            name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\n", "\\n")
        )
        raise SourceError(
            f"sources.{source_name}: the file '{shown}' has a name with characters that cannot be shown;"
            " rename it."
        )


def _is_file(source_name: str, path: Path, *, is_glob: bool) -> bool:
    """Whether there is a file to read; False for one that has just gone, and for the folders that a glob
    finds.

    What bears the name of a table and is none is refused: nobody would see that its rows are missing.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if not path.is_symlink():
            return False
        raise SourceError(
            f"sources.{source_name}: {path} is a link that leads nowhere; remove it, or put there what"
            " it means."
        ) from None
    except OSError as error:
        raise SourceError(
            f"sources.{source_name}: {path} cannot be looked at ({error.strerror}); check permissions,"
            " and where"
            " it leads if it is a link."
        ) from None
    if stat.S_ISREG(mode):
        return True
    if stat.S_ISDIR(mode):
        if is_glob:
            return False
        raise SourceError(
            f"sources.{source_name}: {path} is a folder with the name of an export; move its files up, or map"
            f' the table to them, such as files = "{path.name}/*".'
        )
    raise SourceError(
        f"sources.{source_name}: {path} is no file but a pipe, a socket or a device; save the export as"
        " a file."
    )


def _matches(source_name: str, folder: Path, table_name: str, mapping: TableMapping) -> list[Path]:
    pattern = PurePosixPath(mapping.files)
    if pattern.is_absolute() or ".." in pattern.parts:
        raise SourceError(
            f"sources.{source_name}.tables.{table_name}.files: '{mapping.files}' leads out of the source's"
            f" folder {folder}; write a glob that is seen from there."
        )
    return list(folder.glob(mapping.files))


def _format(source_name: str, table_name: str, mapping: TableMapping | None, path: Path) -> FileFormat:
    if mapping is not None and mapping.format is not None:
        return mapping.format
    for ending, file_format in ENDINGS.items():
        if path.name.lower().endswith(ending):
            return file_format
    raise SourceError(
        f"sources.{source_name}.tables.{table_name}: the ending of {path.name} tells no format; add"
        f' format = "csv", "parquet" or "jsonl" to the table\'s mapping.'
    )
