"""Which module reads which kind of source.

Belongs here: one line per kind. Does not belong here: anything about a kind.
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestration.ingest import files, sql_database
from orchestration.ingest.crm import hubspot_objects, pipedrive_objects, salesforce, salesforce_landed
from orchestration.ingest.crm.diagnosis import Diagnosis
from orchestration.ingest.crm.kind import CrmKind, Reader
from orchestration.ingest.source_kind import SourceKind
from orchestration.settings import Settings


def _hubspot(settings: Settings, source_name: str) -> Reader:
    from orchestration.ingest.crm import hubspot

    return hubspot.open_reader(settings, source_name)


def _diagnose_hubspot(settings: Settings, source_name: str) -> Iterable[Diagnosis]:
    from orchestration.ingest.crm import hubspot_doctor

    return hubspot_doctor.diagnose(settings, source_name)


def _pipedrive(settings: Settings, source_name: str) -> Reader:
    from orchestration.ingest.crm import pipedrive

    return pipedrive.open_reader(settings, source_name)


def _diagnose_pipedrive(settings: Settings, source_name: str) -> Iterable[Diagnosis]:
    from orchestration.ingest.crm import pipedrive_doctor

    return pipedrive_doctor.diagnose(settings, source_name)


KINDS: dict[str, SourceKind] = {
    "files": files,
    "sql": sql_database,
    "hubspot": CrmKind("hubspot", hubspot_objects.OBJECTS, _hubspot, _diagnose_hubspot),
    "pipedrive": CrmKind("pipedrive", pipedrive_objects.OBJECTS, _pipedrive, _diagnose_pipedrive),
    "salesforce": salesforce.KIND,
    "salesforce_landed": salesforce_landed.KIND,
}


def used(settings: Settings) -> dict[str, SourceKind]:
    """The kinds that a company's sources are of."""
    wanted = {source.kind for source in settings.sources.values()}
    return {name: kind for name, kind in KINDS.items() if name in wanted}


def crms(settings: Settings) -> list[str]:
    """The folders of staging models that a company needs, in the order of the kinds."""
    return list(dict.fromkeys(kind.CRM for kind in used(settings).values()))
