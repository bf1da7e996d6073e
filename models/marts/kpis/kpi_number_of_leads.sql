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

keys as (
    {{ kpi_keys(['cut', 'workload']) }}
),

counted as (
    select
        {{ shared_kpi_columns('keys') }},
        coalesce(cut.leads, 0) as leads,
        coalesce(cut.qualified_leads, 0) as qualified_leads,
        coalesce(cut.disqualified_leads, 0) as disqualified_leads,
        coalesce(cut.open_leads, 0) as open_leads,
        {{ ratio('cut.qualified_leads', 'cut.leads') }} as qualification_ratio,
        coalesce(workload.workload_leads, 0) as workload_leads,
        coalesce(active_reps.active_reps, 0) as active_reps,
        {{ ratio('coalesce(workload.workload_leads, 0)', 'active_reps.active_reps') }} as workload_leads_per_rep,
        active_reps.capacity_leads_per_rep,
        {{ ratio(ratio('coalesce(workload.workload_leads, 0)', 'active_reps.active_reps'), 'active_reps.capacity_leads_per_rep') }} as workload_ratio,
        {{ compared_with('previous.leads', 'keys.previous_period_start') }} as previous_leads,
        {{ compared_with('last_year.leads', 'keys.last_year_period_start') }} as same_period_last_year_leads,
        seasonality.trend_leads,
        seasonality.seasonal_index,
        seasonality.seasonally_adjusted_leads
    from keys
    left join cut on {{ same_kpi_key('keys', 'cut') }}
    left join cut as previous on {{ same_kpi_key('keys', 'previous', period='previous_period_start') }}
    left join cut as last_year on {{ same_kpi_key('keys', 'last_year', period='last_year_period_start') }}
    left join workload on {{ same_kpi_key('keys', 'workload') }}
    left join active_reps
        on keys.period_type = active_reps.period_type
        and keys.period_start = active_reps.period_start
        and keys.level = active_reps.level
        and keys.team_id is not distinct from active_reps.team_id
        and keys.rep_id is not distinct from active_reps.rep_id
    left join seasonality
        on keys.period_type = 'month'
        and keys.breakdown = 'total'
        and keys.period_start = seasonality.period_start
        and keys.level = seasonality.level
        and keys.team_id is not distinct from seasonality.team_id
)

select * from counted
