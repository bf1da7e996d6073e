-- One row per goal and period in it: what is to be won in deals.
with newest as (
    {{ newest_version(source('raw_pipedrive', 'goals'), ['id']) }}
),

newest_currencies as (
    {{ newest_version(source('raw_pipedrive', 'currencies'), ['id']) }}
),

counted as (
    select
        *,
        cast(date_trunc('month', duration_start) as date) as first_month,
        -- a goal without an end is told for five years
        coalesce(duration_end, cast(duration_start + interval 60 month as date)) as last_day
    from newest
    where
        not _is_deleted
        and type_name = 'deals_won'
        and tracking_metric = 'sum'
        and coalesce(is_active, true)
        and goal_interval in ('monthly', 'quarterly', 'yearly')
),

bounds as (
    select min(first_month) as first_day, max(last_day) as last_day
    from counted
),

days as (
    {{ date_spine('bounds', 'first_day', 'last_day') }}
),

periods as (
    select
        counted.*,
        days.date_day as period_start,
        (extract(year from days.date_day) - extract(year from counted.first_month)) * 12
        + extract(month from days.date_day) - extract(month from counted.first_month) as month_number
    from counted
    inner join days on days.date_day >= counted.first_month and days.date_day <= counted.last_day
    where extract(day from days.date_day) = 1
),

renamed as (
    select
        case when periods.assignee_type = 'person' then periods._source || ':' || periods.assignee_id end as rep_id,
        case when periods.assignee_type = 'team' then periods._source || ':' || periods.assignee_id end as team_id,
        case periods.goal_interval when 'monthly' then 'month' when 'quarterly' then 'quarter' else 'year' end as period_type,
        coalesce(upper(newest_currencies.code), '{{ var("currency") }}') as currency,
        periods.target as target_amount,
        periods.period_start
    from periods
    left join newest_currencies
        on periods._source = newest_currencies._source
        and periods.currency_id = newest_currencies.id
    where
        periods.goal_interval = 'monthly'
        or (periods.goal_interval = 'quarterly' and mod(periods.month_number, 3) = 0)
        or (periods.goal_interval = 'yearly' and mod(periods.month_number, 12) = 0)
)

select * from renamed
