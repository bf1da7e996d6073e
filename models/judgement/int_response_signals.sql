-- One row per finding about response time: a rep who is slower than the team (coaching), or a slow group of reps (process).
with months as (
    select * from {{ ref('int_judged_months') }} where moment in ('running', 'complete')
),

norms as (
    select * from {{ ref('int_metric_norms') }} where kpi = 'lead_response_time'
),

members as (
    select * from {{ ref('int_signal_members') }}
),

response as (
    select * from {{ ref('kpi_lead_response_time') }} where period_type = 'month' and breakdown = 'total'
),

judged as (
    select
        response.*,
        months.moment,
        norms.status,
        response.median_business_response_minutes > {{ var('sla_minutes') }} as is_slow
    from response
    inner join months on response.period_start = months.period_start
    inner join norms on {{ same_kpi_key('response', 'norms') }}
    where
        response.responded_leads >= {{ var('signal_minimum_records') }}
        -- answers without a time of day say nothing: who has no others is not quick
        and response.median_business_response_minutes is not null
),

reps as (
    select judged.*
    from judged
    inner join members on judged.level = 'rep' and members.level = 'rep' and judged.rep_id = members.rep_id
),

-- a group is slow by its process where at least half of its reps are slow; by one rep's doing where they are not
rep_counts as (
    select
        period_start,
        case when grouping(team_id) = 0 then 'team' else 'company' end as level,
        team_id,
        count(*) as reps,
        count(*) filter (where is_slow) as slow_reps
    from reps
    group by grouping sets ((period_start), (period_start, team_id))
),

slow_groups as (
    select judged.*
    from judged
    left join rep_counts
        on judged.period_start = rep_counts.period_start
        and judged.level = rep_counts.level
        and judged.team_id is not distinct from rep_counts.team_id
    where judged.level <> 'rep' and judged.is_slow and coalesce(2 * rep_counts.slow_reps >= rep_counts.reps, true)
),

slow_reps as (
    select reps.*
    from reps
    left join slow_groups
        on reps.period_start = slow_groups.period_start and slow_groups.level = 'team' and reps.team_id = slow_groups.team_id
    where
        slow_groups.team_id is null
        and reps.median_business_response_minutes > greatest(reps.team_median_business_response_minutes, {{ var('sla_minutes') }})
        and reps.median_business_response_minutes
        >= {{ var('signal_slower_factor') }} * least(reps.team_median_business_response_minutes, {{ var('sla_minutes') }})
),

found as (
    select {{ finding(
        'team_slow', 'lead_response_time', severity=alert_where("status = 'bad'"), unit='minutes',
        value='median_business_response_minutes', reference=var('sla_minutes'), sample='responded_leads'
    ) }}
    from slow_groups
    union all
    select {{ finding(
        'rep_slower_than_team', 'lead_response_time', severity="'warn'", unit='minutes',
        value='median_business_response_minutes', reference='team_median_business_response_minutes', sample='responded_leads'
    ) }}
    from slow_reps
)

select * from found
