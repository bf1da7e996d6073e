"""Which numbers of closed periods are compared between two releases, and from which records they follow.

Belongs here: the list of measures, of the records behind them, and of the reasons. Does not belong here: the
comparing (`compare.py` and the modules it calls).

Only what a closed period should keep is listed. A cohort's conversion and the response time of its leads go
on moving by definition, while the leads ripen; that is no restatement.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

REASONS = {
    "late_entry": "the record is new",
    "deleted": "the record is gone: deleted, merged or left out",
    "closed_late": "the record was there, and was closed afterwards with a date in the period",
    "reopened": "what was closed is open again",
    "outcome_edit": "won became lost, or lost became won",
    "role_change": "the contact moment plays another role for its lead",
    "stage_change": "the opportunity was in, or out of, the qualified stages then",
    "restored": "what was deleted is there again",
    "date_edit": "the date that decides the period, or the exchange rate, was moved",
    "amount_edit": "the amount, or its currency, was changed",
    "exchange_rate": "the exchange rate was changed",
    "owner_change": "the record went to another rep",
    "team_change": "the rep went to another team",
    "breakdown_change": "the value that the breakdown goes by was changed",
    "target_edit": "a target was set, changed or taken away",
    "definition_change": "the records are the same and the pipeline's code differs",
    "unexplained": "the records of the release do not say why",
}
"""Every reason, in the order in which it is looked for and shown."""


SHARES = "fct_opportunity_products"
RATES = "dim_exchange_rates"


@dataclass(frozen=True)
class Measure:
    """A column of a metric's table that is the sum, over the records that count, of a value.

    `counts` is an SQL condition over the fact; `value` is a column of it, or `1` for a number of records.
    """

    name: str
    counts: str
    value: str = "1"

    @property
    def is_money(self) -> bool:
        return self.value != "1"


@dataclass(frozen=True)
class Flow:
    """A metric whose records each lie in the period of their own date.

    `reads` are the columns of the fact that its conditions and values use; `settled` is the condition under
    which a record that no longer counts was edited (`edited`), and was not reopened; `breakdowns` gives the
    column of each. A breakdown of the metric that is in no flow is compared, and not explained. With
    `shares`, a table of shares of the record by product, the flow is about the parts, by product alone.
    """

    metric: str
    table: str
    record_id: str
    day: str
    measures: tuple[Measure, ...]
    reads: tuple[str, ...]
    breakdowns: Mapping[str, str]
    settled: str = "false"
    edited: str = "outcome_edit"
    shares: str | None = None


_CLOSED_SALES = Flow(
    metric="closed_sales",
    table="fct_opportunities",
    record_id="opportunity_id",
    day="closed_on",
    measures=(
        Measure("closed_amount", "is_closed and outcome = 'won'", "amount"),
        Measure("won_opportunities", "is_closed and outcome = 'won'"),
        Measure("lost_amount", "is_closed and outcome = 'lost'", "amount"),
        Measure("lost_opportunities", "is_closed and outcome = 'lost'"),
    ),
    reads=("is_closed", "outcome", "amount", "source_amount", "currency"),
    breakdowns={"source": "source", "industry": "industry", "lead_owner": "lead_rep_id"},
    settled="is_closed",
)

FLOWS = (
    _CLOSED_SALES,
    dataclasses.replace(_CLOSED_SALES, breakdowns={"product": "product_id"}, shares=SHARES),
    Flow(
        metric="number_of_leads",
        table="fct_leads",
        record_id="lead_id",
        day="created_on",
        measures=(Measure("leads", "true"),),
        reads=(),
        breakdowns={"source": "source", "industry": "industry", "campaign": "campaign"},
    ),
    Flow(
        metric="conversion_ratio",
        table="fct_leads",
        record_id="lead_id",
        day="became_customer_on",
        measures=(Measure("converted_in_period", "became_customer_on is not null"),),
        reads=(),
        breakdowns={
            "source": "source",
            "industry": "industry",
            "campaign": "campaign",
            "channel": "first_response_channel",
        },
    ),
    Flow(
        metric="number_of_follow_ups",
        table="fct_contact_moments",
        record_id="activity_id",
        day="occurred_on",
        measures=(Measure("follow_ups", "contact_role = 'follow_up'"),),
        reads=("contact_role",),
        breakdowns={
            "channel": "channel",
            "source": "source",
            "industry": "industry",
            "product": "product_id",
        },
        settled="true",
        edited="role_change",
    ),
)

PIPELINE = "open_pipeline"
PIPELINE_MEASURES = (Measure("open_amount", "true", "amount"), Measure("open_opportunities", "true"))
PIPELINE_BREAKDOWNS = ("stage", "source", "industry", "expected_close_month")
TARGETS = "target_attainment"
TARGET_MEASURES = (Measure("target_amount", "true", "amount"), Measure("gap_amount", "true", "amount"))

COMPARED: Mapping[str, tuple[Measure, ...]] = {
    **{flow.metric: flow.measures for flow in FLOWS},
    PIPELINE: PIPELINE_MEASURES,
    TARGETS: TARGET_MEASURES,
}
"""The measures that are compared, by metric."""
