-- Detects target attainment that counts other sales than closed sales do.
-- Likely cause: a join on keys that differ. A row is a key whose two amounts differ.
{{ config(tags=['asked_by_publishing'], meta={'dagster': {'ref': {'name': 'kpi_target_attainment'}}}) }}
with attainment as (
    select * from {{ ref('kpi_target_attainment') }}
),

closed_sales as (
    select * from {{ ref('kpi_closed_sales') }} where breakdown = 'total' and period_type <> 'week'
)

select
    coalesce(attainment.period_type, closed_sales.period_type) as period_type,
    coalesce(attainment.period_start, closed_sales.period_start) as period_start,
    attainment.closed_amount as attained_amount,
    closed_sales.closed_amount
from attainment
full outer join closed_sales on {{ same_kpi_key('attainment', 'closed_sales') }}
where attainment.closed_amount is distinct from closed_sales.closed_amount
