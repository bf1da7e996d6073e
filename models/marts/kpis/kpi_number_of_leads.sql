-- One row per period, level and breakdown value: leads that came in, their quality, and the work they are for the team.
with spine as (
    select * from {{ ref('int_kpi_spine') }}
),

periods as (
    select * from {{ ref('int_periods') }}
),

cut as (
    select * from {{ ref('int_leads_by_period') }}
),

workload as (
    select * from {{ ref('int_lead_workload') }}
),

active_reps as (
    select * from {{ ref('int_active_reps') }}
),

seasonality as (
    select * from {{ ref('int_lead_seasonality') }}
),

counted as (
    {{ kpi_rows(
        {'cut': ['leads', 'qualified_leads', 'disqualified_leads', 'open_leads'], 'workload': ['workload_leads']},
        compared={
            'previous_leads': ['cut', 'leads', 'previous_period_start'],
            'same_period_last_year_leads': ['cut', 'leads', 'last_year_period_start'],
        },
    ) }}
),

measured as (
    select
        {{ shared_kpi_columns('counted') }},
        coalesce(counted.leads, 0) as leads,
        coalesce(counted.qualified_leads, 0) as qualified_leads,
        coalesce(counted.disqualified_leads, 0) as disqualified_leads,
        coalesce(counted.open_leads, 0) as open_leads,
        {{ ratio('counted.qualified_leads', 'counted.leads') }} as qualification_ratio,
        coalesce(counted.workload_leads, 0) as workload_leads,
        coalesce(active_reps.active_reps, 0) as active_reps,
        {{ ratio('coalesce(counted.workload_leads, 0)', 'active_reps.active_reps') }} as workload_leads_per_rep,
        active_reps.capacity_leads_per_rep,
        {{ ratio(ratio('coalesce(counted.workload_leads, 0)', 'active_reps.active_reps'), 'active_reps.capacity_leads_per_rep') }} as workload_ratio,
        {{ compared_with('counted.previous_leads', 'counted.previous_period_start') }} as previous_leads,
        {{ compared_with('counted.same_period_last_year_leads', 'counted.last_year_period_start') }} as same_period_last_year_leads,
        seasonality.trend_leads,
        seasonality.seasonal_index,
        seasonality.seasonally_adjusted_leads
    from counted
    left join active_reps
        on {{ same_member('counted', 'active_reps') }}
        and counted.period_start = active_reps.period_start
    left join seasonality
        on counted.period_type = 'month'
        and counted.breakdown = 'total'
        and counted.period_start = seasonality.period_start
        and counted.level = seasonality.level
        and counted.team_id is not distinct from seasonality.team_id
)

select * from measured
