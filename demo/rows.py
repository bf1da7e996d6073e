"""One record of the ledger, in one of its states, as a row of the CRM export format.

Belongs here: the order of columns and how a value is written. Does not belong here: which rows a file has,
and what is wrong with them (`dirt.py`).

A row is a tuple of texts in the column order of `orchestration.ingest.export_format`; an empty text is no
value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal

from demo.ledger import Activity, Lead, LeadState, Ledger, Opportunity, OpportunityState

Row = tuple[str, ...]
Spell = Callable[[str, str], str]
"""From a kind (`lead_status`, `activity_type`, `direction`, `stage`) and a value to what is written."""


def text(value: str | int | float | Decimal | bool | date | datetime | None) -> str:
    """A value as the export writes it: instants in UTC with a Z, days as days, booleans in small letters."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()[:19] + "Z"
    return value.isoformat() if isinstance(value, date) else str(value)


def plain_tables(ledger: Ledger) -> Iterator[tuple[str, list[Row]]]:
    """The tables that have neither versions nor dirt."""
    yield "teams", [(team.team_id, team.name, team.region) for team in ledger.teams]
    yield (
        "reps",
        [
            (
                rep.rep_id,
                rep.name,
                text(rep.team_id),
                text(rep.hired_on),
                text(rep.works_on(ledger.until)),
                text(rep.lead_capacity),
            )
            for rep in ledger.reps
        ],
    )
    yield (
        "accounts",
        [
            (account.account_id, account.name, account.industry, account.country)
            for account in ledger.accounts
        ],
    )
    yield "products", [(product.product_id, product.name, product.family) for product in ledger.products]
    yield (
        "opportunity_products",
        [
            (deal.opportunity_id, line.product_id, text(line.quantity), text(line.amount))
            for deal in ledger.opportunities
            for line in deal.lines
        ],
    )
    yield (
        "targets",
        [
            (
                target.period_type,
                text(target.period_start),
                text(target.amount),
                "EUR",
                text(target.rep_id),
                text(target.team_id),
            )
            for target in ledger.targets
        ],
    )
    yield "exchange_rates", [(rate.currency, text(rate.valid_from), text(rate.rate)) for rate in ledger.rates]


def lead_row(lead: Lead, state: LeadState, spell: Spell) -> Row:
    return (
        lead.lead_id,
        text(lead.created_at),
        text(state.owner_id),
        text(lead.source),
        text(lead.campaign),
        text(lead.industry),
        text(lead.account_id),
        spell("lead_status", state.status),
        text(state.converted_at),
        text(state.disqualified_at),
        "",  # became_customer_at: this company has opportunities that say so
        text(state.contact_id),
        "",  # email: nobody in this company has an address
        text(state.duplicate_of),
        text(state.is_deleted),
        text(state.changed_at),
    )


def opportunity_row(deal: Opportunity, state: OpportunityState, spell: Spell, *, tells_is_won: bool) -> Row:
    return (
        deal.opportunity_id,
        text(deal.created_at),
        spell("stage", state.stage),
        text(deal.lead_id),
        text(deal.account_id),
        text(state.owner_id),
        text(deal.source),
        text(state.amount),
        deal.currency,
        text(state.probability),
        text(state.expected_close_on),
        text(state.closed_on),
        text(state.is_won) if tells_is_won else "",
        text(state.lost_reason),
        deal.product_id,
        text(state.is_deleted),
        text(state.changed_at),
    )


def history_rows(deal: Opportunity, spell: Spell) -> Iterator[Row]:
    """A row for the creation and one for every change of what the history tells."""
    before: tuple[object, ...] | None = None
    for state in deal.states:
        told = (state.stage, state.amount, state.probability, state.expected_close_on, state.owner_id)
        if told != before:
            yield (
                deal.opportunity_id,
                text(state.changed_at),
                spell("stage", state.stage),
                text(state.amount),
                deal.currency,
                text(state.probability),
                text(state.expected_close_on),
                text(state.owner_id),
            )
        before = told


def activity_row(activity: Activity, spell: Spell, *, planned: bool = False) -> Row:
    """As it is in the end, or while it was only planned."""
    deleted_at = None if planned else activity.deleted_at
    is_completed = activity.is_completed and not planned
    updated_at = (
        deleted_at or (activity.occurred_at if is_completed else activity.planned_at) or activity.occurred_at
    )
    return (
        activity.activity_id,
        spell("activity_type", activity.activity_type),
        text(activity.occurred_at),
        text(activity.owner_id),
        text(activity.lead_id),
        text(activity.opportunity_id),
        text(activity.contact_id),
        spell("direction", activity.direction),
        text(activity.is_automated),
        text(is_completed),
        text(deleted_at is not None),
        text(updated_at),
    )
