"""What `zeven doctor` finds out about HubSpot: the token, the scopes, the properties, the budget.

Belongs here: questions that read no record. Does not belong here: reading (`hubspot.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from orchestration.errors import SourceError
from orchestration.ingest.crm import hubspot_objects as objects
from orchestration.ingest.crm.diagnosis import Diagnosis, of_budget, of_fields, of_variables
from orchestration.ingest.crm.hubspot_pages import Pages
from orchestration.ingest.crm.hubspot_session import HubspotSession, variable
from orchestration.ingest.crm.session import Patience
from orchestration.setting_sources import HubspotSource
from orchestration.settings import Settings

_COSTS = {
    "contacts": {"": "no lead is counted", "hs_lead_status": "no lead counts as disqualified"},
    "deals": {"": "there is no pipeline and no sale", "amount": "every deal is worth nothing"},
    "line_items": {"": "no sale belongs to a product"},
    "products": {"": "products have no name"},
}
_ALWAYS_THERE = ("id", "archived", "archivedAt")


def diagnose(settings: Settings, source_name: str) -> Iterator[Diagnosis]:
    source = cast(HubspotSource, settings.sources[source_name])
    [found] = of_variables([variable(source_name)])
    yield found
    if found.verdict == "wrong":
        return
    pages = Pages(
        source.api, HubspotSession(source_name, patience=Patience(attempts=2, total=15, timeout=15))
    )
    portal = pages.get("account-info/v3/details")
    yield Diagnosis("credential", "ok", f"HubSpot takes it for account {portal['portalId']}")
    ours = {name: str(getattr(source, name)) for name in objects.OURS}
    for object_ in objects.RECORDS:
        if object_ is objects.LEADS and source.leads != "leads":
            continue
        try:
            there = pages.properties(object_.name)
        except SourceError:
            yield of_fields(object_, None, _COSTS.get(object_.name))
            continue
        asked = objects.properties_of(object_, ours)
        readable = [*_ALWAYS_THERE, *(column for column, name in asked.items() if name in there)]
        yield of_fields(object_, readable, _COSTS.get(object_.name))
    try:
        usage = pages.get("account-info/v3/api-usage/daily/private-apps")["results"][0]
    except (SourceError, LookupError):
        return  # an account that does not tell is no worse for it
    whole = int(usage["usageLimit"])
    yield of_budget(whole - int(usage["currentUsage"]), whole)
