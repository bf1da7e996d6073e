-- One row per month of the company and of each team with at least 24 complete months: the trend of its leads and the season in it.
-- trend: centred moving average over 12 months (2x12). index: mean of leads / trend of that calendar month, scaled to average 1.
with months as (
    select
        spine.period_start,
        spine.level,
        spine.team_id,
        coalesce(by_period.leads, 0) as leads
    from {{ ref('int_kpi_spine') }} as spine
    inner join {{ ref('int_periods') }} as periods
        on spine.period_type = periods.period_type and spine.period_start = periods.period_start
    left join {{ ref('int_leads_by_period') }} as by_period on {{ same_kpi_key('spine', 'by_period') }}
    where
        spine.period_type = 'month'
        and spine.level in ('company', 'team')
        and periods.is_complete
),

averaged as (
    select
        *,
        count(*) over member as month_count,
        count(*) over (member_months rows between 6 preceding and 6 following) as window_count,
        (
            sum(leads) over (member_months rows between 6 preceding and 5 following)
            + sum(leads) over (member_months rows between 5 preceding and 6 following)
        ) / 24.0 as centred_average
    from months
    window
        member as (partition by level, team_id),
        member_months as (partition by level, team_id order by period_start)
),

trended as (
    select
        period_start,
        level,
        team_id,
        leads,
        case when window_count = 13 then cast(centred_average as double) end as trend_leads
    from averaged
    where month_count >= 24
),

seasons as (
    select
        level,
        team_id,
        extract(month from period_start) as calendar_month,
        {{ mean(ratio('leads', 'trend_leads'), decimals=18) }} as raw_index
    from trended
    group by level, team_id, extract(month from period_start)
),

scaled as (
    select
        level,
        team_id,
        calendar_month,
        case
            when count(raw_index) over (partition by level, team_id) = 12
                then {{ ratio('raw_index', 'avg(cast(raw_index as decimal(28, 18))) over (partition by level, team_id)') }}
        end as seasonal_index
    from seasons
),

adjusted as (
    select
        trended.period_start,
        trended.level,
        trended.team_id,
        trended.trend_leads,
        scaled.seasonal_index,
        {{ ratio('trended.leads', 'scaled.seasonal_index') }} as seasonally_adjusted_leads
    from trended
    left join scaled
        on trended.level = scaled.level
        and trended.team_id is not distinct from scaled.team_id
        and extract(month from trended.period_start) = scaled.calendar_month
)

select * from adjusted
