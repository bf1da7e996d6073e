"""What is read of HubSpot: its objects and their properties, as HubSpot spells them.

Belongs here: declarations, which property moves when a record is edited, and which links are followed. Does
not belong here: asking for any of it (`hubspot.py`).

Three columns have names of ours, because each account has a property of its own for them: `lead_source`,
`lead_campaign` and `product_family` hold the property that the settings name.
"""

from __future__ import annotations

from orchestration.ingest.crm.objects import Object, declare

_ARCHIVED = ("archived boolean", "archivedAt instant")
_ACTIVITY = ("hubspot_owner_id", "hs_timestamp instant", "hs_lastmodifieddate instant", "hs_object_source")

ACCOUNT = declare(
    "account",
    "portalId!",
    "companyCurrency",
    "timeZone",
    "leads",  # of the settings: which object a lead is
    "disqualified",  # of the settings: ;STATUS;STATUS;
)
OWNERS = declare(
    "owners",
    "id!",
    "firstName",
    "lastName",
    "team_id",
    "archived boolean",
    of_employees=True,
)
TEAMS = declare("teams", "id!", "name", of_employees=True)
PIPELINE_STAGES = declare(
    "pipeline_stages",
    "object_type!",
    "pipeline_id!",
    "id!",
    "pipeline_label",
    "label",
    "displayOrder integer",
    "isClosed boolean",
    "probability number",
    "leadState",
    "archived boolean",
)
COMPANIES = declare(
    "companies",
    "id!",
    "name",
    "industry",
    "country",
    "hs_lastmodifieddate instant",
    *_ARCHIVED,
    clears={"name": ("id", "account")},
)
CONTACTS = declare(
    "contacts",
    "id!",
    "createdate instant",
    "lastmodifieddate instant",
    "hubspot_owner_id",
    "email email",
    "lifecyclestage",
    "hs_lead_status",
    "industry",
    "associatedcompanyid",
    "hs_v2_date_entered_opportunity instant",
    "hs_lifecyclestage_opportunity_date instant",
    "hs_v2_date_entered_customer instant",
    "hs_lifecyclestage_customer_date instant",
    "hs_merged_object_ids",
    "lead_source",
    "lead_campaign",
    *_ARCHIVED,
    goes_with={"id": ("lead", "contact")},
    same_person={"id": ("lead", "contact"), "hs_merged_object_ids": ("lead", "contact")},
    account="associatedcompanyid",
)
LEADS = declare(
    "leads",
    "id!",
    "hs_createdate instant",
    "hs_lastmodifieddate instant",
    "hubspot_owner_id",
    "hs_pipeline",
    "hs_pipeline_stage",
    "hs_merged_object_ids",
    "lead_source",
    "lead_campaign",
    *_ARCHIVED,
    goes_with={"id": "lead"},
    same_person={"id": "lead", "hs_merged_object_ids": "lead"},
)
PRODUCTS = declare("products", "id!", "name", "hs_lastmodifieddate instant", "product_family", *_ARCHIVED)
DEALS = declare(
    "deals",
    "id!",
    "createdate instant",
    "hs_lastmodifieddate instant",
    "pipeline",
    "dealstage",
    "hubspot_owner_id",
    "amount amount",
    "deal_currency_code",
    "closedate instant",
    "hs_deal_stage_probability number",
    "hs_forecast_probability number",
    "closed_lost_reason",
    "hs_merged_object_ids",
    "lead_source",
    *_ARCHIVED,
    clears={"closed_lost_reason": ("id", "opportunity")},
)
LINE_ITEMS = declare(
    "line_items",
    "id!",
    "hs_product_id",
    "quantity number",
    "amount amount",
    "hs_lastmodifieddate instant",
    *_ARCHIVED,
)
CALLS = declare("calls", "id!", *_ACTIVITY, "hs_call_direction", "hs_call_status", *_ARCHIVED)
EMAILS = declare("emails", "id!", *_ACTIVITY, "hs_email_direction", "hs_email_status", *_ARCHIVED)
MEETINGS = declare(
    "meetings", "id!", *_ACTIVITY, "hs_meeting_start_time instant", "hs_meeting_outcome", *_ARCHIVED
)
TASKS = declare("tasks", "id!", *_ACTIVITY, "hs_task_status", *_ARCHIVED)
COMMUNICATIONS = declare("communications", "id!", *_ACTIVITY, "hs_communication_channel_type", *_ARCHIVED)

_CHANGE = ("id!", "property!", "timestamp! instant", "value")
DEAL_HISTORY = declare("deal_history", *_CHANGE)
CONTACT_HISTORY = declare("contact_history", *_CHANGE, goes_with={"id": ("lead", "contact")})
LEAD_HISTORY = declare("lead_history", *_CHANGE, goes_with={"id": "lead"})

_MERGE = ("id!", "into_id")
MERGED_CONTACTS = declare(
    "merged_contacts",
    *_MERGE,
    goes_with={"id": ("lead", "contact"), "into_id": ("lead", "contact")},
    same_person={"id": ("lead", "contact"), "into_id": ("lead", "contact")},
)
MERGED_LEADS = declare(
    "merged_leads",
    *_MERGE,
    goes_with={"id": "lead", "into_id": "lead"},
    same_person={"id": "lead", "into_id": "lead"},
)
MERGED_DEALS = declare("merged_deals", *_MERGE)
ASSOCIATIONS = declare(
    "associations",
    "parent!",  # deals/123/contacts: all links of a record to one kind of others are complete together
    "to_id!",
    "from_type",
    "from_id",
    "to_type",
    "types",  # the numbers of the association's types, with commas between and around them
    "contact_id",  # the contact or the lead among the two ends, for whoever is to be forgotten
    "lead_id",
    "deal_id",  # the deal among them, where the other end is a person
    goes_with={"contact_id": ("lead", "contact"), "lead_id": "lead"},
    deal="deal_id",
)

OBJECTS: tuple[Object, ...] = (
    ACCOUNT,
    OWNERS,
    TEAMS,
    PIPELINE_STAGES,
    COMPANIES,
    CONTACTS,
    LEADS,
    PRODUCTS,
    DEALS,
    LINE_ITEMS,
    CALLS,
    EMAILS,
    MEETINGS,
    TASKS,
    COMMUNICATIONS,
    DEAL_HISTORY,
    CONTACT_HISTORY,
    LEAD_HISTORY,
    MERGED_CONTACTS,
    MERGED_LEADS,
    MERGED_DEALS,
    ASSOCIATIONS,
)
"""In the order in which they are read: what follows from moved records comes after the records."""

RECORDS = (
    COMPANIES,
    CONTACTS,
    LEADS,
    PRODUCTS,
    DEALS,
    LINE_ITEMS,
    CALLS,
    EMAILS,
    MEETINGS,
    TASKS,
    COMMUNICATIONS,
)
"""What has a list, a search and an archive in `/crm/v3/objects`."""

OURS = ("lead_source", "lead_campaign", "product_family")
_NO_PROPERTY = {"id", "archived", "archivedAt"}


def modified_by(object_: Object) -> str:
    """The property that moves when a record is edited."""
    return "lastmodifieddate" if object_ is CONTACTS else "hs_lastmodifieddate"


def properties_of(object_: Object, ours: dict[str, str]) -> dict[str, str]:
    """Column -> the property that fills it."""
    return {
        field.name: ours.get(field.name, field.name)
        for field in object_.fields
        if field.name not in _NO_PROPERTY
    }


HISTORIES: dict[str, tuple[Object, tuple[str, ...]]] = {
    "deal_history": (
        DEALS,
        ("dealstage", "amount", "closedate", "hubspot_owner_id", "hs_forecast_probability"),
    ),
    "contact_history": (CONTACTS, ("hs_lead_status",)),
    "lead_history": (LEADS, ("hs_pipeline_stage",)),
}
"""Which object's past is read, and of which properties."""

MERGES: dict[str, Object] = {
    "merged_contacts": CONTACTS,
    "merged_leads": LEADS,
    "merged_deals": DEALS,
}

_ACTIVITIES = (CALLS, EMAILS, MEETINGS, TASKS, COMMUNICATIONS)
LINKS: tuple[tuple[Object, Object], ...] = (
    (DEALS, CONTACTS),
    (DEALS, COMPANIES),
    (LINE_ITEMS, DEALS),
    (DEALS, LEADS),
    (LEADS, CONTACTS),
    *((activity, other) for activity in _ACTIVITIES for other in (CONTACTS, DEALS, LEADS)),
)
"""From and to; those with leads only where the settings say that leads are what the account calls so."""
