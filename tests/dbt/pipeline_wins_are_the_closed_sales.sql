-- Detects wins that the pipeline's movement and closed sales count differently: every win passes through the pipeline at its amount.
-- Likely cause: a close that the history of the opportunity does not show. A row is a key whose two amounts differ.
{{ config(meta={'dagster': {'ref': {'name': 'kpi_open_pipeline'}}}) }}
with pipeline as (
    select * from {{ ref('kpi_open_pipeline') }} where won_amount is not null
),

closed_sales as (
    select * from {{ ref('kpi_closed_sales') }} where breakdown in ('total', 'source', 'industry', 'product')
)

select
    coalesce(pipeline.period_type, closed_sales.period_type) as period_type,
    coalesce(pipeline.period_start, closed_sales.period_start) as period_start,
    coalesce(pipeline.breakdown_value, closed_sales.breakdown_value) as breakdown_value,
    pipeline.won_amount,
    closed_sales.closed_amount
from pipeline
full outer join closed_sales on {{ same_kpi_key('pipeline', 'closed_sales') }}
where coalesce(pipeline.won_amount, 0) <> coalesce(closed_sales.closed_amount, 0)
