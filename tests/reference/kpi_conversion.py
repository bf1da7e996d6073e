"""kpi_conversion_ratio.

Belongs here: how many leads of a created period became customers. Does not belong here: when one lead did
(`lead_facts.py`).
"""

from __future__ import annotations

from datetime import timedelta

from tests.reference.arithmetic import median, percentile, ratio, wilson
from tests.reference.cells import Cells, Key, Row, Values, rows
from tests.reference.company import Company
from tests.reference.lead_facts import LeadFacts
from tests.reference.periods import Period
from tests.reference.records import spelling

EQUAL_AGE_DAYS = 90


def conversion_ratio(company: Company) -> list[Row]:
    created: Cells[LeadFacts] = Cells(company)
    converted: Cells[LeadFacts] = Cells(company)
    for lead in company.leads:
        created.add(lead.created_on, lead.rep_id, _values(lead), lead)
        if lead.became_customer_on is not None:
            converted.add(lead.became_customer_on, lead.rep_id, _values(lead), lead)
    p90 = percentile(_days_to_customer(company.leads), 0.9)
    targets = {spelling(source): target for source, target in company.rules.conversion_targets.items()}
    today = company.clock.today

    def is_mature(period: Period) -> bool:
        return p90 is not None and (today - period.end).days >= p90

    def measure(key: Key) -> Row:
        leads = created.at(key)
        customers = sum(lead.is_customer for lead in leads)
        with_opportunity = [lead for lead in leads if lead.has_opportunity]
        days = _days_to_customer(leads)
        within_90 = sum(value <= EQUAL_AGE_DAYS for value in days)
        low, high = wilson(customers, len(leads))
        has_equal_age = key.period.end + timedelta(days=EQUAL_AGE_DAYS) <= today
        target = targets.get("default")
        if key.breakdown == "source":
            target = targets.get(spelling(key.value), target)
        return {
            "leads": len(leads),
            "opportunity_leads": len(with_opportunity),
            "customers": customers,
            "conversion_ratio": ratio(customers, len(leads)),
            "customers_within_90_days": within_90,
            "conversion_ratio_90_days": ratio(within_90, len(leads)) if has_equal_age else None,
            "conversion_ratio_low": low,
            "conversion_ratio_high": high,
            "lead_to_opportunity_ratio": ratio(len(with_opportunity), len(leads)),
            "opportunity_to_customer_ratio": ratio(
                sum(lead.is_customer for lead in with_opportunity), len(with_opportunity)
            ),
            "median_days_to_customer": median(days),
            "is_mature": is_mature(key.period),
            "target_ratio": target,
            "converted_in_period": len(converted.at(key)),
        }

    return rows(company, [created, converted], measure)


def _values(lead: LeadFacts) -> Values:
    return {
        "source": [lead.source],
        "industry": [lead.industry],
        "campaign": [lead.campaign],
        "channel": [lead.channel],
    }


def _days_to_customer(leads: list[LeadFacts]) -> list[int]:
    return [lead.days_to_customer for lead in leads if lead.days_to_customer is not None]
