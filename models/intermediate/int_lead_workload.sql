-- One row per period, member and breakdown value with leads that were open work at the end of the period, or at the run's instant:
-- how many. The stock is the running sum of its changes, and stays in periods in which nothing happens to it.
with changes as (
    select * from {{ ref('int_lead_workload_changes') }}
),

periods as (
    select *, max(period_no) over (partition by period_type) as newest_no from {{ ref('int_periods') }}
),

accumulated as (
    select
        changes.period_no,
        changes.member_no,
        changes.value_no,
        cast(sum(changes.net_leads) over in_time as bigint) as workload_leads,
        coalesce(lead(changes.period_no) over in_time - 1, periods.newest_no) as last_no
    from changes
    inner join periods on changes.period_no = periods.period_no
    window in_time as (partition by changes.member_no, changes.value_no, periods.newest_no order by changes.period_no)
),

loaded as (
    select
        {{ every_number('period_no', 'last_no') }} as period_no,
        member_no,
        value_no,
        workload_leads
    from accumulated
    where workload_leads <> 0
)

select * from loaded
