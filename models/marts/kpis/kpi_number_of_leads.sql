-- One row per period, level and breakdown value: leads that came in, their quality, and the work they are for the team.
with breakdown_values as (
    select * from {{ ref('int_breakdown_values') }}
),

-- channels are asked of conversions alone
cut as (
    select by_period.*
    from {{ ref('int_leads_by_period') }} as by_period
    inner join breakdown_values on by_period.value_no = breakdown_values.value_no
    where breakdown_values.breakdown <> 'channel'
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
        {
            'cut': ['leads', 'qualified_leads', 'disqualified_leads', 'open_leads'],
            'workload': ['workload_leads'],
            'seasonality': ['trend_leads', 'seasonal_index', 'seasonally_adjusted_leads'],
        },
        compared={
            'previous_leads': ['cut', 'leads', 'previous_no'],
            'same_period_last_year_leads': ['cut', 'leads', 'last_year_no'],
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
        {{ compared_with('counted.previous_leads', 'counted.previous_no') }} as previous_leads,
        {{ compared_with('counted.same_period_last_year_leads', 'counted.last_year_no') }} as same_period_last_year_leads,
        counted.trend_leads,
        counted.seasonal_index,
        counted.seasonally_adjusted_leads
    from counted
    left join active_reps on counted.period_no = active_reps.period_no and counted.member_no = active_reps.member_no
)

select * from measured
