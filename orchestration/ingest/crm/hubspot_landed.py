"""HubSpot's objects in the tables of Fivetran, Airbyte or dlt.

Belongs here: which tool's tables these are, and what none of them can be without. Does not belong here: any
tool's names (`hubspot_fivetran.py`, `hubspot_airbyte.py`, `hubspot_dlt.py`), or reading the tables
(`landed_by_others.py`).

A contact is a lead: no tool is known to load what says how far a lead object is.
"""

from __future__ import annotations

from orchestration.errors import SourceError
from orchestration.ingest.crm import hubspot_fivetran
from orchestration.ingest.crm import hubspot_objects as objects
from orchestration.ingest.crm.hubspot_airbyte import Airbyte
from orchestration.ingest.crm.hubspot_dlt import Dlt
from orchestration.ingest.crm.hubspot_fivetran import Fivetran
from orchestration.ingest.crm.hubspot_landed_loader import ACTIVITIES, Loader
from orchestration.ingest.crm.landed_by_others import Find, LandedKind, OfRaw, Wanted
from orchestration.ingest.crm.landed_table import Part
from orchestration.ingest.crm.objects import Object
from orchestration.setting_sources import HubspotLandedSource

_NO_MOMENT = "none of them is a contact moment, so responses and follow-ups are fewer than there were"
WANTED = Wanted(
    required={
        "owners": ("id",),
        "pipeline_stages": ("label", "isClosed", "probability"),
        "contacts": ("createdate",),
        "deals": ("createdate", "pipeline", "dealstage", "amount", "closedate"),
        **{one.name: ("hs_timestamp",) for one in ACTIVITIES},
    },
    may_lack=[one.name for one in ACTIVITIES],
    costs={
        "teams": {"": "there are no teams"},
        "companies": {"": "accounts have no name, industry or country"},
        "products": {"": "products have no name"},
        "line_items": {"": "no sale belongs to a product"},
        "deal_history": {"": "the past of a deal is known from the first run on"},
        "contact_history": {"": "nobody knows when a lead was disqualified"},
        "associations": {"": "no deal has a lead or an account, and no contact moment belongs to anybody"},
        "contacts": {
            "hs_lead_status": "no lead counts as disqualified",
            "hs_v2_date_entered_opportunity": "no lead counts as converted",
        },
        **{one.name: {"": _NO_MOMENT} for one in ACTIVITIES},
    },
    quiet=(
        "archivedAt",
        "hs_lifecyclestage_opportunity_date",
        "hs_lifecyclestage_customer_date",
        "hs_merged_object_ids",
        "hs_lastmodifieddate",
        "lastmodifieddate",
        "companyCurrency",
        "timeZone",
        "leadState",
    ),
    stay=[*objects.HISTORIES, *objects.MERGES],
)


class Hubspot:
    wanted = WANTED

    def __init__(self, source: HubspotLandedSource, source_name: str) -> None:
        self._source, self._name = source, source_name
        self._tool: type[Loader] | None = None

    def parts(self, object_: Object, find: Find, of_raw: OfRaw) -> list[Part] | None:
        if self._tool is None:
            self._tool = self._tool_of(find)
        return self._tool(self._source, find, of_raw).parts(object_)

    def _tool_of(self, find: Find) -> type[Loader]:
        if find(hubspot_fivetran.MARK):
            return Fivetran
        deals = find("deals")
        if deals is None:
            raise SourceError(
                f"{self._name}: neither 'deal' (Fivetran) nor 'deals' (Airbyte, dlt) is among the tables, and"
                " no number can do without it; let the tool load it, or correct place and dataset."
            )
        is_airbyte = any(name.startswith(("_airbyte", "properties")) for name in deals.columns)
        return Airbyte if is_airbyte else Dlt


KIND = LandedKind("hubspot_landed", "hubspot", objects.OBJECTS, Hubspot)
