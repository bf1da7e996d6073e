"""The rules that worlds are made up for.

Belongs here: settings that are compiled into the models, few because each costs seconds, chosen so that
together they turn every one of them. Does not belong here: what seeds say, which every world says for itself
(`worlds.py`).
"""

from __future__ import annotations

from tests.reference.world import Rules

_EVERY_DAY = dict.fromkeys(range(1, 8), (0, 24 * 60))
_LATE_AND_SATURDAY = {
    1: (12 * 60, 20 * 60),
    2: (9 * 60, 17 * 60),
    4: (9 * 60, 21 * 60 + 30),
    6: (10 * 60, 14 * 60),
}
_NIGHT = dict.fromkeys((1, 3, 5, 6, 7), (30, 4 * 60))
"""Open in the hours in which clocks change."""

FEW = (
    Rules(
        response_exclude_sources=("outbound",),
        lead_exclusions=(("test", "test"), ("spam", "spam")),
        capacity_per_rep=3,
        minimum_records=1,
    ),
    Rules(
        time_zone="America/New_York",
        currency="USD",
        fiscal_year_start_month=10,
        business_hours=_LATE_AND_SATURDAY,
        sla_minutes=15,
        minimum_contact_moments=2,
        stale_after_days=7,
        workload_low=0.3,
        workload_high=0.8,
        abandoned_acceptable=0.25,
        coverage_good=2.0,
        coverage_low=0.5,
        minimum_records=2,
        change_large=0.1,
        change_small=0.05,
        qualification_low=0.5,
        slower_factor=1.1,
        elapsed_from=0.0,
        stale_ratio=0.5,
    ),
    Rules(
        time_zone="Pacific/Auckland",
        fiscal_year_start_month=4,
        business_hours=_NIGHT,
        lead_exclusions=(("internal", "referral"),),
        match_leads_by="off",
        sla_minutes=240,
        at_risk_from=0.5,
        minimum_contact_moments=1,
        minimum_records=1,
        abandoned_acceptable=0.0,
        elapsed_from=0.7,
        qualification_low=0.9,
        slower_factor=3.0,
    ),
)
"""For every run of the tests."""

MANY = (
    *FEW,
    Rules(time_zone="Asia/Kolkata", currency="GBP", fiscal_year_start_month=4, sla_minutes=1),
    Rules(time_zone="UTC", business_hours=_EVERY_DAY, fiscal_year_start_month=12, stale_after_days=1),
    Rules(time_zone="Europe/London", currency="GBP", fiscal_year_start_month=2, at_risk_from=1.0),
    Rules(business_hours=_NIGHT, fiscal_year_start_month=7, minimum_contact_moments=3),
    Rules(time_zone="America/New_York", business_hours=_NIGHT, response_exclude_sources=("website", "fair")),
    Rules(time_zone="Australia/Lord_Howe", business_hours=_EVERY_DAY, fiscal_year_start_month=3),
    Rules(
        time_zone="America/St_Johns",
        currency="USD",
        fiscal_year_start_month=11,
        business_hours={3: (540, 600)},
    ),
    Rules(business_hours={}, fiscal_year_start_month=6),
    Rules(time_zone="America/Santiago", fiscal_year_start_month=8),
    Rules(time_zone="Pacific/Kiritimati", fiscal_year_start_month=9, business_hours=_LATE_AND_SATURDAY),
)
"""For the long run."""
