"""kpi_number_of_follow_ups.

Belongs here: contact moments by who made them, and leads that ended by their owner. Does not belong here:
what a contact moment is to its lead (`lead_facts.py`).
"""

from __future__ import annotations

from typing import NamedTuple

from tests.reference.arithmetic import mean, median, ratio
from tests.reference.cells import Cells, Key, Row, Values, rows
from tests.reference.company import Company
from tests.reference.contacts import ContactMoment
from tests.reference.lead_facts import LeadFacts
from tests.reference.members import UNKNOWN


class Role(NamedTuple):
    """What a contact moment is to its lead: the first response, a follow-up, or neither."""

    lead_id: str | None
    is_first: bool
    is_follow_up: bool


class EndedLead(NamedTuple):
    reason: str
    contact_moments: int


def number_of_follow_ups(company: Company) -> list[Row]:
    leads = {lead.lead_id: lead for lead in company.leads}
    made: Cells[Role] = Cells(company)
    ended: Cells[EndedLead] = Cells(company)
    products = company.products.of_moments(company.moments, leads, company.counted.opportunities)
    for moment in company.moments:
        lead = leads.get(moment.lead_id or "")
        values = _values(company, moment, lead, products[moment.activity_id])
        made.add(moment.day, moment.rep_id, values, _role(moment, lead))
    for lead in company.leads:
        if lead.end is not None and lead.end.on is not None:
            values = {
                "source": [lead.source],
                "industry": [lead.industry],
                "product": [company.products.main(lead.deal)],
            }
            ended.add(lead.end.on, lead.rep_id, values, EndedLead(lead.end.reason, lead.contact_moments))

    def measure(key: Key) -> Row:
        by_maker = _by_maker(made.at(key))
        by_owner = _by_owner(ended.at(key), company.rules.minimum_contact_moments)
        if key.breakdown == "channel":
            by_owner = dict.fromkeys(by_owner)
        return by_maker | by_owner

    return rows(company, [made, ended], measure)


def _values(company: Company, moment: ContactMoment, lead: LeadFacts | None, product: str) -> Values:
    """Source and industry are the lead's where there is one, else the opportunity's."""
    opportunity = company.counted.opportunities.get(moment.opportunity_id or "")
    source, industry = UNKNOWN, UNKNOWN
    if lead is not None:
        source, industry = lead.source, lead.industry
    elif opportunity is not None:
        source, industry = company.counted.source(opportunity), company.counted.industry(opportunity)
    return {"channel": [moment.channel], "source": [source], "industry": [industry], "product": [product]}


def _role(moment: ContactMoment, lead: LeadFacts | None) -> Role:
    if lead is None:
        return Role(None, False, False)
    return Role(lead.lead_id, moment == lead.first_response, moment in lead.follow_ups)


def _by_maker(roles: list[Role]) -> Row:
    follow_ups = sum(role.is_follow_up for role in roles)
    contacted = len({role.lead_id for role in roles if role.is_first or role.is_follow_up})
    return {
        "contact_moments": len(roles),
        "first_responses": sum(role.is_first for role in roles),
        "follow_ups": follow_ups,
        "contacted_leads": contacted,
        "follow_ups_per_contacted_lead": ratio(follow_ups, contacted),
    }


def _by_owner(leads: list[EndedLead], minimum: int) -> Row:
    won = [lead.contact_moments for lead in leads if lead.reason == "won"]
    lost = [lead.contact_moments for lead in leads if lead.reason == "lost"]
    given_up = [lead.contact_moments for lead in leads if lead.reason != "won"]
    abandoned = sum(count < minimum for count in given_up)
    return {
        "won_leads": len(won),
        "mean_contact_moments_per_won_lead": mean(won),
        "median_contact_moments_per_won_lead": median(won),
        "lost_leads": len(lost),
        "mean_contact_moments_per_lost_lead": mean(lost),
        "abandoned_leads": abandoned,
        "abandoned_ratio": ratio(abandoned, len(given_up)),
    }
