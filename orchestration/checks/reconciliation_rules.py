"""The SQL of the reconciliations: for each, the keys that disagree.

Belongs here: queries over published tables, with each table as `{name}`; what each detects and the likely
cause. Does not belong here: which of them are run, and how (`reconciliation.py`).

A query returns keys and no other value: what stands in the other columns may be personal. Keys are members,
periods and ids, which mean nothing outside of the company's CRM.
"""

# ruff: noqa: S608 (names of tables and columns, from our own YAML and code)

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from orchestration.sql_text import identifier

_MEMBER = ("period_type", "period_start", "level", "team_id", "rep_id")
_CUT = ("period_type", "period_start", "breakdown", "breakdown_value")

Identity = tuple[str, str, tuple[str, ...]]
"""The phrase, the query, and the columns in which rows are alike that are added up together."""


def adds_up_over_levels(
    table: str, measures: Sequence[str], breakdowns: Sequence[str], _: Sequence[str]
) -> Identity:
    """Reps that do not add up to their team, or teams to the company. Cause: a join that multiplies."""
    cut = ", ".join(_CUT)

    def differs(part: str, whole: str) -> list[str]:
        return _flags(
            f"sum(case level when '{part}' then {name} when '{whole}' then -{name} end)"
            for name in map(identifier, measures)
        )

    names = ", ".join(map(identifier, measures))
    chosen = f"breakdown in ({_listed(breakdowns)}) and {{touched}}"
    query = f"""
        select {cut}, level, team_id, {names} from (
            select {cut}, 'company' as level, null::varchar as team_id,
                {_named(differs("team", "company"), measures)}
            from {{{table}}} where level in ('company', 'team') and {chosen} group by {cut}
            union all
            select {cut}, 'team' as level, team_id, {_named(differs("rep", "team"), measures)}
            from {{{table}}} where level in ('team', 'rep') and {chosen} group by {cut}, team_id
        ) as parents where {_any(measures)}"""
    return "reps add up to their team, teams to the company", query, _CUT


def adds_up_over_breakdowns(
    table: str, measures: Sequence[str], breakdowns: Sequence[str], optional: Sequence[str]
) -> Identity:
    """Values of a breakdown that do not add up to the total. Cause: a record without a value, or several.

    A measure that may be null and that a breakdown does not have (a channel ends no lead) is no part of it;
    else a member without any value of the breakdown has to have a total of 0.
    """
    member = ", ".join(_MEMBER)
    is_total = "breakdown = 'total'"

    def differs(breakdown: str) -> list[str]:
        found = []
        for name in map(identifier, measures):
            whole = f"coalesce(sum({name}) filter (where {is_total}), 0)"
            parts = f"coalesce(sum({name}) filter (where not {is_total}), 0)"
            is_of_it = "true"
            if name.strip('"') in optional:
                is_of_it = f"(select count({name}) > 0 from {{{table}}} where breakdown = '{breakdown}')"
            found.append(f"{whole} <> {parts} and {is_of_it}")
        return found

    each = [
        f"select {member}, '{breakdown}' as breakdown, {_named(differs(breakdown), measures)} "
        f"from {{{table}}} where breakdown in ('total', '{breakdown}') and {{touched}} group by {member}"
        for breakdown in breakdowns
    ]
    names = ", ".join(map(identifier, measures))
    union = " union all ".join(each)
    query = f"select {member}, breakdown, {names} from ({union}) as members where {_any(measures)}"
    return f"the values of {_and(breakdowns)} add up to the total", query, _MEMBER


def adds_up_over_months(table: str, measures: Sequence[str], *_: Sequence[str]) -> Identity:
    """Months that do not add up to their quarter or year. Cause: a period that is cut by another day."""
    member = "period_type, period_start, level, team_id, rep_id"
    names = ", ".join(map(identifier, measures))
    signed = ", ".join(f"-{name}" for name in map(identifier, measures))
    flags = _named(_flags(f"sum({identifier(name)})" for name in measures), measures)
    query = f"""
        with starts as (select distinct month_start, quarter_start, year_start from {{dim_dates}}),
        totals as (select * from {{{table}}} where breakdown = 'total' and period_type <> 'week'),
        signed as (
            select 'quarter' as period_type, quarter_start as period_start, level, team_id, rep_id, {names}
            from totals inner join starts on period_start = month_start where period_type = 'month'
            union all
            select 'year', year_start, level, team_id, rep_id, {names}
            from totals inner join starts on period_start = month_start where period_type = 'month'
            union all
            select {member}, {signed} from totals where period_type in ('quarter', 'year')
        )
        select * from (select {member}, {flags} from signed group by {member}) as longer
        where {_any(measures)}"""
    return "months add up to their quarter and their year", query, ()


KINDS: dict[str, Callable[..., Identity]] = {
    "adds_up_over_levels": adds_up_over_levels,
    "adds_up_over_breakdowns": adds_up_over_breakdowns,
    "adds_up_over_months": adds_up_over_months,
}
"""By the name of the dbt test that names the measures: from the table, the measures, the breakdowns and the
measures that may be null, the identity."""


def headline(slug: str, column: str) -> str:
    """A member and period of which the scorecard shows another number than the metric, or none, or one too
    many.
    """
    return f"""
        with shown as (select * from {{kpi_scorecard}} where kpi = '{slug}'),
        metric as (select * from {{kpi_{slug}}} where breakdown = 'total')
        select '{slug}' as kpi, {_either("shown", "metric")}
        from shown full outer join metric on {_same("shown", "metric")}
        where shown.kpi is null or metric.level is null
            or shown.value is distinct from cast(metric.{identifier(column)} as double)"""


def is_known(table: str, column: str, dimension: str) -> str:
    """Ids of `column` that the dimension lacks; null is above the member's level."""
    return (
        f"select {column} from (select distinct {column} from {{{table}}}) as used "
        f"anti join {{{dimension}}} using ({column}) where {column} is not null"
    )


def _per_month(
    table: str, fact: str, day: str, pairs: dict[str, tuple[str, str]], where: str = "true"
) -> str:
    """The company's months of a metric against its records; `pairs` is column -> (in the metric, of the
    records).

    Also a month that the metric lacks and the records have.
    """
    published = ", ".join(f"{metric} as {name}" for name, (metric, _) in pairs.items())
    recorded = ", ".join(f"{records} as {name}" for name, (_, records) in pairs.items())
    flags = ", ".join(
        f"coalesce(published.{name}, 0) <> coalesce(recorded.{name}, 0) as {name}" for name in pairs
    )
    return f"""
        with published as (
            select period_start as month_start, {published} from {{{table}}}
            where period_type = 'month' and level = 'company' and breakdown = 'total'
        ),
        recorded as (
            select date_trunc('month', {day})::date as month_start, {recorded} from {{{fact}}}
            where {where} group by 1
        ),
        compared as (
            select coalesce(published.month_start, recorded.month_start) as month_start, {flags}
            from published full outer join recorded on published.month_start = recorded.month_start
        )
        select * from compared where {_any(list(pairs))}"""


def _either(left: str, right: str, columns: Sequence[str] = _MEMBER) -> str:
    return ", ".join(f"coalesce({left}.{name}, {right}.{name}) as {name}" for name in columns)


def _same(left: str, right: str, columns: Sequence[str] = _MEMBER) -> str:
    """The join of two members; a plain equality first, so that DuckDB hashes on it."""
    nullable = ("team_id", "rep_id")
    return " and ".join(
        f"{left}.{name} {'is not distinct from' if name in nullable else '='} {right}.{name}"
        for name in columns
    )


def _flags(differences: Any) -> list[str]:
    return [f"coalesce({difference}, 0) <> 0" for difference in differences]


def _named(expressions: Sequence[str], names: Sequence[str]) -> str:
    return ", ".join(f"{sql} as {identifier(name)}" for sql, name in zip(expressions, names, strict=True))


def _any(measures: Sequence[str]) -> str:
    return " or ".join(map(identifier, measures))


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


_LEADS = {
    "leads": ("leads", "count(*)"),
    "qualified_leads": ("qualified_leads", "count(*) filter (where is_qualified)"),
    "disqualified_leads": ("disqualified_leads", "count(*) filter (where is_disqualified)"),
}
_RESPONSES = {
    "leads": ("leads", "count(*)"),
    "responded_leads": ("responded_leads", "count(*) filter (where is_answered)"),
    "unanswered_leads": ("unanswered_leads", "count(*) filter (where not is_answered)"),
    "within_sla_leads": ("within_sla_leads", "count(*) filter (where is_within_sla)"),
    "sla_eligible_leads": ("sla_eligible_leads", "count(*) filter (where is_sla_eligible)"),
}
_FOLLOW_UPS = {
    "contact_moments": ("contact_moments", "count(*)"),
    "first_responses": ("first_responses", "count(*) filter (where contact_role = 'first_response')"),
    "follow_ups": ("follow_ups", "count(*) filter (where contact_role = 'follow_up')"),
}
_COHORTS = {
    "leads": ("leads", "count(*)"),
    "customers": ("customers", "count(*) filter (where is_customer)"),
}
_SALES = {
    "won_opportunities": ("won_opportunities", "count(*) filter (where outcome = 'won')"),
    "closed_amount": ("closed_amount", "sum(amount) filter (where outcome = 'won')"),
    "lost_opportunities": ("lost_opportunities", "count(*) filter (where outcome = 'lost')"),
    "lost_amount": ("lost_amount", "sum(amount) filter (where outcome = 'lost')"),
}

WRITTEN_OUT: tuple[dict[str, Any], ...] = (
    {
        # cause: a join on keys that differ
        "name": "attainment_is_the_closed_sales",
        "table": "kpi_target_attainment",
        "phrase": "closed_amount is that of kpi_closed_sales",
        "query": f"""
            with attainment as (select * from {{kpi_target_attainment}}),
            sales as (select * from {{kpi_closed_sales}} where breakdown = 'total' and period_type <> 'week')
            select {_either("attainment", "sales")}
            from attainment full outer join sales on {_same("attainment", "sales")}
            where attainment.closed_amount is distinct from sales.closed_amount""",
    },
    {
        # cause: a creation day outside dim_dates, or a join that drops or multiplies leads
        "name": "leads_are_the_facts",
        "table": "kpi_number_of_leads",
        "phrase": "each of the company's months counts the rows of fct_leads",
        "query": _per_month("kpi_number_of_leads", "fct_leads", "created_on", _LEADS),
        "measures": tuple(_LEADS),
    },
    {
        "name": "responses_are_the_leads_with_a_clock",
        "table": "kpi_lead_response_time",
        "phrase": "each of the company's months counts the rows of fct_leads with a response clock",
        "query": _per_month(
            "kpi_lead_response_time", "fct_leads", "created_on", _RESPONSES, "has_response_clock"
        ),
        "measures": tuple(_RESPONSES),
    },
    {
        "name": "cohorts_are_the_facts",
        "table": "kpi_conversion_ratio",
        "phrase": "each of the company's months counts the leads and customers of fct_leads",
        "query": _per_month("kpi_conversion_ratio", "fct_leads", "created_on", _COHORTS),
        "measures": tuple(_COHORTS),
    },
    {
        # cause: a contact moment that two leads or products share
        "name": "contact_moments_are_the_facts",
        "table": "kpi_number_of_follow_ups",
        "phrase": "each of the company's months counts the rows of fct_contact_moments by their role",
        "query": _per_month("kpi_number_of_follow_ups", "fct_contact_moments", "occurred_on", _FOLLOW_UPS),
        "measures": tuple(_FOLLOW_UPS),
    },
    {
        "name": "answered_leads_have_one_first_response",
        "table": "fct_contact_moments",
        "phrase": "the leads with a first response are the answered ones of fct_leads",
        "query": """
            with responses as (
                select lead_id, count(*) as responses from {fct_contact_moments}
                where contact_role = 'first_response' group by lead_id
            ),
            answered as (select lead_id from {fct_leads} where is_answered)
            select coalesce(responses.lead_id, answered.lead_id) as lead_id
            from responses full outer join answered on responses.lead_id = answered.lead_id
            where answered.lead_id is null or responses.responses is distinct from 1""",
    },
    {
        # cause: a close date outside dim_dates, or a join that multiplies opportunities
        "name": "closed_sales_are_the_facts",
        "table": "kpi_closed_sales",
        "phrase": "each of the company's months adds up the closed rows of fct_opportunities",
        "query": _per_month("kpi_closed_sales", "fct_opportunities", "closed_on", _SALES, "is_closed"),
        "measures": tuple(_SALES),
    },
    {
        # cause: a gap or overlap in the history of an opportunity
        "name": "open_pipeline_is_the_open_opportunities",
        "table": "kpi_open_pipeline",
        "phrase": "the running month holds the open, qualified rows of fct_opportunities",
        "query": """
            with running as (
                select period_start, open_opportunities, open_amount from {kpi_open_pipeline}
                where period_type = 'month' and level = 'company' and breakdown = 'total'
                order by period_start desc limit 1
            ),
            recorded as (
                select count(*) as opportunities, coalesce(sum(amount), 0) as amount from {fct_opportunities}
                where is_open and is_qualified
            )
            select running.period_start,
                coalesce(open_opportunities, 0) <> opportunities as open_opportunities,
                coalesce(open_amount, 0) <> amount as open_amount
            from recorded left join running on true
            where coalesce(open_opportunities, 0) <> opportunities or coalesce(open_amount, 0) <> amount""",
        "measures": ("open_opportunities", "open_amount"),
    },
    {
        # cause: keys that exist in one period and are lost in the next
        "name": "pipeline_opens_with_what_was_left",
        "table": "kpi_open_pipeline",
        "phrase": "a month opens with the amount that the month before closed with",
        "query": """
            with months as (
                select period_start, level, team_id, rep_id, opening_amount,
                    lag(open_amount) over member as left_amount,
                    lag(period_start) over member as month_before
                from {kpi_open_pipeline} where period_type = 'month' and breakdown = 'total'
                window member as (partition by level, team_id, rep_id order by period_start)
            )
            select period_start, level, team_id, rep_id from months
            where month_before = period_start - interval 1 month
                and opening_amount is distinct from left_amount""",
    },
    {
        # cause: a close that the history of the opportunity does not show
        "name": "pipeline_wins_are_the_closed_sales",
        "table": "kpi_open_pipeline",
        "phrase": "the won_amount of a total is the closed_amount of kpi_closed_sales",
        "query": f"""
            with pipeline as (select * from {{kpi_open_pipeline}} where breakdown = 'total'),
            sales as (select * from {{kpi_closed_sales}} where breakdown = 'total')
            select {_either("pipeline", "sales")}
            from pipeline full outer join sales on {_same("pipeline", "sales")}
            where coalesce(pipeline.won_amount, 0) <> coalesce(sales.closed_amount, 0)""",
    },
    {
        # cause: changes at one instant that were not reduced to the last
        "name": "history_has_no_gap_or_overlap",
        "table": "fct_opportunity_history",
        "phrase": "an interval ends where the next of its opportunity starts",
        "query": """
            with intervals as (
                select opportunity_id, valid_from, valid_to,
                    lead(valid_from) over (partition by opportunity_id order by valid_from) as next_valid_from
                from {fct_opportunity_history}
            )
            select opportunity_id, valid_from from intervals
            where valid_to <> coalesce(next_valid_from, timestamp '9999-12-31 00:00:00')""",
    },
    {
        "name": "catalog_has_every_metric",
        "table": "kpi_scorecard",
        "phrase": "the metrics of the scorecard are those of metric_catalog",
        "query": """
            select coalesce(shown.kpi, catalog.slug) as kpi
            from (select distinct kpi from {kpi_scorecard}) as shown
            full outer join {metric_catalog} as catalog on shown.kpi = catalog.slug
            -- a company without any record has an empty scorecard
            where catalog.slug is null or (shown.kpi is null and exists (select 1 from {kpi_scorecard}))""",
    },
    {
        # cause: a rule that judges by itself what int_metric_norms judges
        "name": "signals_stand_in_the_scorecard",
        "table": "kpi_signals",
        "phrase": "every finding is of a metric, month and member of the scorecard",
        "query": f"""
            select signals.signal, {", ".join(f"signals.{name}" for name in _MEMBER[1:])}
            from {{kpi_signals}} as signals left join {{kpi_scorecard}} as scorecard
                on signals.kpi = scorecard.kpi and scorecard.period_type = 'month'
                and {_same("signals", "scorecard", _MEMBER[1:])}
            where scorecard.kpi is null""",
        "severity": "warn",
    },
)
"""What must agree between tables, as the fields of a `Reconciliation`."""
