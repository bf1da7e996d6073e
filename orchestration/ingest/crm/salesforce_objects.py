"""What is read of a Salesforce org: objects and fields in its own spelling.

Belongs here: the declaration, which of it an org must show and which it may lack without a word. Does not
belong here: asking for it (`salesforce.py`), or what it means (`models/staging/salesforce/`).

No name of a lead or contact, no phone number, subject or description is asked for. A field that ends in `_z`
is none of Salesforce's: it stands for a field of the org's own, which the settings name (`fields`).
"""

from __future__ import annotations

from orchestration.errors import SettingsError
from orchestration.ingest.crm.objects import Object, declare
from orchestration.ingest.tombstones import Kind as RecordKind
from orchestration.setting_sources import SalesforceLandedSource, SalesforceSource

_OF_A_PERSON: tuple[RecordKind, ...] = ("lead", "contact")

OBJECTS: tuple[Object, ...] = (
    declare("Organization", "Id!", "DefaultCurrencyIsoCode"),
    declare(
        "UserRole",
        "Id!",
        "Name",
        "ParentRoleId",
        "ForecastUserId",
        "SystemModstamp instant",
        of_employees=True,
    ),
    declare(
        "User",
        "Id!",
        "Name",
        "UserRoleId",
        "UserType",
        "IsActive boolean",
        "CreatedDate instant",
        "LeadCapacity_z integer",
        "HiredOn_z calendar_date",
        "SystemModstamp instant",
        of_employees=True,
    ),
    declare("CurrencyType", "Id!", "IsoCode", "ConversionRate number", "IsCorporate boolean"),
    declare(
        "DatedConversionRate",
        "Id!",
        "IsoCode",
        "ConversionRate number",
        "StartDate calendar_date",
        "SystemModstamp instant",
    ),
    declare("Period", "Id!", "Type", "StartDate calendar_date", "SystemModstamp instant"),
    declare(
        "OpportunityStage",
        "Id!",
        "ApiName",
        "MasterLabel",
        "SortOrder integer",
        "IsActive boolean",
        "IsClosed boolean",
        "IsWon boolean",
        "DefaultProbability number",
        "SystemModstamp instant",
    ),
    declare("Product2", "Id!", "IsDeleted boolean", "Name", "Family", "SystemModstamp instant"),
    declare("Campaign", "Id!", "IsDeleted boolean", "Name", "SystemModstamp instant"),
    declare(
        "Account",
        "Id!",
        "IsDeleted boolean",
        "MasterRecordId",
        "Name",
        "IsPersonAccount boolean",
        "PersonContactId",
        "Industry",
        "BillingCountry",
        "BillingCountryCode",
        "SystemModstamp instant",
        loses={"PersonContactId": "contact"},
        clears={"Name": (("Id", "account"), ("PersonContactId", "contact"))},
    ),
    declare(
        "Contact",
        "Id!",
        "IsDeleted boolean",
        "MasterRecordId",
        "AccountId",
        "Email email",
        "SystemModstamp instant",
        goes_with={"Id": "contact", "MasterRecordId": "contact"},
        same_person={"Id": "contact", "MasterRecordId": "contact"},
        account="AccountId",
    ),
    declare(
        "Lead",
        "Id!",
        "IsDeleted boolean",
        "MasterRecordId",
        "OwnerId",
        "CreatedDate instant",
        "Status",
        "LeadSource",
        "Industry",
        "Email email",
        "IsConverted boolean",
        "ConvertedDate calendar_date",
        "ConvertedAccountId",
        "ConvertedContactId",
        "ConvertedOpportunityId",
        "SystemModstamp instant",
        goes_with={"Id": "lead", "MasterRecordId": "lead", "ConvertedContactId": "contact"},
        same_person={"Id": "lead", "MasterRecordId": "lead", "ConvertedContactId": "contact"},
        account="ConvertedAccountId",
        deal="ConvertedOpportunityId",
    ),
    declare(
        "LeadHistory",
        "Id!",
        "IsDeleted boolean",
        "LeadId",
        "Field",
        "OldValue",
        "NewValue",
        "CreatedDate instant",
        goes_with={"LeadId": "lead"},
    ),
    declare(
        "CampaignMember",
        "Id!",
        "IsDeleted boolean",
        "CampaignId",
        "LeadId",
        "CreatedDate instant",
        "SystemModstamp instant",
        goes_with={"LeadId": "lead"},
    ),
    declare(
        "Opportunity",
        "Id!",
        "IsDeleted boolean",
        "AccountId",
        "OwnerId",
        "StageName",
        "Amount amount",
        "CurrencyIsoCode",
        "Probability number",
        "CloseDate calendar_date",
        "IsClosed boolean",
        "IsWon boolean",
        "LeadSource",
        "LostReason_z",
        "CreatedDate instant",
        "SystemModstamp instant",
        clears={"LostReason_z": ("Id", "opportunity")},
    ),
    declare(
        "OpportunityHistory",
        "Id!",
        "OpportunityId",
        "StageName",
        "Amount amount",
        "CurrencyIsoCode",
        "Probability number",
        "CloseDate calendar_date",
        "CreatedDate instant",
        "SystemModstamp instant",
    ),
    declare(
        "OpportunityFieldHistory",
        "Id!",
        "OpportunityId",
        "Field",
        "OldValue",
        "NewValue",
        "CreatedDate instant",
    ),
    declare(
        "OpportunityLineItem",
        "Id!",
        "IsDeleted boolean",
        "OpportunityId",
        "Product2Id",
        "Quantity number",
        "TotalPrice amount",
        "SystemModstamp instant",
    ),
    declare(
        "Task",
        "Id!",
        "IsDeleted boolean",
        "WhoId",
        "WhatId",
        "OwnerId",
        "CreatedById",
        "Type",
        "TaskSubtype",
        "CallType",
        "Status",
        "IsClosed boolean",
        "IsRecurrence boolean",
        "ActivityDate calendar_date",
        "CompletedDateTime instant",
        "CreatedDate instant",
        "Direction_z",
        "IsAutomated_z boolean",
        "SystemModstamp instant",
        goes_with={"WhoId": _OF_A_PERSON},
        kept_by=("WhatId",),
    ),
    declare(
        "Event",
        "Id!",
        "IsDeleted boolean",
        "WhoId",
        "WhatId",
        "OwnerId",
        "CreatedById",
        "Type",
        "IsAllDayEvent boolean",
        "IsChild boolean",
        "IsRecurrence boolean",
        "IsRecurrence2 boolean",
        "ActivityDate calendar_date",
        "StartDateTime instant",
        "CreatedDate instant",
        "Direction_z",
        "IsCompleted_z boolean",
        "SystemModstamp instant",
        goes_with={"WhoId": _OF_A_PERSON},
        kept_by=("WhatId",),
    ),
    declare(
        "EmailMessage",
        "Id!",
        "IsDeleted boolean",
        "ActivityId",
        "Incoming boolean",
        "MessageDate instant",
        "SystemModstamp instant",
    ),
    declare(
        "ForecastingQuota",
        "Id!",
        "QuotaOwnerId",
        "QuotaAmount amount",
        "CurrencyIsoCode",
        "StartDate calendar_date",
        "PeriodId",
        "IsAmount boolean",
        "SystemModstamp instant",
    ),
)
"""In the order in which they are asked for."""

ONLY: dict[str, str] = {
    # of the histories only what a number needs: the others' values may be anything, such as a name
    "LeadHistory": "Field IN ('Status', 'leadConverted')",
    "OpportunityFieldHistory": "Field IN ('Owner', 'OwnerId')",
    # the others are customers' own, partners and machines; machines are needed to know what they wrote
    "User": "UserType IN ('Standard', 'AutomatedProcess', 'CloudIntegrationUser')",
}
"""The condition under which rows of an object are asked for."""

REQUIRED: dict[str, tuple[str, ...]] = {
    "User": ("Id", "Name", "IsActive"),
    "Lead": ("Id", "IsDeleted", "OwnerId", "CreatedDate", "Status", "IsConverted", "ConvertedOpportunityId"),
    "Opportunity": (
        "Id",
        "IsDeleted",
        "OwnerId",
        "CreatedDate",
        "StageName",
        "Amount",
        "CloseDate",
        "IsClosed",
        "IsWon",
    ),
    "OpportunityHistory": ("Id", "OpportunityId", "CreatedDate", "StageName", "Amount", "CloseDate"),
    "Account": ("Id", "IsDeleted"),
    "Task": ("Id", "IsDeleted", "WhoId", "WhatId", "OwnerId", "IsClosed", "ActivityDate", "CreatedDate"),
    "Event": ("Id", "IsDeleted", "WhoId", "WhatId", "OwnerId", "StartDateTime"),
}
"""What no number can do without; of other objects, their key."""

OF_A_FEATURE = {
    "CurrencyIsoCode",  # several currencies
    "BillingCountryCode",  # country picklists
    "IsPersonAccount",
    "PersonContactId",
    "IsRecurrence2",
    "TaskSubtype",
    "UserType",
    "CurrencyType",
    "DatedConversionRate",
    "EmailMessage",
    "ForecastingQuota",
    "Period",
}
"""Fields and objects that an org need not have: nothing is said where they are absent."""

COSTS: dict[str, dict[str, str]] = {
    "LeadHistory": {"": "nobody knows when a lead was disqualified, and of a conversion only the day"},
    "OpportunityFieldHistory": {"": "earlier owners of an opportunity are known from the first run on"},
    "CampaignMember": {"": "leads have no campaign"},
    "Campaign": {"": "leads have no campaign"},
    "OpportunityLineItem": {"": "no number is split by product"},
    "Product2": {"": "products have no names"},
    "UserRole": {"": "there are no teams"},
    "Contact": {"": "activities with a merged contact lose their lead"},
    "OpportunityStage": {"": "nothing: stages are judged by seeds/stage_map.csv"},
    "Organization": {"": "amounts count as the company's currency"},
}
"""What goes without an object, as the end of "without it"."""


def as_asked(source: SalesforceSource | SalesforceLandedSource, name: str) -> dict[str, dict[str, str]]:
    """By object: our field -> Salesforce's own. Raises `SettingsError` for a key of `fields` that is none."""
    own = {
        f"{object_.name}.{field.name.removesuffix('_z')}"
        for object_ in OBJECTS
        for field in object_.fields
        if field.name.endswith("_z")
    }
    if unknown := sorted(set(source.fields) - own):
        raise SettingsError(
            f"sources.{name}.fields: {', '.join(unknown)} is nothing that a field can be given for;"
            f" there are {', '.join(sorted(own))}."
        )
    asked: dict[str, dict[str, str]] = {}
    for object_ in OBJECTS:
        asked[object_.name] = fields = {}
        for field in object_.fields:
            if not field.name.endswith("_z"):
                fields[field.name] = field.name
            elif theirs := source.fields.get(f"{object_.name}.{field.name.removesuffix('_z')}"):
                fields[field.name] = theirs
    return asked
