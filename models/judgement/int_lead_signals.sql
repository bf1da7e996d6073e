-- One row per finding about the number of leads: the work that they are, how their number changed, and their quality.
with months as (
    select * from {{ ref('int_judged_months') }}
),

norms as (
    select * from {{ ref('int_metric_norms') }} where kpi = 'number_of_leads'
),

leads as (
    select
        *,
        lag(seasonally_adjusted_leads) over (partition by level, team_id, rep_id, breakdown, breakdown_value order by period_start)
            as previous_adjusted_leads
    from {{ ref('kpi_number_of_leads') }}
    where period_type = 'month'
),

judged as (
    select
        leads.*,
        months.moment,
        norms.status,
        {{ ratio('leads.leads - leads.previous_leads', 'leads.previous_leads') }} as raw_change,
        {{ ratio('leads.seasonally_adjusted_leads - leads.previous_adjusted_leads', 'leads.previous_adjusted_leads') }} as adjusted_change
    from leads
    inner join months on leads.period_start = months.period_start
    left join norms on {{ same_kpi_key('leads', 'norms') }}
),

found as (
    -- one rep's leads come and go: only what is far outside is told
    select {{ finding(
        'leads_below_capacity', 'number_of_leads', variant=group_or_rep(), severity=alert_where("status = 'bad'"), unit='number',
        value='workload_leads_per_rep', reference='capacity_leads_per_rep', sample='workload_leads'
    ) }}
    from judged
    where moment = 'running' and workload_ratio < {{ var('workload_low') }} and (status = 'bad' or (status = 'watch' and level <> 'rep'))
    union all
    select {{ finding(
        'leads_above_capacity', 'number_of_leads', variant=group_or_rep(), severity=alert_where("status = 'bad'"), unit='number',
        value='workload_leads_per_rep', reference='capacity_leads_per_rep', sample='workload_leads'
    ) }}
    from judged
    where moment = 'running' and workload_ratio > {{ var('workload_high') }} and (status = 'bad' or (status = 'watch' and level <> 'rep'))
    union all
    select {{ finding(
        'leads_seasonal_swing', 'number_of_leads', variant=up_or_down('raw_change'), severity="'info'", unit='change',
        value='raw_change', reference='adjusted_change', sample='leads'
    ) }}
    from judged
    where
        moment = 'complete'
        and abs(raw_change) >= {{ var('signal_change_large') }}
        and abs(adjusted_change) <= {{ var('signal_change_small') }}
        and {{ is_more_than_chance('leads', 'previous_leads') }}
    union all
    select {{ finding(
        'leads_real_trend', 'number_of_leads', variant=up_or_down('adjusted_change'), severity="case when adjusted_change > 0 then 'info' else 'warn' end", unit='change',
        value='adjusted_change', reference='raw_change', sample='leads'
    ) }}
    from judged
    where
        moment = 'complete'
        and abs(adjusted_change) >= {{ var('signal_change_large') }}
        -- the seasonal index is uncertain itself: it comes from about two years
        and {{ is_more_than_chance('seasonally_adjusted_leads', 'previous_adjusted_leads', variance=1.5) }}
    union all
    select {{ finding(
        'low_qualification', 'number_of_leads', variant=group_or_rep_or_source(), severity="'warn'", unit='ratio',
        value='qualification_ratio', reference=var('signal_qualification_low'), sample='leads'
    ) }}
    from judged
    where
        moment = 'complete'
        and {{ is_total_or_source_of_the_company() }}
        and qualification_ratio < {{ var('signal_qualification_low') }}
        and leads >= {{ var('signal_minimum_records') }}
)

select * from found
