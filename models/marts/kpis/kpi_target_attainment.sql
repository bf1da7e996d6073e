-- One row per month, quarter and year and level: what was closed against what was to be closed, at which pace, and what is left to do.
with working_days as (
    select * from {{ ref('int_working_days') }}
),

targets as (
    select * from {{ ref('int_targets_rolled_up') }}
),

closed_sales as (
    select * from {{ ref('int_closed_sales_by_period') }} where value_no = 0
),

pipeline as (
    select * from {{ ref('int_expected_pipeline_by_period') }}
),

keys as (
    {{ kpi_rows({'closed_sales': ['closed_amount'], 'pipeline': ['open_amount', 'weighted_amount']}) }}
),

gathered as (
    select
        {{ shared_kpi_columns('keys') }},
        targets.target_amount,
        {{ money_or_zero('keys.closed_amount') }} as closed_amount,
        working_days.elapsed_days,
        working_days.left_days,
        {{ ratio('working_days.elapsed_days', 'working_days.elapsed_days + working_days.left_days') }} as elapsed_ratio,
        {{ share_of('targets.target_amount', 'working_days.elapsed_days', 'working_days.elapsed_days + working_days.left_days') }}
            as expected_amount,
        {{ money_or_zero('keys.open_amount') }} as pipeline_amount,
        {{ money_or_zero('keys.weighted_amount') }} as weighted_pipeline_amount
    from keys
    left join targets on {{ same_member('keys', 'targets') }} and keys.period_start = targets.period_start
    left join working_days on keys.period_type = working_days.period_type and keys.period_start = working_days.period_start
    -- targets are set for months and longer
    where keys.period_type <> 'week'
),

projected as (
    select
        *,
        cast(target_amount - closed_amount as decimal(18, 2)) as gap_amount,
        {{ share_of('closed_amount', 'elapsed_days + left_days', 'elapsed_days') }} as projected_amount,
        {{ ratio('closed_amount', 'expected_amount') }} as pace_ratio
    from gathered
),

judged as (
    select
        {{ shared_kpi_columns() }},
        target_amount,
        closed_amount,
        {{ ratio('closed_amount', 'target_amount') }} as attainment_ratio,
        gap_amount,
        elapsed_ratio,
        expected_amount,
        pace_ratio,
        projected_amount,
        {{ ratio('projected_amount', 'target_amount') }} as projected_attainment_ratio,
        pipeline_amount,
        weighted_pipeline_amount,
        case when gap_amount > 0 then {{ ratio('pipeline_amount', 'gap_amount') }} end as coverage_ratio,
        case when gap_amount <= 0 then 0 else {{ share_of('gap_amount', 1, 'left_days') }} end as required_per_working_day,
        case
            when target_amount is null then null
            when closed_amount >= target_amount then 'reached'
            -- nothing was expected yet: no working day has begun
            when pace_ratio is null or pace_ratio >= 1 then 'on_track'
            when pace_ratio >= {{ var('at_risk_from') }} then 'at_risk'
            else 'behind'
        end as status
    from projected
)

select * from judged
