-- One row per period, level and breakdown value: what was open and qualified at the period's end, or at the run's instant.
with spine as (
    select * from {{ ref('int_kpi_spine') }}
),

periods as (
    select * from {{ ref('int_periods') }}
),

cut as (
    select * from {{ ref('int_open_pipeline_by_period') }}
),

keys as (
    {{ kpi_keys(['cut']) }}
),

measured as (
    select
        {{ shared_kpi_columns('keys') }},
        coalesce(cut.open_opportunities, 0) as open_opportunities,
        cast(coalesce(cut.open_amount, 0) as decimal(18, 2)) as open_amount,
        cast(coalesce(cut.weighted_amount, 0) as decimal(18, 2)) as weighted_amount,
        cut.mean_age_days,
        coalesce(cut.stale_opportunities, 0) as stale_opportunities,
        coalesce(cut.overdue_opportunities, 0) as overdue_opportunities,
        coalesce(cut.opportunities_without_amount, 0) as opportunities_without_amount,
        coalesce(cut.is_reconstructed, false) as is_reconstructed
    from keys
    left join cut on {{ same_kpi_key('keys', 'cut') }}
)

select * from measured
