"""What is read of CRMs, held against what must happen to it when a person is forgotten."""

from __future__ import annotations

import re

import pytest

from orchestration.ingest.crm.kind import CrmKind
from orchestration.ingest.crm.objects import LOAD_COLUMNS, Object, declare
from orchestration.ingest.registry import KINDS

OBJECTS = {
    f"{kind.CRM}.{one.name}": one
    for kind in KINDS.values()
    if isinstance(kind, CrmKind)
    for one in kind.TABLES.values()
}
_DEAL = "a deal stays, with what belongs to it; nobody wrote of the person in it"
EXCEPTIONS: dict[str, str] = {
    # <crm>.<object>.<field>: why nothing happens to it
    "salesforce.Opportunity.Id": _DEAL,
    "salesforce.OpportunityHistory.Id": _DEAL,
    "salesforce.OpportunityHistory.OpportunityId": _DEAL,
    "salesforce.OpportunityFieldHistory.OpportunityId": _DEAL,
    "salesforce.OpportunityLineItem.OpportunityId": _DEAL,
    "salesforce.LeadHistory.Id": "of the entry; its LeadId goes with the lead",
    "salesforce.Account.MasterRecordId": "an account's; a person's account is told by PersonContactId",
    "hubspot.deal_history.id": _DEAL,
    "hubspot.deals.hs_merged_object_ids": _DEAL,
    "hubspot.merged_deals.id": _DEAL,
    "hubspot.merged_deals.into_id": _DEAL,
    "pipedrive.deals.id": _DEAL,
    "pipedrive.deal_products.deal_id": _DEAL,
    "pipedrive.deal_changes.deal_id": _DEAL,
    "pipedrive.deals_followed.deal_id": _DEAL,
}
_NAMED = re.compile(r"(lead|contact|person|prospect|who|deal|opportunity|masterrecord)_?ids?$", re.IGNORECASE)
_ITSELF = re.compile(r"(lead|contact|person|deal|opportunity|opportunitie)s?(_?history)?$", re.IGNORECASE)
_PERSONAL = re.compile(
    r"(^|_)(phone|mobile|fax|first_?name|last_?name|subject|body|description|note|notes|text|content|address"
    r"|street|birth\w*)($|_)|(phone|mobilephone|firstname|lastname)$",
    re.IGNORECASE,
)


def ids_of_people(one: Object) -> set[str]:
    """The fields whose name says that a lead, contact or deal is meant, by itself or by the object's name."""
    named = {field.name for field in one.fields if _NAMED.search(field.name)}
    if _ITSELF.search(one.name):
        named |= {field.name for field in one.fields if field.is_key and field.name.lower() == "id"}
    return named


def untreated(one: Object) -> set[str]:
    treated = {field for field, _ in (*one.goes_with, *one.loses)} | {*one.kept_by, one.deal}
    treated |= {field for _, (field, _) in one.clears}
    return set() if one.of_employees else ids_of_people(one) - treated


@pytest.mark.parametrize("name", OBJECTS)
def test_whatever_names_a_person_goes_or_is_emptied_with_it(name: str) -> None:
    left = {f"{name}.{field}" for field in untreated(OBJECTS[name])} - EXCEPTIONS.keys()
    assert not left, "declare goes_with, loses, kept_by or deal, or say here why nothing happens"


def test_no_exception_outlives_its_field() -> None:
    crms = {name.partition(".")[0] for name in OBJECTS}
    fields = {f"{name}.{field.name}" for name, one in OBJECTS.items() for field in one.fields}
    treated = {
        f"{name}.{field}" for name, one in OBJECTS.items() for field, _ in (*one.goes_with, *one.loses)
    }
    known = {name for name in EXCEPTIONS if name.partition(".")[0] in crms}
    assert known <= fields - treated


@pytest.mark.parametrize("name", OBJECTS)
def test_a_record_with_an_address_says_who_it_is(name: str) -> None:
    """By the address its id is found: only so are its versions without the address forgotten too."""
    one = OBJECTS[name]
    if one.of_employees or not any(field.kind == "email" for field in one.fields):
        return
    assert {field for field, _ in one.same_person} & set(one.key)
    assert {field for field, _ in one.goes_with} & set(one.key)


@pytest.mark.parametrize("name", OBJECTS)
def test_a_deal_stays(name: str) -> None:
    one = OBJECTS[name]
    assert not [field for field, kind in one.goes_with if kind in ("opportunity", "account", "email")]


@pytest.mark.parametrize("name", OBJECTS)
def test_what_is_not_needed_for_a_number_is_not_asked_for(name: str) -> None:
    one = OBJECTS[name]
    if one.of_employees:
        return
    assert not [field.name for field in one.fields if _PERSONAL.search(field.name)]
    assert not [
        field.name for field in one.fields if field.kind != "email" and field.name.lower().endswith("email")
    ]


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_has_a_key_and_no_field_of_ours(name: str) -> None:
    one = OBJECTS[name]
    assert one.key
    names = [column.casefold() for column, _ in one.columns()]
    assert len(names) == len(set(names))
    assert not {field.name for field in one.fields} & {column for column, _ in LOAD_COLUMNS}


def test_these_looks_see() -> None:
    """With no CRM registered, or a pattern that finds nothing, the others would pass unread."""
    made = declare("Leads", "Id!", "ContactId", "who_id", "DealId", "Name", goes_with={"Id": "lead"})
    assert untreated(made) == {"ContactId", "who_id", "DealId"}
    assert untreated(declare("deals", "id!", "person_id")) == {"id", "person_id"}
    assert untreated(declare("stages", "id!", "pipeline_id")) == set()
    assert all(_PERSONAL.search(name) for name in ("phone", "MobilePhone", "first_name", "Subject", "body"))
    assert not any(_PERSONAL.search(name) for name in ("Name", "StageName", "hs_lead_status", "context"))
