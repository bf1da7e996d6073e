-- Detects a pipeline of today that differs from the opportunities that are open and qualified today.
-- Likely cause: a gap or overlap in the history of an opportunity. A row is the difference.
{{ config(tags=['asked_by_publishing'], meta={'dagster': {'ref': {'name': 'kpi_open_pipeline'}}}) }}
with years as (
    select max(period_start) as running from {{ ref('int_periods') }} where period_type = 'year'
),

published as (
    select
        coalesce(sum(pipeline.open_amount), 0) as amount,
        coalesce(sum(pipeline.open_opportunities), 0) as opportunities
    from {{ ref('kpi_open_pipeline') }} as pipeline
    inner join years on pipeline.period_start = years.running
    where pipeline.period_type = 'year' and pipeline.level = 'company' and pipeline.breakdown = 'total'
),

recorded as (
    select coalesce(sum(amount), 0) as amount, count(*) as opportunities
    from {{ ref('fct_opportunities') }}
    where is_open and is_qualified
)

select published.amount as published_amount, recorded.amount as recorded_amount
from published
cross join recorded
where published.amount <> recorded.amount or published.opportunities <> recorded.opportunities
