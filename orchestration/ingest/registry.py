"""Which module reads which kind of source.

Belongs here: one line per kind. Does not belong here: anything about a kind.
"""

from __future__ import annotations

from orchestration.ingest import files, sql_database
from orchestration.ingest.source_kind import SourceKind
from orchestration.settings import Settings

KINDS: dict[str, SourceKind] = {
    "files": files,
    "sql": sql_database,
}


def used(settings: Settings) -> dict[str, SourceKind]:
    """The kinds that a company's sources are of."""
    wanted = {source.kind for source in settings.sources.values()}
    return {name: kind for name, kind in KINDS.items() if name in wanted}


def crms(settings: Settings) -> list[str]:
    """The folders of staging models that a company needs, in the order of the kinds."""
    return list(dict.fromkeys(kind.CRM for kind in used(settings).values()))
