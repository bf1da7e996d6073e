-- One row per month, quarter and year and level: what was closed against what was to be closed.
with spine as (
    select * from {{ ref('int_kpi_spine') }} where period_type <> 'week'
),

periods as (
    select * from {{ ref('int_periods') }}
),

targets as (
    select * from {{ ref('int_targets_rolled_up') }}
),

closed_sales as (
    select * from {{ ref('int_closed_sales_by_period') }}
),

keys as (
    {{ kpi_keys([]) }}
),

compared as (
    select
        {{ shared_kpi_columns('keys') }},
        targets.target_amount,
        cast(coalesce(closed_sales.closed_amount, 0) as decimal(18, 2)) as closed_amount,
        {{ ratio('coalesce(closed_sales.closed_amount, 0)', 'targets.target_amount') }} as attainment_ratio,
        cast(targets.target_amount - coalesce(closed_sales.closed_amount, 0) as decimal(18, 2)) as gap_amount
    from keys
    left join targets
        on keys.period_type = targets.period_type
        and keys.period_start = targets.period_start
        and keys.level = targets.level
        and keys.team_id is not distinct from targets.team_id
        and keys.rep_id is not distinct from targets.rep_id
    left join closed_sales on {{ same_kpi_key('keys', 'closed_sales') }}
)

select * from compared
