-- One row per key of the kpi tables with leads that were open work at the end of the period, or at the run's instant: how many.
-- The stock is the running sum of its changes.
with cut as (
    select * from {{ ref('int_lead_workload_changes') }}
),

periods as (
    select * from {{ ref('int_periods') }}
),

first_steps as (
    select period_type, level, team_id, rep_id, breakdown, breakdown_value, min(period_start) as first_period_start
    from cut
    group by period_type, level, team_id, rep_id, breakdown, breakdown_value
),

-- open work stays open in periods in which nothing happens to it
steps_by_period as (
    select
        first_steps.period_type,
        periods.period_start,
        first_steps.level,
        first_steps.team_id,
        first_steps.rep_id,
        first_steps.breakdown,
        first_steps.breakdown_value
    from first_steps
    inner join periods
        on first_steps.period_type = periods.period_type and first_steps.first_period_start <= periods.period_start
),

accumulated as (
    select
        steps_by_period.*,
        cast(
            sum(coalesce(cut.net_leads, 0)) over (
                partition by
                    steps_by_period.period_type,
                    steps_by_period.level,
                    steps_by_period.team_id,
                    steps_by_period.rep_id,
                    steps_by_period.breakdown,
                    steps_by_period.breakdown_value
                order by steps_by_period.period_start
            ) as bigint
        ) as workload_leads
    from steps_by_period
    left join cut on {{ same_kpi_key('steps_by_period', 'cut') }}
),

loaded as (
    select * from accumulated where workload_leads <> 0
)

select * from loaded
