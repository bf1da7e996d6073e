"""What changed in a file's columns: against the format, and against the last load of the same table.

Belongs here: comparing names, the words for it, and refusing by the source's policy. Does not belong here:
reading headers, or values.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from orchestration.errors import SourceError
from orchestration.ingest.export_format import Table
from orchestration.ingest.file_discovery import TableFile
from orchestration.ingest.records import OWN_NAMES
from orchestration.setting_sources import FilesSource

MOST_COLUMNS = 10_000
"""A table of so many columns has no name for them, only keys that should have been values; 3,000 keys in as
many JSON lines took 12 s and 9 million cells."""
MOST_TOLD = 20
"""So many sentences on columns; the rest is told as a number."""
ALIKE = 0.6
"""From this similarity on (0 to 1), a new name beside a missing one is called a likely rename."""


def clean_names(file: TableFile, names: Sequence[str]) -> list[str]:
    """The file's column names without white space around them; a column without a name is called by its
    position.

    Raises `SourceError` where a name stands twice, in whatever case: which of the two is meant, nobody
    knows; and for names that cannot be used.
    """
    if len(names) > MOST_COLUMNS:
        raise SourceError(
            f"{file.path}: has {len(names):,} columns, and more than {MOST_COLUMNS:,} are not read; are there"
            " values where the names should be?"
        )
    cleaned = [
        name.strip("\ufeff \t\r\n\xa0") or f"column_{number}" for number, name in enumerate(names, start=1)
    ]
    seen: set[str] = set()
    for name in cleaned:
        if "\0" in name or name.casefold().startswith(OWN_NAMES):
            raise SourceError(
                f"{file.path}: has a column named {name!r}, and no name may hold a null character or"
                " begin with"
                f" {OWN_NAMES}, as Zeven's own do; rename it in the export."
            )
        if name.casefold() in seen:
            raise SourceError(
                f"{file.path}: has the column '{name}' more than once in its header; leave one of them in"
                f" the export."
            )
        seen.add(name.casefold())
    return cleaned


def check_required(
    file: TableFile, table: Table, source_name: str, own: Sequence[str], given: set[str]
) -> None:
    """Refuse a file that lacks a required column. `given`: the canonical columns that come from somewhere."""
    for name in table.required:
        if name not in given:
            others = [
                column for column in own if column.casefold() not in {known.name for known in table.columns}
            ]
            near = get_close_matches(name, others, n=1, cutoff=ALIKE)
            raise SourceError(
                f"{file.path}: lacks the required column '{name}' of"
                f" {table.name}{f' (is it {near[0]!r}, renamed?)' if near else ''}; its columns are:"
                f" {', '.join(own)}. Name it so in the export, or map it in the settings under"
                f" [sources.{source_name}.tables.{table.name}.columns]."
            )


def drift(
    file: TableFile, table: Table, source: FilesSource, own: Sequence[str], before: Sequence[str] | None
) -> list[str]:
    """Sentences on columns that are unknown or gone; `SourceError` where the source's policy refuses them.

    `before` are the columns at the last load of this table, None at the first. Without a mapping, a column
    is unknown when the format does not have it, and it is told once: when it was not there at the last
    load. With a mapping of columns, the file's names are its own affair, and only a change since the last
    load is told.
    """
    canonical = [column.name for column in table.columns]
    mapping = source.tables.get(table.name)
    is_mapped = mapping is not None and bool(mapping.columns)
    own_lower = {name.casefold(): name for name in own}
    old_lower = {name.casefold(): name for name in before or ()}
    strange = [] if is_mapped else [name for key, name in own_lower.items() if key not in canonical]
    new = [name for key, name in own_lower.items() if before is not None and key not in old_lower]
    gone = [name for key, name in old_lower.items() if key not in own_lower]
    if not is_mapped:
        new = [name for name in strange if name.casefold() not in old_lower]
        gone_known = [name for name in gone if name.casefold() in canonical]
    else:
        gone_known = gone

    if source.unknown_columns == "refuse" and (refused := strange or (new if is_mapped else [])):
        raise SourceError(
            f"{file.path}: has the column '{refused[0]}', {_unknown(table, is_mapped)}, and unknown_columns"
            f" is"
            f' "refuse"{_rename_hint(refused[0], gone or _absent(canonical, own_lower))}; remove it from the'
            f" export,"
            ' map it, or set unknown_columns = "report".'
        )
    if source.missing_columns == "refuse" and gone_known:
        raise SourceError(
            f"{file.path}: lacks the column '{gone_known[0]}', which was there at the last load, and"
            f" missing_columns is"
            f' "refuse"{_rename_hint(gone_known[0], new)}; mend the export, or set missing_columns ='
            f' "report".'
        )

    sentences = []
    for name in gone:
        renamed = get_close_matches(name, new, n=1, cutoff=ALIKE)
        if renamed:
            new.remove(renamed[0])
            sentences.append(
                f"{file.name}: the column '{name}' is gone and '{renamed[0]}' is new: probably renamed; its"
                f" values are {'not read as ' + name if name in gone_known else 'kept'} until the name or"
                " the mapping is mended."
            )
        elif name in gone_known:
            sentences.append(f"{file.name}: the column '{name}', there at the last load, is missing.")
    for name in new:
        near = get_close_matches(name.casefold(), _absent(canonical, own_lower), n=1, cutoff=ALIKE)
        meant = f"; is '{near[0]}' meant?" if near and not is_mapped else "."
        sentences.append(
            f"{file.name}: the column '{name}' is {_unknown(table, is_mapped)}: kept in raw{meant}"
        )
    if len(sentences) > MOST_TOLD:
        more = len(sentences) - MOST_TOLD
        sentences[MOST_TOLD:] = [f"{file.name}: {more:,} more columns have changed or are unknown."]
    return sentences


def _unknown(table: Table, is_mapped: bool) -> str:
    return "new since the last load" if is_mapped else f"unknown to the format of {table.name}"


def _absent(canonical: Sequence[str], own_lower: dict[str, str]) -> list[str]:
    return [name for name in canonical if name not in own_lower]


def _rename_hint(name: str, others: Sequence[str]) -> str:
    near = get_close_matches(name.casefold(), others, n=1, cutoff=ALIKE)
    return f" (probably '{near[0]}', renamed)" if near else ""
