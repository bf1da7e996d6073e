-- Detects a pipeline that does not chain: a period opens with what the one before closed with, also where that one has no row.
-- Likely cause: keys that exist in one period and are lost in the next. A row is a key whose opening differs.
{{ config(meta={'dagster': {'ref': {'name': 'kpi_open_pipeline'}}}) }}
with pipeline as (
    select * from {{ ref('kpi_open_pipeline') }} where opening_amount is not null
),

periods as (
    select * from {{ ref('int_periods') }}
),

following as (
    select pipeline.*, next_periods.period_start as next_period_start
    from pipeline
    inner join periods as next_periods
        on pipeline.period_type = next_periods.period_type and pipeline.period_start = next_periods.previous_period_start
)

select following.period_type, following.period_start, following.breakdown_value, following.open_amount, later.opening_amount
from following
left join pipeline as later on {{ same_kpi_key('following', 'later', period='next_period_start') }}
where following.open_amount <> coalesce(later.opening_amount, 0)
