-- One row per day from the start of the first record's fiscal year to the end of the running one, with the business hours of that day.
with run as (
    select * from {{ ref('stg_zeven__run') }}
),

bounds as (
    select * from {{ ref('int_record_bounds') }}
),

holidays as (
    select * from {{ ref('holidays') }}
),

limits as (
    select
        least(cast(date_trunc('week', bounds.first_on) as date), {{ fiscal_start('year', 'bounds.first_on') }}) as first_day,
        greatest(
            cast(date_trunc('week', run.as_of_on) + interval 6 day as date),
            cast({{ fiscal_start('year', 'run.as_of_on') }} + interval 12 month - interval 1 day as date)
        ) as last_day
    from bounds
    cross join run
),

days as (
    {{ date_spine('limits', 'first_day', 'last_day') }}
),

dated as (
    select
        days.date_day,
        {{ iso_weekday('days.date_day') }} as iso_weekday,
        cast(date_trunc('week', days.date_day) as date) as week_start,
        cast(date_trunc('month', days.date_day) as date) as month_start,
        {{ fiscal_start('quarter', 'days.date_day') }} as quarter_start,
        {{ fiscal_start('year', 'days.date_day') }} as year_start,
        holidays.holiday_name,
        holidays.hours as holiday_hours
    from days
    left join holidays on days.date_day = holidays.holiday_on
),

opened as (
    select
        *,
        {{ business_hour('opens') }} as opens_at,
        {{ business_hour('closes') }} as closes_at
    from dated
),

counted as (
    select
        date_day,
        iso_weekday,
        week_start,
        month_start,
        quarter_start,
        year_start,
        holiday_name,
        opens_at is not null as is_working_day,
        opens_at,
        closes_at,
        coalesce({{ minutes_between('opens_at', 'closes_at') }}, 0) as business_minutes,
        coalesce(
            sum({{ minutes_between('opens_at', 'closes_at') }})
                over (order by date_day rows between unbounded preceding and 1 preceding),
            0
        ) as business_minutes_before
    from opened
)

select * from counted
