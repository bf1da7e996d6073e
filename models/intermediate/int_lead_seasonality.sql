-- One row per month of the company and of each team with at least 24 complete months: the trend of its leads and the season in it.
-- trend: centred moving average over 12 months (2x12). index: mean of leads / trend of that calendar month, scaled to average 1.
with periods as (
    select * from {{ ref('int_periods') }} where period_type = 'month' and is_complete
),

members as (
    select * from {{ ref('int_members') }} where level in ('company', 'team')
),

by_period as (
    select * from {{ ref('int_leads_by_period') }} where value_no = 0
),

months as (
    select
        periods.period_no,
        periods.period_start,
        members.member_no,
        coalesce(by_period.leads, 0) as leads
    from periods
    cross join members
    left join by_period on periods.period_no = by_period.period_no and members.member_no = by_period.member_no
),

averaged as (
    select
        *,
        count(*) over (partition by member_no) as month_count,
        count(*) over (partition by member_no order by period_start rows between 6 preceding and 6 following) as window_count,
        -- of twelve months twice, half a month apart
        sum(leads) over (partition by member_no order by period_start rows between 6 preceding and 5 following)
        + sum(leads) over (partition by member_no order by period_start rows between 5 preceding and 6 following) as leads_of_24_months
    from months
),

trended as (
    select
        period_no,
        period_start,
        member_no,
        leads,
        case when window_count = 13 then {{ ratio('leads_of_24_months', 24) }} end as trend_leads
    from averaged
    where month_count >= 24
),

seasons as (
    select
        member_no,
        extract(month from period_start) as calendar_month,
        {{ mean(ratio('leads', 'trend_leads'), decimals=18) }} as raw_index
    from trended
    group by member_no, extract(month from period_start)
),

scaled as (
    select
        member_no,
        calendar_month,
        case
            when count(raw_index) over (partition by member_no) = 12
                then {{ ratio('raw_index', 'avg(cast(raw_index as decimal(28, 18))) over (partition by member_no)') }}
        end as seasonal_index
    from seasons
),

adjusted as (
    select
        trended.period_no,
        trended.member_no,
        0 as value_no,
        trended.trend_leads,
        scaled.seasonal_index,
        {{ ratio('trended.leads', 'scaled.seasonal_index') }} as seasonally_adjusted_leads
    from trended
    left join scaled
        on trended.member_no = scaled.member_no
        and extract(month from trended.period_start) = scaled.calendar_month
)

select * from adjusted
