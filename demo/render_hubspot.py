"""Show the ledger as the records of a HubSpot account.

Belongs here: which HubSpot object a record of the ledger is, its properties (text, as the API gives them),
their history and the links. Does not belong here: inventing anything that happened (`simulate.py`), or the
API's pages and limits (`tests/fakecrm/hubspot.py`).

A lead of the ledger is a contact; with `leads="leads"` it is a lead object, linked to a contact. What was
merged is not an object any more: `merged_away` holds how it looked before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from demo.company import STAGES
from demo.ledger import Activity, Lead, LeadState, Ledger, Opportunity, OpportunityState

Record = dict[str, Any]
Leads = Literal["contacts", "leads"]

PORTAL = "26001001"
PIPELINE = "default"
LEAD_SOURCE, LEAD_CAMPAIGN, PRODUCT_FAMILY = "lead_source", "lead_campaign", "product_family"
"""The account's own properties, which its settings name."""
SETTINGS = {
    "lead_source": LEAD_SOURCE,
    "lead_campaign": LEAD_CAMPAIGN,
    "product_family": PRODUCT_FAMILY,
}

_ZONE = ZoneInfo("Europe/Amsterdam")
_LEAD_STATUS = {
    "new": "NEW",
    "working": "IN_PROGRESS",
    "qualified": "IN_PROGRESS",
    "converted": "OPEN_DEAL",
    "disqualified": "UNQUALIFIED",
}
_LIFECYCLE = {"qualified": "salesqualifiedlead", "converted": "opportunity"}
_LEAD_STATES = {
    "new": ("new-stage-id", "New", "NEW"),
    "working": ("attempting-stage-id", "Attempting", "IN_PROGRESS"),
    "qualified": ("qualified-stage-id", "Qualified", "QUALIFIED"),
    "converted": ("converted-stage-id", "Converted", "QUALIFIED"),
    "disqualified": ("unqualified-stage-id", "Disqualified", "UNQUALIFIED"),
}
_OBJECT_OF = {
    "call": "calls",
    "email": "emails",
    "meeting": "meetings",
    "task": "tasks",
    "message": "communications",
}
_LINK_TYPE = {
    ("deals", "contacts"): 3,
    ("deals", "companies"): 5,
    ("line_items", "deals"): 20,
    ("leads", "contacts"): 578,
    ("deals", "leads"): 583,
    ("calls", "contacts"): 194,
    ("calls", "deals"): 206,
    ("emails", "contacts"): 198,
    ("emails", "deals"): 210,
    ("meetings", "contacts"): 200,
    ("meetings", "deals"): 212,
    ("tasks", "contacts"): 204,
    ("tasks", "deals"): 216,
    ("communications", "contacts"): 81,
    ("communications", "deals"): 85,
}


@dataclass
class Face:
    """`objects`: by object and id, each as the API gives it, with the history of all its properties under
    `propertiesWithHistory`; besides `owners`, `pipelines/<object>`, `account` and
    `links/<from>/<to>` (id -> id -> numbers of types). `ids`: HubSpot's id -> the ledger's.
    """

    objects: dict[str, dict[str, Record]] = field(default_factory=dict)
    merged_away: dict[str, dict[str, Record]] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, record: Record) -> None:
        self.objects.setdefault(name, {})[record["id"]] = record

    def link(self, from_type: str, from_id: str, to_type: str, to_id: str) -> None:
        number = _LINK_TYPE.get((from_type, to_type), 602)
        self.objects.setdefault(f"links/{from_type}/{to_type}", {}).setdefault(from_id, {})[to_id] = [number]


def render_hubspot(ledger: Ledger, *, leads: Leads = "contacts") -> Face:
    """All records of the ledger that HubSpot has an object for."""
    face = Face()
    ids = _Ids(face)
    face.objects["account"] = {
        PORTAL: {"portalId": int(PORTAL), "companyCurrency": "EUR", "timeZone": "Europe/Amsterdam"}
    }
    _people(ledger, face, ids)
    _pipelines(face)
    for account in ledger.accounts:
        face.put(
            "companies",
            _record(
                ids.of("companies", account.account_id),
                _midnight(ledger.start),
                {"name": account.name, "industry": account.industry, "country": account.country},
            ),
        )
    for product in ledger.products:
        face.put(
            "products",
            _record(
                ids.of("products", product.product_id),
                _midnight(ledger.start),
                {"name": product.name, PRODUCT_FAMILY: product.family, "price": str(product.list_price)},
            ),
        )
    _leads(ledger, face, ids, leads)
    left = {lead.lead_id: lead.now.duplicate_of for lead in ledger.leads}
    for deal in ledger.opportunities:
        _deal(deal, face, ids, leads, left)
    for activity in ledger.activities:
        _activity(activity, face, ids, leads, left)
    return face


_FRONT = {
    "owners": 7_100_000,
    "teams": 5_200_000,
    "companies": 2_000_000_000,
    "contacts": 1_000_000,
    "leads": 4_000_000_000,
    "products": 3_300_000_000,
    "deals": 9_000_000_000,
    "line_items": 6_000_000_000,
    "calls": 31_000_000_000,
    "emails": 32_000_000_000,
    "meetings": 33_000_000_000,
    "tasks": 34_000_000_000,
    "communications": 35_000_000_000,
}


class _Ids:
    """Numbers, as HubSpot has them, in an order that follows from the ledger's; no two objects share one."""

    def __init__(self, face: Face) -> None:
        self._face, self._given = face, dict[tuple[str, str], str]()
        self._last = dict(_FRONT)

    def of(self, name: str, ledger_id: str, *, told: bool = True) -> str:
        """The id of a record; `told`: the ledger's id is what the same record is called in the export."""
        found = self._given.get((name, ledger_id))
        if found is None:
            self._last[name] += 7  # real ids have gaps
            found = str(self._last[name])
            self._given[name, ledger_id] = found
            if told:
                self._face.ids[found] = ledger_id
        return found


def _people(ledger: Ledger, face: Face, ids: _Ids) -> None:
    teams = {team.team_id: team for team in ledger.teams}
    for rep in ledger.reps:
        first, _, last = rep.name.partition(" ")
        team = teams.get(rep.team_id or "")
        face.put(
            "owners",
            {
                "id": ids.of("owners", rep.rep_id),
                "email": f"{rep.rep_id.lower()}@example.com",
                "firstName": first,
                "lastName": last,
                "userId": int(ids.of("owners", rep.rep_id)) + 1,
                "archived": not rep.works_on(ledger.until),
                "createdAt": _iso(_midnight(ledger.start)),
                "updatedAt": _iso(_midnight(ledger.start)),
                "teams": [{"id": ids.of("teams", team.team_id), "name": team.name, "primary": True}]
                if team
                else [],
            },
        )


def _pipelines(face: Face) -> None:
    stages = [
        {
            "id": _stage_id(stage.name),
            "label": stage.name,
            "displayOrder": number,
            "archived": False,
            "metadata": {
                "isClosed": "false" if stage.is_won is None else "true",
                "probability": f"{stage.probability.normalize():f}",
            },
        }
        for number, stage in enumerate(STAGES.values())
    ]
    face.objects["pipelines/deals"] = {
        PIPELINE: {
            "id": PIPELINE,
            "label": "Sales Pipeline",
            "displayOrder": 0,
            "archived": False,
            "stages": stages,
        }
    }
    face.objects["pipelines/leads"] = {
        "lead-pipeline-id": {
            "id": "lead-pipeline-id",
            "label": "Lead pipeline",
            "displayOrder": 0,
            "archived": False,
            "stages": [
                {
                    "id": stage,
                    "label": label,
                    "displayOrder": number,
                    "archived": False,
                    "metadata": {"leadState": state},
                }
                for number, (stage, label, state) in enumerate(_LEAD_STATES.values())
            ],
        }
    }


def _leads(ledger: Ledger, face: Face, ids: _Ids, leads: Leads) -> None:
    won = {
        deal.lead_id: deal.now.changed_at
        for deal in ledger.opportunities
        if deal.lead_id and deal.now.is_won and not deal.now.is_deleted
    }
    merged: dict[str, list[str]] = {}
    for lead in ledger.leads:
        ids.of("contacts", lead.lead_id, told=leads == "contacts")
        if leads == "leads":
            ids.of("leads", lead.lead_id)
        if lead.now.duplicate_of is not None:
            merged.setdefault(lead.now.duplicate_of, []).append(lead.lead_id)
    for lead in ledger.leads:
        contact = _contact(lead, face, ids, won.get(lead.lead_id))
        pairs = [("contacts", contact)]
        if leads == "leads":
            pairs.append(("leads", _lead_object(lead, ids)))
        for name, record in pairs:
            if name in merged_objects(leads) and lead.lead_id in merged:
                swallowed = ";".join(ids.of(name, other) for other in merged[lead.lead_id])
                record["properties"]["hs_merged_object_ids"] = swallowed
            if lead.now.duplicate_of is not None and name in merged_objects(leads):
                face.merged_away.setdefault(name, {})[record["id"]] = record
            else:
                face.put(name, record)
        if leads == "leads" and lead.now.duplicate_of is None:
            face.link("leads", ids.of("leads", lead.lead_id), "contacts", contact["id"])


def merged_objects(leads: Leads) -> tuple[str, ...]:
    """Where one record of several is left: two contacts who are one person; two lead objects of one."""
    return ("contacts",) if leads == "contacts" else ("leads",)


def _contact(lead: Lead, face: Face, ids: _Ids, won_at: datetime | None) -> Record:
    now = lead.now
    lifecycle = "customer" if won_at else _LIFECYCLE.get(now.status, "lead")
    return _record(
        ids.of("contacts", lead.lead_id),
        lead.created_at,
        {
            "firstname": "Sam",
            "lastname": f"Example {lead.lead_id}",
            "email": f"{lead.lead_id.lower()}@example.com",
            "phone": "+31 20 5550100",
            "hubspot_owner_id": _owner(now.owner_id, ids),
            "lifecyclestage": lifecycle,
            "hs_lead_status": _LEAD_STATUS[now.status],
            "industry": lead.industry,
            "associatedcompanyid": ids.of("companies", lead.account_id) if lead.account_id else None,
            "hs_v2_date_entered_opportunity": _iso(now.converted_at) if now.converted_at else None,
            "hs_lifecyclestage_customer_date": _iso(won_at) if won_at else None,
            LEAD_SOURCE: lead.source,
            LEAD_CAMPAIGN: lead.campaign,
        },
        modified_at=now.changed_at,
        modified_by="lastmodifieddate",
        archived_at=now.changed_at if now.is_deleted else None,
        history={"hs_lead_status": _changes(lead.states, lambda state: _LEAD_STATUS[state.status])},
    )


def _lead_object(lead: Lead, ids: _Ids) -> Record:
    def stage(state: LeadState) -> str:
        return _LEAD_STATES[state.status][0]

    now = lead.now
    return _record(
        ids.of("leads", lead.lead_id),
        lead.created_at,
        {
            "hs_lead_name": f"Lead {lead.lead_id}",
            "hubspot_owner_id": _owner(now.owner_id, ids),
            "hs_pipeline": "lead-pipeline-id",
            "hs_pipeline_stage": stage(now),
            LEAD_SOURCE: lead.source,
            LEAD_CAMPAIGN: lead.campaign,
        },
        created_by="hs_createdate",
        modified_at=now.changed_at,
        archived_at=now.changed_at if now.is_deleted else None,
        history={"hs_pipeline_stage": _changes(lead.states, stage)},
    )


def _deal(deal: Opportunity, face: Face, ids: _Ids, leads: Leads, left: Mapping[str, str | None]) -> None:
    deal_id, now = ids.of("deals", deal.opportunity_id), deal.now
    history = {
        "dealstage": _changes(deal.states, lambda state: _stage_id(state.stage)),
        "amount": _changes(deal.states, lambda state: _number(state.amount)),
        "closedate": _changes(deal.states, _close_date),
        "hubspot_owner_id": _changes(deal.states, lambda state: _owner(state.owner_id, ids)),
        "hs_forecast_probability": _changes(deal.states, _believed),
    }
    current = {name: changes[0]["value"] or None for name, changes in history.items() if changes}
    face.put(
        "deals",
        _record(
            deal_id,
            deal.created_at,
            {
                "dealname": f"Deal {deal.opportunity_id}",
                "pipeline": PIPELINE,
                "deal_currency_code": deal.currency,
                "hs_deal_stage_probability": _number(STAGES[now.stage].probability),
                "closed_lost_reason": now.lost_reason,
                LEAD_SOURCE: deal.source,
                **current,
            },
            modified_at=now.changed_at,
            archived_at=now.changed_at if now.is_deleted else None,
            history=history,
        ),
    )
    if deal.account_id:
        face.link("deals", deal_id, "companies", ids.of("companies", deal.account_id))
    _link_person("deals", deal_id, deal.lead_id, face, ids, leads, left)
    for number, line in enumerate(deal.lines):
        line_id = ids.of("line_items", f"{deal.opportunity_id}/{number}", told=False)
        face.put(
            "line_items",
            _record(
                line_id,
                deal.created_at,
                {
                    "hs_product_id": ids.of("products", line.product_id),
                    "quantity": str(line.quantity),
                    "amount": _number(line.amount),
                },
            ),
        )
        face.link("line_items", line_id, "deals", deal_id)


def _activity(
    activity: Activity, face: Face, ids: _Ids, leads: Leads, left: Mapping[str, str | None]
) -> None:
    """A note is no contact moment and not read; what a prospect writes in a chat is no object of the CRM."""
    name = _OBJECT_OF.get(activity.activity_type)
    if name is None or (name == "communications" and activity.direction == "inbound"):
        return
    activity_id = ids.of(name, activity.activity_id)
    is_inbound, is_done = activity.direction == "inbound", activity.is_completed
    own_of: dict[str, dict[str, str | None]] = {
        "calls": {
            "hs_call_direction": "INBOUND" if is_inbound else "OUTBOUND",
            "hs_call_status": "COMPLETED" if is_done else "QUEUED",
            "hs_call_title": "Call about the offer",
        },
        "emails": {
            "hs_email_direction": "INCOMING_EMAIL" if is_inbound else "EMAIL",
            "hs_email_status": "SENT" if is_done else "SCHEDULED",
            "hs_email_subject": "The offer",
        },
        "meetings": {
            "hs_meeting_start_time": _iso(activity.occurred_at),
            "hs_meeting_outcome": "COMPLETED" if is_done else "CANCELED",
        },
        "tasks": {"hs_task_status": "COMPLETED" if is_done else "NOT_STARTED"},
        "communications": {"hs_communication_channel_type": "WHATS_APP"},
    }
    created_at = activity.planned_at or activity.occurred_at
    face.put(
        name,
        _record(
            activity_id,
            created_at,
            {
                "hubspot_owner_id": _owner(activity.owner_id, ids),
                "hs_timestamp": _iso(activity.occurred_at),
                "hs_object_source": "AUTOMATION_PLATFORM" if activity.is_automated else "CRM_UI",
                **own_of[name],
            },
            created_by="hs_createdate",
            modified_at=activity.deleted_at or (activity.occurred_at if is_done else created_at),
            archived_at=activity.deleted_at,
        ),
    )
    person = activity.lead_id or (f"L{activity.contact_id[1:]}" if activity.contact_id else None)
    _link_person(name, activity_id, person, face, ids, leads, left)
    if activity.opportunity_id:
        face.link(name, activity_id, "deals", ids.of("deals", activity.opportunity_id))


def _link_person(
    name: str,
    record_id: str,
    lead_id: str | None,
    face: Face,
    ids: _Ids,
    leads: Leads,
    left: Mapping[str, str | None],
) -> None:
    """A merge takes the links along."""
    if lead_id is None:
        return
    survivor = lead_id
    while left[survivor] is not None:
        survivor = left[survivor] or survivor
    person = survivor if leads == "contacts" else lead_id
    face.link(name, record_id, "contacts", ids.of("contacts", person))
    if leads == "leads":
        face.link(name, record_id, "leads", ids.of("leads", survivor))


def _record(
    record_id: str,
    created_at: datetime,
    properties: dict[str, str | None],
    *,
    created_by: str = "createdate",
    modified_at: datetime | None = None,
    modified_by: str = "hs_lastmodifieddate",
    archived_at: datetime | None = None,
    history: dict[str, list[Record]] | None = None,
) -> Record:
    modified_at = modified_at or created_at
    record: Record = {
        "id": record_id,
        "properties": {
            "hs_object_id": record_id,
            created_by: _iso(created_at),
            modified_by: _iso(modified_at),
            **properties,
        },
        "createdAt": _iso(created_at),
        "updatedAt": _iso(modified_at),
        "archived": archived_at is not None,
    }
    if archived_at is not None:
        record["archivedAt"] = _iso(archived_at)
    if history:
        record["propertiesWithHistory"] = history
    return record


def _changes(states: Iterable[Any], value_of: Any) -> list[Record]:
    """The values that a property had, the newest first, as the API gives them; empty text is no value."""

    def entries() -> Iterator[Record]:
        before: str | None = None
        for state in states:
            value = value_of(state) or ""
            if value != before and not (before is None and value == ""):
                yield {
                    "value": value,
                    "timestamp": _iso(state.changed_at),
                    "sourceType": "CRM_UI",
                    "sourceId": "userId:1",
                }
                before = value

    return list(entries())[::-1]


def _close_date(state: OpportunityState) -> str:
    """HubSpot has one date: the expected close while a deal is open, the day it was decided after that."""
    return _iso(_noon(state.closed_on or state.expected_close_on))


def _believed(state: OpportunityState) -> str | None:
    """What the owner believes instead of the stage's own probability."""
    default = STAGES[state.stage]
    if state.probability is None or state.probability == default.probability or default.is_won is not None:
        return None
    return _number(state.probability)


def _owner(owner_id: str | None, ids: _Ids) -> str | None:
    """There are no queues: what waits in one belongs to nobody."""
    if owner_id is None or owner_id.startswith("Q-"):
        return None
    return ids.of("owners", owner_id)


def _stage_id(name: str) -> str:
    return name.lower().replace(" ", "")


def _number(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _noon(day: date) -> datetime:
    local = datetime.combine(day, time(12), tzinfo=_ZONE)
    return local.astimezone(UTC).replace(tzinfo=None)


def _iso(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03}Z"
