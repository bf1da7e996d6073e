-- Detects leads that vanish from the response times: answered and unanswered ones of the company's years are the leads with a clock.
-- Likely cause: a creation day outside dim_dates, or a join that drops or multiplies leads. A row is the difference.
{{ config(meta={'dagster': {'ref': {'name': 'kpi_lead_response_time'}}}) }}
with published as (
    select
        coalesce(sum(responded_leads), 0) as responded,
        coalesce(sum(unanswered_leads), 0) as unanswered,
        coalesce(sum(within_sla_leads), 0) as within_sla
    from {{ ref('kpi_lead_response_time') }}
    where period_type = 'year' and level = 'company' and breakdown = 'total'
),

recorded as (
    select
        count(*) filter (where is_answered) as responded,
        count(*) filter (where not is_answered) as unanswered,
        count(*) filter (where business_response_minutes <= {{ var('sla_minutes') }}) as within_sla
    from {{ ref('fct_leads') }}
    where has_response_clock
)

select
    published.responded as published_responded,
    recorded.responded as recorded_responded,
    published.unanswered as published_unanswered,
    recorded.unanswered as recorded_unanswered,
    published.within_sla as published_within_sla,
    recorded.within_sla as recorded_within_sla
from published
cross join recorded
where
    published.responded <> recorded.responded
    or published.unanswered <> recorded.unanswered
    or published.within_sla <> recorded.within_sla
