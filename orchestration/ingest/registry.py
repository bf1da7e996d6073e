"""Which module reads which kind of source.

Belongs here: one line per kind. Does not belong here: anything about a kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from orchestration.ingest import files, sql_database
from orchestration.ingest.crm import (
    hubspot_landed,
    hubspot_objects,
    pipedrive_objects,
    salesforce,
    salesforce_landed,
)
from orchestration.ingest.crm.kind import CrmKind
from orchestration.ingest.crm.objects import Object
from orchestration.ingest.source_kind import SourceKind
from orchestration.settings import Settings


def _later(module: str, function: str) -> Callable[[Settings, str], Any]:
    """A function of a CRM's module, which is imported when it is called: it brings heavy libraries."""

    def call(settings: Settings, source_name: str) -> Any:
        found = import_module(f"orchestration.ingest.crm.{module}")
        return getattr(found, function)(settings, source_name)

    return call


def _asked(crm: str, objects: Iterable[Object]) -> CrmKind:
    return CrmKind(crm, objects, _later(crm, "open_reader"), _later(f"{crm}_doctor", "diagnose"))


KINDS: dict[str, SourceKind] = {
    "files": files,
    "sql": sql_database,
    "hubspot": _asked("hubspot", hubspot_objects.OBJECTS),
    "pipedrive": _asked("pipedrive", pipedrive_objects.OBJECTS),
    "salesforce": salesforce.KIND,
    "salesforce_landed": salesforce_landed.KIND,
    "hubspot_landed": hubspot_landed.KIND,
}


def used(settings: Settings) -> dict[str, SourceKind]:
    """The kinds that a company's sources are of."""
    wanted = {source.kind for source in settings.sources.values()}
    return {name: kind for name, kind in KINDS.items() if name in wanted}


def crms(settings: Settings) -> list[str]:
    """The folders of staging models that a company needs, in the order of the kinds."""
    return list(dict.fromkeys(kind.CRM for kind in used(settings).values()))
