"""kpi_lead_response_time.

Belongs here: response times of leads by created period. Does not belong here: the response of one lead
(`lead_facts.py`).
"""

from __future__ import annotations

from tests.reference.arithmetic import kaplan_meier_median, mean, median, percentile, ratio
from tests.reference.cells import Cells, Key, Row, rows
from tests.reference.company import Company
from tests.reference.lead_facts import LeadFacts
from tests.reference.members import COMPANY, Member


def lead_response_time(company: Company) -> list[Row]:
    created: Cells[LeadFacts] = Cells(company)
    for lead in company.leads:
        if lead.has_response_clock:
            values = {"source": [lead.source], "industry": [lead.industry]}
            created.add(lead.created_on, lead.rep_id, values, lead)

    def business_median(key: Key, member: Member) -> float | None:
        return median(_business(created.at(key._replace(member=member))))

    def measure(key: Key) -> Row:
        leads = created.at(key)
        responded = sum(lead.first_response is not None for lead in leads)
        minutes = [lead.response.minutes for lead in leads if lead.response.minutes is not None]
        business = _business(leads)
        within, eligible = _service_level(leads, company.rules.sla_minutes)
        team = None if key.member == COMPANY else Member("team", key.member.team_id, None)
        return {
            "leads": len(leads),
            "responded_leads": responded,
            "unanswered_leads": len(leads) - responded,
            "response_ratio": ratio(responded, len(leads)),
            "mean_response_minutes": mean(minutes),
            "median_response_minutes": median(minutes),
            "p90_response_minutes": percentile(minutes, 0.9),
            "median_business_response_minutes": median(business),
            "p90_business_response_minutes": percentile(business, 0.9),
            "within_sla_leads": within,
            "sla_eligible_leads": eligible,
            "within_sla_ratio": ratio(within, eligible),
            "team_median_business_response_minutes": None if team is None else business_median(key, team),
            "company_median_business_response_minutes": business_median(key, COMPANY),
            "km_median_response_minutes": _kaplan_meier(leads) if key.breakdown == "total" else None,
        }

    return rows(company, [created], measure)


def _business(leads: list[LeadFacts]) -> list[float]:
    minutes = [lead.response.business_minutes for lead in leads]
    return [value for value in minutes if value is not None]


def _service_level(leads: list[LeadFacts], sla_minutes: int) -> tuple[int, int]:
    """Within, and eligible: answered with known minutes, or unanswered for longer than the service level."""
    answered = _business(leads)
    waiting = [lead.response.waiting_business_minutes for lead in leads]
    too_long = sum(minutes is not None and minutes > sla_minutes for minutes in waiting)
    return sum(minutes <= sla_minutes for minutes in answered), len(answered) + too_long


def _kaplan_meier(leads: list[LeadFacts]) -> float | None:
    responses = [lead.response.minutes for lead in leads if lead.response.minutes is not None]
    waiting = [lead.response.waiting_minutes for lead in leads]
    return kaplan_meier_median(responses, [minutes for minutes in waiting if minutes is not None])
