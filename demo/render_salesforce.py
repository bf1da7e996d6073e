"""The ledger as records of a Salesforce org, by object and id, as its REST API says them.

Belongs here: how Salesforce keeps what happened: conversion, merges, histories, queues, quotas. Does not
belong here: what the API does with the records (`tests/fakecrm/salesforce.py`).

Salesforce cannot hold all of the ledger; what it loses is listed in DECISIONS.md. One liberty is taken:
an org with product lines makes the amount their sum, here both are the ledger's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from demo import worktime
from demo.company import STAGES
from demo.ledger import Activity, Lead, Ledger, Opportunity, OpportunityState, Target

Record = dict[str, Any]

FIELDS = {
    "Opportunity.LostReason": "Loss_Reason__c",
    "User.LeadCapacity": "Lead_Capacity__c",
    "User.HiredOn": "Hired_On__c",
}
"""The org's own fields, as its section of the settings names them (`fields`)."""

LEAD_STATUS = {
    "new": "Open - Not Contacted",
    "working": "Working - Contacted",
    "qualified": "Qualified",
    "converted": "Closed - Converted",
    "disqualified": "Closed - Not Converted",
}
ROBOT = "the automated process"
"""The user as which flows write."""

_PREFIX = {
    "Organization": "00D", "User": "005", "UserRole": "00E", "Group": "00G", "CurrencyType": "01L",
    "DatedConversionRate": "04w", "Period": "026", "OpportunityStage": "01J", "Product2": "01t",
    "Campaign": "701", "CampaignMember": "00v", "Account": "001", "Contact": "003", "Lead": "00Q",
    "LeadHistory": "017", "Opportunity": "006", "OpportunityHistory": "008", "OpportunityFieldHistory": "01d",
    "OpportunityLineItem": "00k", "Task": "00T", "Event": "00U", "EmailMessage": "02s",
    "ForecastingQuota": "0J9",
}  # fmt: skip
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass
class Face:
    """`objects`: object -> id -> record. `ids`: Salesforce's id -> the ledger's."""

    objects: dict[str, dict[str, Record]]
    ids: dict[str, str] = field(default_factory=dict)


def render(ledger: Ledger) -> Face:
    """All of the ledger, as the org shows it at the ledger's end."""
    return _Org(ledger).face


class _Org:
    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.face = ledger, Face({name: {} for name in _PREFIX if name != "Group"})
        self._numbers: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.leads = {lead.lead_id: lead for lead in ledger.leads}
        self.contacts = {state.contact_id for lead in ledger.leads for state in lead.states}
        self.deal_of_lead: dict[str, str] = {}
        for deal in sorted(ledger.opportunities, key=lambda one: (one.created_at, one.opportunity_id)):
            if deal.lead_id:
                self.deal_of_lead.setdefault(deal.lead_id, deal.opportunity_id)
        self._company()
        self._people()
        for lead in ledger.leads:
            self._lead(lead)
        for deal in ledger.opportunities:
            self._opportunity(deal)
        for activity in ledger.activities:
            self._activity(activity)
        for target in ledger.targets:
            self._quota(target)

    def id(self, object_: str, key: str | None) -> str | None:
        """The 18 characters of a record, the same at every call."""
        if key is None:
            return None
        numbers = self._numbers[object_]
        made = _eighteen(_PREFIX[object_], numbers.setdefault(key, len(numbers) + 1))
        self.face.ids[made] = key
        return made

    def put(self, object_: str, key: str, at: datetime, **fields: Any) -> None:
        own = self.id(object_, key)
        assert own is not None
        self.face.objects[object_][own] = {"Id": own, **fields, "SystemModstamp": instant(at)}

    def owner(self, owner_id: str | None) -> str | None:
        """A record always has an owner: what nobody owns lies in a queue."""
        if owner_id is None or owner_id.startswith("Q-"):
            return self.id("Group", owner_id or "Q-NOBODY")
        return self.id("User", owner_id)

    def _company(self) -> None:
        opening = _at(self.ledger.start)
        self.put("Organization", "the org", opening, Name="Made Up", DefaultCurrencyIsoCode="EUR")
        currencies = sorted({rate.currency for rate in self.ledger.rates})
        for code in ("EUR", *currencies):
            newest = max(
                (rate for rate in self.ledger.rates if rate.currency == code),
                key=lambda rate: rate.valid_from,
                default=None,
            )
            self.put(
                "CurrencyType",
                code,
                opening,
                IsoCode=code,
                ConversionRate=conversion_rate(newest.rate) if newest else 1.0,
                DecimalPlaces=2,
                IsActive=True,
                IsCorporate=code == "EUR",
            )
        for rate in self.ledger.rates:
            self.put(
                "DatedConversionRate",
                f"{rate.currency} {rate.valid_from}",
                opening,
                IsoCode=rate.currency,
                ConversionRate=conversion_rate(rate.rate),
                StartDate=rate.valid_from.isoformat(),
            )
        for number, stage in enumerate(STAGES.values(), start=1):
            self.put(
                "OpportunityStage",
                stage.name,
                opening,
                MasterLabel=stage.name,
                ApiName=stage.name,
                IsActive=True,
                SortOrder=number,
                IsClosed=stage.is_won is not None,
                IsWon=bool(stage.is_won),
                DefaultProbability=float(stage.probability * 100),
            )
        for product in self.ledger.products:
            self.put(
                "Product2",
                product.product_id,
                opening,
                IsDeleted=False,
                Name=product.name,
                Family=product.family,
                IsActive=True,
            )
        for account in self.ledger.accounts:
            self.put(
                "Account",
                account.account_id,
                opening,
                IsDeleted=False,
                MasterRecordId=None,
                Name=account.name,
                Industry=account.industry,
                BillingCountry=account.country,
                BillingCountryCode=account.country,
                Phone="+31 20 555 0100",
            )

    def _people(self) -> None:
        opening = _at(self.ledger.start)
        director, managers = "the director", {}
        for target in self.ledger.targets:
            if target.team_id:
                managers[target.team_id] = f"manager of {target.team_id}"
        self._role("the top", "Sales", None, director)
        for team in self.ledger.teams:
            self._role(team.team_id, team.name, "the top", managers.get(team.team_id))
        self._user(director, "Dana Director", "the top", opening, is_active=True)
        for team_id, manager in managers.items():
            self._user(manager, f"Mo Manager of {team_id}", team_id, opening, is_active=True)
        self._user(ROBOT, "Automated Process", None, opening, is_active=True, user_type="AutomatedProcess")
        for rep in self.ledger.reps:
            self._user(
                rep.rep_id,
                rep.name,
                rep.team_id,
                _at(rep.hired_on),
                is_active=rep.works_on(self.ledger.until),
                Lead_Capacity__c=rep.lead_capacity,
                Hired_On__c=rep.hired_on.isoformat(),
            )

    def _role(self, key: str, name: str, parent: str | None, forecaster: str | None) -> None:
        self.put(
            "UserRole",
            key,
            _at(self.ledger.start),
            Name=name,
            ParentRoleId=self.id("UserRole", parent),
            ForecastUserId=self.id("User", forecaster),
        )

    def _user(
        self,
        key: str,
        name: str,
        role: str | None,
        at: datetime,
        *,
        is_active: bool,
        user_type: str = "Standard",
        **own: Any,
    ) -> None:
        self.put(
            "User",
            key,
            at,
            Name=name,
            Email=f"{key.replace(' ', '.')}@acme.example".lower(),
            UserRoleId=self.id("UserRole", role),
            UserType=user_type,
            IsActive=is_active,
            CreatedDate=instant(at),
            Lead_Capacity__c=own.get("Lead_Capacity__c"),
            Hired_On__c=own.get("Hired_On__c"),
        )

    def _lead(self, lead: Lead) -> None:
        now, is_converted = lead.now, lead.now.converted_at is not None
        converted = now.converted_at
        self.put(
            "Lead",
            lead.lead_id,
            now.changed_at,
            IsDeleted=now.is_deleted or now.duplicate_of is not None,
            MasterRecordId=self.id("Lead", now.duplicate_of),
            Name=f"Prospect {lead.lead_id}",
            Company=f"Company of {lead.lead_id}",
            Email=f"{lead.lead_id}@Example.com",
            Phone="+31 6 5550 0100",
            Description="what was said on the phone",
            OwnerId=self.owner(now.owner_id),
            CreatedDate=instant(lead.created_at),
            Status=LEAD_STATUS[now.status],
            LeadSource=lead.source,
            Industry=lead.industry,
            IsConverted=is_converted,
            ConvertedDate=worktime.local_date(converted).isoformat() if converted else None,
            ConvertedAccountId=self.id("Account", lead.account_id) if is_converted else None,
            ConvertedContactId=self.id("Contact", now.contact_id),
            ConvertedOpportunityId=self.id("Opportunity", self.deal_of_lead.get(lead.lead_id)),
        )
        if converted and now.contact_id:
            self.put(
                "Contact",
                now.contact_id,
                converted,
                IsDeleted=False,
                MasterRecordId=None,
                AccountId=self.id("Account", lead.account_id),
                Name=f"Prospect {lead.lead_id}",
                Email=f"{lead.lead_id}@Example.com",
            )
        self._lead_history(lead)
        if lead.campaign:
            if self.id("Campaign", lead.campaign) not in self.face.objects["Campaign"]:
                self.put(
                    "Campaign", lead.campaign, _at(self.ledger.start), IsDeleted=False, Name=lead.campaign
                )
            self.put(
                "CampaignMember",
                f"{lead.lead_id} in {lead.campaign}",
                lead.created_at,
                IsDeleted=False,
                CampaignId=self.id("Campaign", lead.campaign),
                LeadId=self.id("Lead", lead.lead_id),
                ContactId=self.id("Contact", now.contact_id),
                CreatedDate=instant(lead.created_at),
            )

    def _lead_history(self, lead: Lead) -> None:
        for before, after in zip(lead.states, lead.states[1:], strict=False):
            changes: list[tuple[str, Any, Any]] = []
            if before.status != after.status:
                changes.append(("Status", LEAD_STATUS[before.status], LEAD_STATUS[after.status]))
            if after.converted_at and not before.converted_at:
                changes.append(("leadConverted", None, None))
            if before.owner_id != after.owner_id:
                changes.append(("Owner", self.owner(before.owner_id), self.owner(after.owner_id)))
            self._changes("LeadHistory", "LeadId", self.id("Lead", lead.lead_id), after.changed_at, changes)

    def _changes(
        self,
        object_: str,
        parent: str,
        own: str | None,
        at: datetime,
        changes: Iterable[tuple[str, Any, Any]],
    ) -> None:
        for name, old, new in changes:
            key = f"{own} {name} {new} {instant(at)}"
            self.put(
                object_,
                key,
                at,
                **{parent: own},
                IsDeleted=False,
                Field=name,
                OldValue=old,
                NewValue=new,
                CreatedDate=instant(at),
            )

    def _opportunity(self, deal: Opportunity) -> None:
        now = deal.now
        self.put(
            "Opportunity",
            deal.opportunity_id,
            now.changed_at,
            IsDeleted=now.is_deleted,
            AccountId=self.id("Account", deal.account_id),
            Name=f"Deal {deal.opportunity_id}",
            OwnerId=self.owner(now.owner_id),
            **self._snapshot(deal, now),
            IsClosed=now.is_won is not None,
            IsWon=bool(now.is_won),
            LeadSource=deal.source,
            Loss_Reason__c=now.lost_reason,
            CreatedDate=instant(deal.created_at),
        )
        before: OpportunityState | None = None
        for state in deal.states:
            snapshot = self._snapshot(deal, state)
            if before is None or snapshot != self._snapshot(deal, before):
                self.put(
                    "OpportunityHistory",
                    f"{deal.opportunity_id} at {instant(state.changed_at)}",
                    state.changed_at,
                    OpportunityId=self.id("Opportunity", deal.opportunity_id),
                    **snapshot,
                    CreatedDate=instant(state.changed_at),
                    IsDeleted=now.is_deleted,
                )
            if before is not None and before.owner_id != state.owner_id:
                own = self.id("Opportunity", deal.opportunity_id)
                ids = ("Owner", self.owner(before.owner_id), self.owner(state.owner_id))
                names = ("Owner", f"name of {before.owner_id}", f"name of {state.owner_id}")
                self._changes("OpportunityFieldHistory", "OpportunityId", own, state.changed_at, (names, ids))
            before = state
        for number, line in enumerate(deal.lines, start=1):
            self.put(
                "OpportunityLineItem",
                f"{deal.opportunity_id}/{number}",
                deal.created_at,
                IsDeleted=now.is_deleted,
                OpportunityId=self.id("Opportunity", deal.opportunity_id),
                Product2Id=self.id("Product2", line.product_id),
                Quantity=float(line.quantity),
                UnitPrice=float(line.amount / line.quantity),
                TotalPrice=float(line.amount),
            )

    def _snapshot(self, deal: Opportunity, state: OpportunityState) -> Record:
        """A deal without a probability has the stage's; one date is the expected and the real close."""
        probability = STAGES[state.stage].probability if state.probability is None else state.probability
        return {
            "StageName": state.stage,
            "Amount": None if state.amount is None else float(state.amount),
            "CurrencyIsoCode": deal.currency,
            "Probability": float(probability * 100),
            "CloseDate": (state.closed_on or state.expected_close_on).isoformat(),
        }

    def _activity(self, activity: Activity) -> None:
        at, is_meeting = activity.occurred_at, activity.activity_type == "meeting"
        made_at = activity.planned_at or at
        changed_at = activity.deleted_at or (at if activity.is_completed else made_at)
        common: Record = {
            "IsDeleted": activity.deleted_at is not None,
            "WhoId": self._who(activity),
            "WhatId": self.id("Opportunity", activity.opportunity_id),
            "OwnerId": self.owner(activity.owner_id),
            "CreatedById": self.id("User", ROBOT) if activity.is_automated else self.owner(activity.owner_id),
            "Subject": "what it was about",
            "ActivityDate": worktime.local_date(at).isoformat(),
            "IsRecurrence": False,
            "CreatedDate": instant(made_at),
        }
        if is_meeting:
            self.put(
                "Event",
                activity.activity_id,
                changed_at,
                **common,
                Type="Meeting",
                IsAllDayEvent=False,
                IsChild=False,
                IsRecurrence2=False,
                StartDateTime=instant(at),
            )
            return
        kind = activity.activity_type
        subtype = {"call": "Call", "email": "Email"}.get(kind, "Task")
        spoken = kind in ("call", "message")
        self.put(
            "Task",
            activity.activity_id,
            changed_at,
            **common,
            Type={"message": "Message", "note": "Note", "call": "Call", "email": "Email"}.get(kind),
            TaskSubtype=subtype,
            CallType=activity.direction.capitalize() if spoken else None,
            Status="Completed" if activity.is_completed else "Not Started",
            IsClosed=activity.is_completed,
            CompletedDateTime=instant(at) if activity.is_completed else None,
        )
        if kind == "email":
            self.put(
                "EmailMessage",
                activity.activity_id,
                changed_at,
                IsDeleted=activity.deleted_at is not None,
                ActivityId=self.id("Task", activity.activity_id),
                Incoming=activity.direction == "inbound",
                MessageDate=instant(at),
            )

    def _who(self, activity: Activity) -> str | None:
        """Activities move from a merged lead to the one that is left, from a converted one to the contact."""
        if activity.contact_id in self.contacts and activity.contact_id is not None:
            return self.id("Contact", activity.contact_id)
        lead_id, seen = activity.lead_id, set[str]()
        while lead_id and (next_id := self.leads[lead_id].now.duplicate_of) and lead_id not in seen:
            seen.add(lead_id)
            lead_id = next_id if next_id in self.leads else lead_id
        if lead_id is None:
            return None
        contact_id = self.leads[lead_id].now.contact_id
        return self.id("Contact", contact_id) if contact_id else self.id("Lead", lead_id)

    def _quota(self, target: Target) -> None:
        """Quotas are a user's, of a month or a quarter; a team's is that of who forecasts for its role."""
        if target.period_type == "year":
            return
        owner = target.rep_id or (f"manager of {target.team_id}" if target.team_id else "the director")
        period = f"{target.period_type} {target.period_start}"
        opening = _at(self.ledger.start)
        self.put(
            "Period",
            period,
            opening,
            Type=target.period_type.capitalize(),
            StartDate=target.period_start.isoformat(),
        )
        self.put(
            "ForecastingQuota",
            f"{owner} in {period}",
            opening,
            QuotaOwnerId=self.id("User", owner),
            QuotaAmount=float(target.amount),
            CurrencyIsoCode="EUR",
            StartDate=target.period_start.isoformat(),
            PeriodId=self.id("Period", period),
            IsAmount=True,
        )


def conversion_rate(rate: Decimal) -> float:
    """Units per unit of the corporate currency, with the six decimals that Salesforce keeps."""
    return float(round(1 / rate, 6))


def instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000+0000"


def _at(day: date) -> datetime:
    return datetime.combine(day, time(8), tzinfo=UTC)


def _eighteen(prefix: str, number: int) -> str:
    """Fifteen characters in which case counts, and three that tell the case to who ignores it."""
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    short = f"{prefix}{digits:0>12}"
    suffix = ""
    for start in (0, 5, 10):
        bits = sum(1 << place for place, char in enumerate(short[start : start + 5]) if char.isupper())
        suffix += "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[bits]
    return short + suffix
