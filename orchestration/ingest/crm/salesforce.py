"""Salesforce as a kind of source: opened with the credential of the environment, and looked at by the doctor.

Belongs here: putting together what the kind consists of. Does not belong here: what is asked for
(`salesforce_objects.py`), how one is let in (`salesforce_login.py`), reading (`salesforce_reader.py`,
`salesforce_api.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestration.ingest.crm.diagnosis import Diagnosis, of_budget, of_fields, of_variables
from orchestration.ingest.crm.kind import CrmKind
from orchestration.ingest.crm.salesforce_api import Api
from orchestration.ingest.crm.salesforce_login import login, variables
from orchestration.ingest.crm.salesforce_objects import COSTS, OBJECTS, OF_A_FEATURE, as_asked
from orchestration.ingest.crm.salesforce_reader import SalesforceReader
from orchestration.ingest.crm.session import Patience
from orchestration.setting_sources import SalesforceSource
from orchestration.settings import Settings


def open_reader(settings: Settings, source_name: str) -> SalesforceReader:
    source = _source(settings, source_name)
    as_asked(source, source_name)
    return SalesforceReader(Api(source_name, source, login(source_name, source)), source)


def diagnose(settings: Settings, source_name: str) -> Iterator[Diagnosis]:
    source = _source(settings, source_name)
    missing = list(of_variables(variables(source_name)))
    yield from missing
    if any(one.verdict == "wrong" for one in missing):
        return
    hasty = Patience(attempts=2, total=5.0, timeout=15.0)
    api = Api(source_name, source, login(source_name, source, hasty), patience=hasty)
    there = api.objects()
    yield Diagnosis("credential", "ok", f"{source.instance} takes it")
    own = as_asked(source, source_name)
    for object_ in OBJECTS:
        if object_.name not in there:
            if object_.name not in OF_A_FEATURE:
                yield of_fields(object_, None, COSTS.get(object_.name))
            continue
        visible = {field["name"] for field in api.describe(object_.name)["fields"]}
        asked = own[object_.name]
        readable = {ours for ours, theirs in asked.items() if theirs in visible}
        # what only some orgs have is not missed
        optional = {
            field.name for field in object_.fields if field.name in OF_A_FEATURE or field.name not in asked
        }
        yield of_fields(object_, readable | optional, COSTS.get(object_.name))
    left, whole = api.budget()
    yield of_budget(left, whole)


def _source(settings: Settings, name: str) -> SalesforceSource:
    source = settings.sources[name]
    assert isinstance(source, SalesforceSource)
    return source


KIND = CrmKind("salesforce", OBJECTS, open_reader, diagnose)
