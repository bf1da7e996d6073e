"""Show the ledger as what a Pipedrive company holds at its end.

Belongs here: the records in Pipedrive's own shape, by list and id, and which id became which. Does not belong
here: how they are asked for (`tests/fakecrm/pipedrive.py`), or inventing anything that happened.

What Pipedrive cannot hold is lost on the way: `as_pipedrive_knows` is the ledger without it. `DECISIONS.md`
says what and why.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from demo import worktime
from demo.company import EXISTING_CUSTOMER, INDUSTRIES, SOURCES, STAGES, UNKNOWN_OWNER
from demo.ledger import Activity, Lead, Ledger, Opportunity, OpportunityState, Target

Record = dict[str, Any]

CAMPAIGN, STATUS = "Campaign", "Lead status"
"""Fields of the company's own, on leads and deals; the channel says the source."""
_KEYS = {name: uuid.uuid5(uuid.NAMESPACE_OID, name).hex + "0" * 8 for name in (CAMPAIGN, "Industry", STATUS)}
ORIGIN = "API"
"""By which way a record came, where no channel is given: Pipedrive always knows that."""
_CLOSED = {"Closed Won": "won", "Closed Lost": "lost"}
_CURRENCIES = {"EUR": 1, "USD": 2, "GBP": 3, "CHF": 4}
_DELETED_SHOWN = timedelta(days=30)
_ARCHIVED_AFTER = timedelta(days=180)
_EPOCH = datetime(1582, 10, 15, tzinfo=UTC)


@dataclass
class Pipedrive:
    """`lists`: records by list and id. `ids`: the ledger's id -> Pipedrive's, also of what has no record."""

    lists: dict[str, dict[str, Record]] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, record: Record) -> None:
        self.lists.setdefault(name, {})[str(record["id"])] = record


def as_pipedrive_knows(ledger: Ledger) -> Ledger:
    """The ledger without what Pipedrive cannot hold, with ids and stages as in Pipedrive."""
    ids = _ids(ledger)
    deals = [deal for deal in ledger.opportunities if not _is_long_gone(deal, ledger)]
    converted: dict[str, Opportunity] = {}
    for deal in deals:
        if deal.lead_id is not None:
            converted.setdefault(deal.lead_id, deal)
    leads = []
    for lead in ledger.leads:
        its_deal = converted.get(lead.lead_id)
        if its_deal is None and any(d.lead_id == lead.lead_id for d in ledger.opportunities):
            continue  # it became a deal that was deleted long ago
        if lead.now.is_deleted or lead.now.duplicate_of is not None:
            continue
        leads.append(_lead_as_known(lead, its_deal, ids))
    return replace(
        ledger,
        teams=[replace(team, team_id=ids[team.team_id], region="") for team in ledger.teams],
        reps=[
            replace(
                rep,
                rep_id=ids[rep.rep_id],
                team_id=ids[rep.team_id] if rep.team_id else None,
                lead_capacity=None,
            )
            for rep in ledger.reps
        ],
        products=[replace(product, product_id=ids[product.product_id]) for product in ledger.products],
        accounts=[replace(account, account_id=ids[account.account_id]) for account in ledger.accounts],
        leads=leads,
        opportunities=[_deal_as_known(deal, converted, ids) for deal in deals],
        activities=[
            replace(
                activity,
                activity_id=ids[activity.activity_id],
                owner_id=ids[activity.owner_id or UNKNOWN_OWNER],
                contact_id=ids[activity.contact_id] if activity.contact_id else None,
                **_links(activity, converted, ids),
            )
            for activity in ledger.activities
            if not activity.is_automated
        ],
        targets=[
            replace(
                target,
                rep_id=ids[target.rep_id] if target.rep_id else None,
                team_id=ids[target.team_id] if target.team_id else None,
            )
            for target in ledger.targets
        ],
    )


def render_pipedrive(ledger: Ledger) -> Pipedrive:
    """What Pipedrive shows of the ledger at its end."""
    ids = _ids(ledger)
    known = as_pipedrive_knows(ledger)
    shown = Pipedrive(ids=ids)
    _add_company(shown, ledger, ids)
    _add_fields(shown)
    by_lead = {deal.lead_id: deal for deal in known.opportunities if deal.lead_id}
    leads = {lead.lead_id: lead for lead in known.leads}
    for lead in known.leads:
        if lead.lead_id not in by_lead:
            shown.add("leads", _lead(lead))
    line_number = 0
    for deal in known.opportunities:
        shown.add("deals", _deal(deal, leads.get(deal.lead_id or ""), known))
        shown.lists.setdefault("changelog", {})[deal.opportunity_id] = {"entries": _changes(deal)}
        for line in deal.lines:
            line_number += 1
            shown.add(
                "deal_products",
                {
                    "id": line_number,
                    "deal_id": int(deal.opportunity_id),
                    "product_id": int(line.product_id),
                    "item_price": float(line.amount / line.quantity),
                    "quantity": line.quantity,
                    "sum": float(line.amount),
                    "is_enabled": True,
                },
            )
    for activity in known.activities:
        if activity.deleted_at is None:
            shown.add("activities", _activity(activity))
    people: dict[str, str | None] = {}
    for lead in known.leads:
        if lead.now.contact_id:
            people[lead.now.contact_id] = lead.account_id
    for person, organization in people.items():
        shown.add(
            "persons",
            {
                "id": int(person),
                "name": f"Person {person}",
                "org_id": _number(organization),
                "emails": [{"value": f"person{person}@example.com", "primary": True, "label": "work"}],
                "phones": [{"value": "+31 20 000 0000", "primary": True, "label": "work"}],
                "add_time": _instant(ledger.end),
                "update_time": _instant(ledger.end),
                "is_deleted": False,
            },
        )
    return shown


def settings_of(api: str) -> dict[str, Any]:
    """The source's section in `zeven.toml` for this company."""
    return {
        "kind": "pipedrive",
        "api": api,
        "campaign_field": CAMPAIGN,
        "industry_field": "Industry",
        "status_field": STATUS,
    }


def _ids(ledger: Ledger) -> dict[str, str]:
    """Numbers, and for leads a UUID that holds the time of creation, as Pipedrive's do."""
    ids: dict[str, str] = {UNKNOWN_OWNER: "999999"}
    numbered: tuple[tuple[int, Iterable[str]], ...] = (
        (1, (team.team_id for team in ledger.teams)),
        (101, (rep.rep_id for rep in ledger.reps)),
        (1, (product.product_id for product in ledger.products)),
        (1001, (account.account_id for account in ledger.accounts)),
        (1, (deal.opportunity_id for deal in ledger.opportunities)),
        (1, (activity.activity_id for activity in ledger.activities)),
        (5001, (f"C{lead.lead_id[1:]}" for lead in ledger.leads)),
        (900_001, (f"Q-{team.region.upper()}" for team in ledger.teams)),
    )
    for start, found in numbered:
        for number, key in enumerate(found, start):
            ids[key] = str(number)
    for place, lead in enumerate(ledger.leads):
        ids[lead.lead_id] = str(_uuid(lead.created_at, place))
    for activity in ledger.activities:  # of a lead from before the first day
        if activity.lead_id is not None and activity.lead_id not in ids:
            ids[activity.lead_id] = str(_uuid(activity.occurred_at, len(ids)))
        if activity.contact_id is not None and activity.contact_id not in ids:
            ids[activity.contact_id] = str(len(ids))
    return ids


def _uuid(at: datetime, number: int) -> uuid.UUID:
    ticks = int((at.replace(tzinfo=at.tzinfo or UTC) - _EPOCH) / timedelta(microseconds=1)) * 10
    return uuid.UUID(
        fields=(
            ticks & 0xFFFFFFFF,
            ticks >> 32 & 0xFFFF,
            ticks >> 48 & 0x0FFF | 0x1000,
            0x80 | number >> 8 & 0x3F,
            number & 0xFF,
            0x05D71F000000 | number,
        )
    )


def _naive(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def _is_long_gone(deal: Opportunity, ledger: Ledger) -> bool:
    return deal.now.is_deleted and deal.now.changed_at < ledger.end - _DELETED_SHOWN


def _lead_as_known(lead: Lead, deal: Opportunity | None, ids: dict[str, str]) -> Lead:
    if deal is not None:
        states = [
            replace(
                lead.now,
                owner_id=ids[deal.states[0].owner_id or UNKNOWN_OWNER],
                status="converted",
                converted_at=deal.created_at,
                contact_id=ids[lead.now.contact_id] if lead.now.contact_id else None,
            )
        ]
    else:
        # what was converted into nothing is still a lead
        last = [state for state in lead.states if state.status != "converted"][-1]
        states = [
            replace(last, owner_id=ids[last.owner_id or UNKNOWN_OWNER], contact_id=None, converted_at=None)
        ]
    return replace(
        lead,
        lead_id=ids[lead.lead_id],
        source=lead.source or ORIGIN,
        account_id=ids[lead.account_id] if lead.account_id else None,
        states=states,
    )


def _deal_as_known(deal: Opportunity, converted: dict[str, Opportunity], ids: dict[str, str]) -> Opportunity:
    """A lead becomes one deal: a second one does not know it."""
    is_first = deal.lead_id is not None and converted[deal.lead_id] is deal
    return replace(
        deal,
        opportunity_id=ids[deal.opportunity_id],
        source=deal.source or ORIGIN,
        lead_id=ids[deal.lead_id] if deal.lead_id and is_first else None,
        account_id=ids[deal.account_id] if deal.account_id else None,
        lines=tuple(replace(line, product_id=ids[line.product_id]) for line in deal.lines),
        states=[
            replace(
                state,
                owner_id=ids[state.owner_id or UNKNOWN_OWNER],
                stage=_CLOSED.get(state.stage, state.stage),
                probability=STAGES[state.stage].probability
                if state.probability is None or state.stage in _CLOSED
                else state.probability,
            )
            for state in deal.states
        ],
    )


def _links(activity: Activity, converted: dict[str, Opportunity], ids: dict[str, str]) -> dict[str, Any]:
    """Converting moves what was tied to the lead to the deal."""
    deal_id, lead_id = activity.opportunity_id, activity.lead_id
    if lead_id is not None and lead_id in converted:
        deal_id, lead_id = deal_id or converted[lead_id].opportunity_id, None
    return {"opportunity_id": ids[deal_id] if deal_id else None, "lead_id": ids[lead_id] if lead_id else None}


def _add_company(shown: Pipedrive, ledger: Ledger, ids: dict[str, str]) -> None:
    for rep in ledger.reps:
        shown.add(
            "users",
            {
                "id": int(ids[rep.rep_id]),
                "name": rep.name,
                "email": f"user{ids[rep.rep_id]}@example.com",
                "active_flag": rep.works_on(ledger.until),
                "is_deleted": False,
                "created": f"{rep.hired_on} 12:00:00",
            },
        )
    for team in ledger.teams:
        shown.add(
            "teams",
            {
                "id": int(ids[team.team_id]),
                "name": team.name,
                "active_flag": 1,
                "users": [int(ids[rep.rep_id]) for rep in ledger.reps if rep.team_id == team.team_id],
            },
        )
    for code, number in _CURRENCIES.items():
        shown.add("currencies", {"id": number, "code": code, "name": code, "active_flag": True})
    shown.add(
        "pipelines",
        {"id": 1, "name": "Sales", "order_nr": 1, "is_deleted": False, "is_deal_probability_enabled": True},
    )
    for number, stage in enumerate((s for s in STAGES.values() if s.is_won is None), 1):
        shown.add(
            "stages",
            {
                "id": number,
                "order_nr": number,
                "name": stage.name,
                "is_deleted": False,
                "deal_probability": int(stage.probability * 100),
                "pipeline_id": 1,
            },
        )
    families = _numbered(product.family for product in ledger.products)
    for product in ledger.products:
        shown.add(
            "products",
            {
                "id": int(ids[product.product_id]),
                "name": product.name,
                "category": families[product.family],
                "is_deleted": False,
                "update_time": _instant(ledger.end),
            },
        )
    industries = _numbered(industry.name for industry in INDUSTRIES)
    for account in ledger.accounts:
        shown.add(
            "organizations",
            {
                "id": int(ids[account.account_id]),
                "name": account.name,
                "industry": industries[account.industry],
                "address": {"value": f"Street 1, {account.country}", "country": account.country},
                "is_deleted": False,
                "update_time": _instant(ledger.end),
            },
        )
    for number, target in enumerate(ledger.targets, 1):
        shown.add("goals", _goal(number, target, ids))


def _goal(number: int, target: Target, ids: dict[str, str]) -> Record:
    member = target.rep_id or target.team_id
    months = {"month": 1, "quarter": 3, "year": 12}[target.period_type]
    start = target.period_start
    next_start = date(start.year + (start.month - 1 + months) // 12, (start.month - 1 + months) % 12 + 1, 1)
    return {
        "id": f"{number:024x}",
        "owner_id": 101,
        "title": f"Goal {number}",
        "type": {"name": "deals_won", "params": {"pipeline_id": [1]}},
        "assignee": {
            "id": int(ids[member]) if member else 1,
            "type": "person" if target.rep_id else "team" if target.team_id else "company",
        },
        "interval": {"month": "monthly", "quarter": "quarterly", "year": "yearly"}[target.period_type],
        "duration": {"start": str(start), "end": str(next_start - timedelta(days=1))},
        "expected_outcome": {"target": float(target.amount), "tracking_metric": "sum", "currency_id": 1},
        "is_active": True,
        "report_ids": [],
    }


def _add_fields(shown: Pipedrive) -> None:
    def options(names: dict[str, int]) -> list[Record]:
        return [{"id": number, "label": name} for name, number in names.items()]

    def add(name: str, code: str, label: str, kind: str, found: list[Record] | None) -> None:
        shown.lists.setdefault(name, {})[code] = {
            "field_code": code,
            "field_name": label,
            "field_type": kind,
            "options": found,
            "is_custom_field": len(code) == 40,
        }

    add("dealFields", "channel", "Source channel", "enum", options(_channels()))
    add("dealFields", _KEYS[CAMPAIGN], CAMPAIGN, "varchar", None)
    add("dealFields", _KEYS["Industry"], "Industry", "enum", options(_numbered(i.name for i in INDUSTRIES)))
    add("dealFields", _KEYS[STATUS], STATUS, "varchar", None)
    industries = options(_numbered(industry.name for industry in INDUSTRIES))
    add("organizationFields", "industry", "Industry", "enum", industries)
    add("productFields", "category", "Category", "enum", options(_numbered(("Atlas", "Care", "Academy"))))


def _channels() -> dict[str, int]:
    return _numbered((*(source.name for source in SOURCES), EXISTING_CUSTOMER.name))


def _numbered(names: Any) -> dict[str, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(names), 11)}


def _lead(lead: Lead) -> Record:
    state = lead.now
    record = {
        "id": lead.lead_id,
        "title": f"Lead {lead.lead_id[:8]}",
        "owner_id": _number(state.owner_id),
        "person_id": _number(state.contact_id),
        "organization_id": _number(lead.account_id),
        "source_name": "API",
        "origin": ORIGIN,
        "channel": _channels().get(lead.source or ""),
        "is_archived": state.status == "disqualified",
        "was_seen": True,
        "value": None,
        "expected_close_date": None,
        "add_time": f"{_naive(lead.created_at).isoformat()}.000Z",
        "update_time": f"{_naive(state.changed_at).isoformat()}.000Z",
    }
    # nobody writes down that a new lead is new
    status = state.status if state.status in ("working", "qualified") else None
    return record | _own_fields(lead.campaign, lead.industry, status)


def _own_fields(campaign: str | None, industry: str | None, status: str | None) -> Record:
    industries = _numbered(entry.name for entry in INDUSTRIES)
    return {
        _KEYS[CAMPAIGN]: campaign,
        _KEYS["Industry"]: industries.get(industry or ""),
        _KEYS[STATUS]: status,
    }


def _deal(deal: Opportunity, lead: Lead | None, ledger: Ledger) -> Record:
    state = deal.now
    status = "deleted" if state.is_deleted else state.stage if state.stage in ("won", "lost") else "open"
    closed = _closed_at(state)
    return {
        "id": int(deal.opportunity_id),
        "title": f"Deal {deal.opportunity_id}",
        "owner_id": _number(state.owner_id),
        "person_id": _number(lead.now.contact_id) if lead else None,
        "org_id": _number(deal.account_id),
        "pipeline_id": 1,
        "stage_id": _stage_id(deal, len(deal.states) - 1),
        "value": float(state.amount or 0),
        "currency": deal.currency,
        "status": status,
        "probability": _probability(deal, len(deal.states) - 1),
        "lost_reason": state.lost_reason,
        "add_time": _instant(deal.created_at),
        "update_time": _instant(state.changed_at),
        "won_time": closed if status == "won" else None,
        "lost_time": closed if status == "lost" else None,
        "close_time": closed,
        "expected_close_date": str(state.expected_close_on),
        "is_deleted": state.is_deleted,
        "is_archived": status in ("won", "lost") and state.changed_at < ledger.end - _ARCHIVED_AFTER,
        "origin": ORIGIN,
        "channel": _channels().get(deal.source or ""),
        "source_lead_id": deal.lead_id,
        "custom_fields": _own_fields(lead.campaign if lead else None, lead.industry if lead else None, None),
    }


def _closed_at(state: OpportunityState) -> str | None:
    if state.closed_on is None:
        return None
    if worktime.local_date(state.changed_at) == state.closed_on:
        return _instant(state.changed_at)
    return _instant(worktime.at_local(state.closed_on, 12 * 3600))


def _stage_id(deal: Opportunity, position: int) -> int:
    """A closed deal stays in the stage that it was in."""
    open_stages = [name for name, stage in STAGES.items() if stage.is_won is None]
    for state in reversed(deal.states[: position + 1]):
        if state.stage in open_stages:
            return open_stages.index(state.stage) + 1
    return 1


def _probability(deal: Opportunity, position: int) -> int | None:
    """The deal's own, where it is not the stage's."""
    for state in reversed(deal.states[: position + 1]):
        if state.stage in STAGES:
            own = state.probability
            return int(own * 100) if own is not None and own != STAGES[state.stage].probability else None
    return None


def _changes(deal: Opportunity) -> list[Record]:
    """The changelog, newest first as Pipedrive shows it."""
    found: list[Record] = []
    before: dict[str, str | None] | None = None
    for position, state in enumerate(deal.states):
        now = {
            "stage_id": str(_stage_id(deal, position)),
            "status": "deleted"
            if state.is_deleted
            else state.stage
            if state.stage in ("won", "lost")
            else "open",
            "value": f"{state.amount or Decimal(0)}",
            "probability": None if (own := _probability(deal, position)) is None else str(own),
            "expected_close_date": str(state.expected_close_on),
            "user_id": state.owner_id,
        }
        for name, value in now.items():
            if before is not None and before[name] != value:
                found.append(
                    {
                        "field_key": name,
                        "old_value": before[name],
                        "new_value": value,
                        "actor_user_id": _number(state.owner_id),
                        "time": _naive(state.changed_at).isoformat(sep=" "),
                        "change_source": "app",
                        "is_bulk_update_flag": False,
                    }
                )
        before = now
    return found[::-1]


def _activity(activity: Activity) -> Record:
    at = _naive(activity.occurred_at)
    kind = activity.activity_type
    entered = _naive(activity.planned_at) if activity.planned_at else at
    return {
        "id": int(activity.activity_id),
        "subject": f"{kind} {activity.activity_id}",
        "type": f"inbound_{kind}" if activity.direction == "inbound" else kind,
        "owner_id": _number(activity.owner_id),
        "deal_id": _number(activity.opportunity_id),
        "lead_id": activity.lead_id,
        "person_id": _number(activity.contact_id),
        "done": activity.is_completed,
        "due_date": str(at.date()),
        "due_time": f"{at:%H:%M}:00",
        "marked_as_done_time": _instant(at) if activity.is_completed else None,
        "add_time": _instant(entered),
        "update_time": _instant(at if activity.is_completed else entered),
        "is_deleted": False,
    }


def _instant(at: datetime) -> str:
    return _naive(at).replace(microsecond=0).isoformat() + "Z"


def _number(key: str | None) -> int | None:
    return int(key) if key is not None else None
