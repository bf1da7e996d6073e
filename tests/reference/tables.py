"""The published tables of a world, by the second opinion.

Belongs here: which tables there are, and those with a row for each record, in which a difference is found.
Does not belong here: a definition.
"""

from __future__ import annotations

from tests.reference.cells import Row
from tests.reference.company import Company
from tests.reference.deals import Deal
from tests.reference.kpi_conversion import conversion_ratio
from tests.reference.kpi_follow_ups import number_of_follow_ups
from tests.reference.kpi_leads import number_of_leads
from tests.reference.kpi_pipeline import open_pipeline
from tests.reference.kpi_response import lead_response_time
from tests.reference.kpi_sales import closed_sales
from tests.reference.kpi_targets import target_attainment
from tests.reference.past import FOREVER
from tests.reference.scorecard import scorecard
from tests.reference.signals import signals
from tests.reference.stock import Stock
from tests.reference.world import Record, World


def compute(world: World) -> dict[str, list[Record]]:
    """Rows by table. Ids as they are published, amounts to the cent, None for null."""
    company = Company(world)
    stock = Stock(company)
    metrics = {
        "kpi_number_of_leads": number_of_leads(company),
        "kpi_lead_response_time": lead_response_time(company),
        "kpi_number_of_follow_ups": number_of_follow_ups(company),
        "kpi_conversion_ratio": conversion_ratio(company),
        "kpi_target_attainment": target_attainment(company, stock),
        "kpi_open_pipeline": open_pipeline(company, stock),
        "kpi_closed_sales": closed_sales(company),
    }
    judged = scorecard(company, metrics)
    return {
        **metrics,
        "kpi_scorecard": judged,
        "kpi_signals": signals(company, metrics, judged),
        "fct_leads": _leads(company),
        "fct_opportunities": [_opportunity(company, deal) for deal in company.deals],
        "fct_opportunity_history": [row for deal in company.deals_ever for row in _history(company, deal)],
    }


def _leads(company: Company) -> list[Row]:
    return [
        {
            "lead_id": lead.lead_id,
            "rep_id": lead.rep_id,
            "team_id": company.members.team_of(lead.rep_id),
            "response_minutes": lead.response.minutes,
            "business_response_minutes": lead.response.business_minutes,
            "contact_moments": lead.contact_moments,
            "follow_ups": len(lead.follow_ups),
            "became_customer_on": lead.became_customer_on,
            "ended_on": lead.end.on if lead.end else None,
            "end_reason": lead.end.reason if lead.end else None,
            "is_qualified": lead.is_qualified,
            "is_open": not lead.is_over,
        }
        for lead in company.leads
    ]


def _opportunity(company: Company, deal: Deal) -> Row:
    """The amount of a closed one is that of its sale, of another one that at `as_of`."""
    state = deal.past.at(company.clock.as_of)
    amount = deal.closed_amount
    if amount is None and state is not None:
        amount = company.rates.convert(state.source_amount, state.currency, company.clock.today)
    return {
        "opportunity_id": deal.opportunity.opportunity_id,
        "rep_id": deal.rep_id,
        "amount": amount,
        "outcome": company.counted.outcome_ever(deal.opportunity),
        "is_open": deal.outcome is None,
        "is_closed": deal.outcome is not None and deal.closed_on is not None,
        "closed_on": deal.opportunity.closed_on,
    }


def _history(company: Company, deal: Deal) -> list[Row]:
    intervals = deal.past.intervals
    ends = [start for start, _ in intervals[1:]] + [FOREVER]
    return [
        {
            "opportunity_id": deal.opportunity.opportunity_id,
            "valid_from": start,
            "valid_to": end,
            "rep_id": company.members.rep_of(state.owner_id),
            "stage": state.stage,
            "is_qualified": state.is_qualified,
            "status": state.status,
            "currency": state.currency,
            "source_amount": state.source_amount,
            "probability": state.probability,
            "expected_close_on": state.expected_close_on,
            "is_reconstructed": state.is_reconstructed,
        }
        for (start, state), end in zip(intervals, ends, strict=True)
    ]
