-- One row per month in which findings are looked for: the running one, the newest complete one, and the newest whose leads have ripened.
with periods as (
    select * from {{ ref('int_periods') }} where period_type = 'month'
),

ripened as (
    select *
    from {{ ref('kpi_conversion_ratio') }}
    where period_type = 'month' and level = 'company' and breakdown = 'total' and is_mature
),

months as (
    select 'running' as moment, max(period_start) as period_start from periods where not is_complete
    union all
    select 'complete' as moment, max(period_start) as period_start from periods where is_complete
    union all
    select 'ripened' as moment, max(period_start) as period_start from ripened
),

known as (
    select * from months where period_start is not null
)

select * from known
