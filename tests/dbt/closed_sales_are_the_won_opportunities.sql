-- Detects sales that the cut by period lost or counted twice: the company's years add up to all won opportunities.
-- Likely cause: a close date outside dim_dates, or a join that multiplies opportunities. A row is the difference.
{{ config(tags=['asked_by_publishing'], meta={'dagster': {'ref': {'name': 'kpi_closed_sales'}}}) }}
with published as (
    select coalesce(sum(closed_amount), 0) as amount, coalesce(sum(won_opportunities), 0) as opportunities
    from {{ ref('kpi_closed_sales') }}
    where period_type = 'year' and level = 'company' and breakdown = 'total'
),

recorded as (
    select coalesce(sum(amount), 0) as amount, count(*) as opportunities
    from {{ ref('fct_opportunities') }}
    where is_closed and outcome = 'won'
)

select published.amount as published_amount, recorded.amount as recorded_amount
from published
cross join recorded
where published.amount <> recorded.amount or published.opportunities <> recorded.opportunities
