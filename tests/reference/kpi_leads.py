"""kpi_number_of_leads.

Belongs here: leads, open work, capacity, trend and season by created period. Does not belong here: what
happened to one lead (`lead_facts.py`).
"""

from __future__ import annotations

from datetime import date

from tests.reference.arithmetic import centred_trend, ratio, seasonal_indices
from tests.reference.cells import Cells, Key, Row, Values, is_complete, last_day, rows
from tests.reference.company import Company
from tests.reference.lead_facts import LeadFacts
from tests.reference.members import Member
from tests.reference.periods import Period

MONTHS_FOR_A_SEASON = 24
Season = dict[tuple[Period, Member], tuple[float | None, float | None, float | None]]


def number_of_leads(company: Company) -> list[Row]:
    created: Cells[LeadFacts] = Cells(company)
    work: Cells[LeadFacts] = Cells(company)
    for lead in company.leads:
        created.add(lead.created_on, lead.rep_id, _values(lead), lead)
        for period in company.calendar.all:
            if lead.is_work_on(last_day(company, period)):
                work.add_to(period, lead.rep_id, {"total": ["total"], **_values(lead)}, lead)
    spans = _active_spans(company)
    capacities: dict[tuple[Period, Member], list[int]] = {
        (period, member): _capacities(company, spans, period, member)
        for period in company.calendar.all
        for member in company.members.all
    }
    season = _season(company, created)

    def measure(key: Key) -> Row:
        leads = created.at(key)
        qualified = sum(lead.is_qualified for lead in leads)
        workload = len(work.at(key))
        capacity = capacities[key.period, key.member]
        per_rep = ratio(workload, len(capacity))
        capacity_per_rep = ratio(sum(capacity), len(capacity))
        before, year_before = created.before(key), created.year_before(key)
        nothing = (None, None, None)
        trend = season.get((key.period, key.member), nothing) if key.breakdown == "total" else nothing
        return {
            "leads": len(leads),
            "qualified_leads": qualified,
            "disqualified_leads": sum(lead.is_disqualified for lead in leads),
            "open_leads": sum(not lead.is_over for lead in leads),
            "qualification_ratio": ratio(qualified, len(leads)),
            "workload_leads": workload,
            "active_reps": len(capacity),
            "workload_leads_per_rep": per_rep,
            "capacity_leads_per_rep": capacity_per_rep,
            "workload_ratio": ratio(per_rep, capacity_per_rep),
            "previous_leads": None if before is None else len(before),
            "same_period_last_year_leads": None if year_before is None else len(year_before),
            "trend_leads": trend[0],
            "seasonal_index": trend[1],
            "seasonally_adjusted_leads": trend[2],
        }

    return rows(company, [created, work], measure)


def _values(lead: LeadFacts) -> Values:
    return {"source": [lead.source], "industry": [lead.industry], "campaign": [lead.campaign]}


def _active_spans(company: Company) -> dict[str, tuple[date, date]]:
    """First and last day on which a known rep is active; a rep who never was is missing."""
    records: dict[str, list[date]] = {rep_id: [] for rep_id in company.members.reps}
    did = [(lead.rep_id, lead.created_on) for lead in company.leads]
    did += [(deal.rep_id, deal.created_on) for deal in company.deals]
    did += [(deal.rep_id, deal.closed_on) for deal in company.deals if deal.closed_on is not None]
    did += [(moment.rep_id, moment.day) for moment in company.moments]
    for rep_id, day in did:
        if rep_id in records:
            records[rep_id].append(day)
    spans = {}
    for rep_id, rep in company.members.reps.items():
        days = records[rep_id]
        first = rep.hired_on or min(days, default=None)
        last = date.max if rep.is_active else max(days, default=None)
        if first is not None and last is not None and first <= last:
            spans[rep_id] = (first, last)
    return spans


def _capacities(
    company: Company, spans: dict[str, tuple[date, date]], period: Period, member: Member
) -> list[int]:
    """The capacity of each rep of the member who is active in the period."""
    capacities = []
    for rep_id, (first, last) in spans.items():
        is_active = first <= last_day(company, period) and last >= period.start
        if is_active and member in company.members.counting(rep_id):
            own = company.members.reps[rep_id].lead_capacity
            capacities.append(company.rules.capacity_per_rep if own is None else own)
    return capacities


def _season(company: Company, created: Cells[LeadFacts]) -> Season:
    """Trend, index and adjusted leads of complete months, of the company and the teams."""
    months = [month for month in company.calendar.by_type["month"] if is_complete(company, month)]
    result: Season = {}
    if len(months) < MONTHS_FOR_A_SEASON:
        return result
    for member in company.members.all:
        if member.level == "rep":
            continue
        leads = [len(created.at(Key(month, member, "total", "total"))) for month in months]
        trend = centred_trend(leads)
        indices = seasonal_indices([month.start.month for month in months], leads, trend)
        for month, count, level in zip(months, leads, trend, strict=True):
            index = indices.get(month.start.month)
            result[month, member] = (level, index, ratio(count, index))
    return result
