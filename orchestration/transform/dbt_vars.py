"""What dbt is told of the settings.

Belongs here: the one function that turns settings into dbt's vars. Does not belong here: anything that
changes from run to run. Other vars make dbt read the whole project again; `as_of` stands in `zeven.run`
instead.
"""

from __future__ import annotations

from typing import Any

from orchestration.erasure.people import LEADS_OF_ONE_PERSON
from orchestration.ingest.registry import crms
from orchestration.settings import Settings

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def dbt_vars(settings: Settings) -> dict[str, Any]:
    """The vars of `dbt_project.yml` that follow from the settings; plain values, in a fixed order."""
    hours = {day: getattr(settings.business_hours, day) for day in _WEEKDAYS}
    return {
        "crms": crms(settings),
        "added_to": settings.added_to,
        "time_zone": settings.company.time_zone,
        "currency": settings.company.currency,
        "fiscal_year_start_month": settings.company.fiscal_year_start_month,
        "business_hours": [
            {"iso_weekday": number, "opens": hours[day][:5], "closes": hours[day][6:]}
            for number, day in enumerate(_WEEKDAYS, start=1)
            if hours[day] != "closed"
        ],
        "capacity_per_rep": settings.leads.capacity_per_rep,
        "workload_low": settings.leads.workload_low,
        "workload_high": settings.leads.workload_high,
        "match_leads_by": settings.matching.leads_by,
        "leads_of_one_person": LEADS_OF_ONE_PERSON,
        "sla_minutes": settings.response.sla_minutes,
        "minimum_contact_moments": settings.follow_ups.minimum_contact_moments,
        "abandoned_acceptable": settings.follow_ups.abandoned_acceptable,
        "at_risk_from": settings.targets.at_risk_from,
        "stale_after_days": settings.pipeline.stale_after_days,
        "coverage_good": settings.pipeline.coverage_good,
        "coverage_low": settings.pipeline.coverage_low,
        "signal_minimum_records": settings.signals.minimum_records,
        "signal_change_large": settings.signals.change_large,
        "signal_change_small": settings.signals.change_small,
        "signal_qualification_low": settings.signals.qualification_low,
        "signal_slower_factor": settings.signals.slower_factor,
        "signal_elapsed_from": settings.signals.elapsed_from,
        "signal_stale_ratio": settings.signals.stale_ratio,
        "response_exclude_sources": list(settings.response.exclude_sources),
        "lead_exclusions": [
            {"reason": rule.reason, "condition": rule.condition} for rule in settings.leads.exclude
        ],
    }
