-- One row per day with the numbers of the periods that it lies in; null of a period that int_periods does not know.
with dates as (
    select * from {{ ref('dim_dates') }}
),

periods as (
    select * from {{ ref('int_periods') }}
),

placed as (
    select
        dates.date_day,
        weeks.period_no as week_no,
        months.period_no as month_no,
        quarters.period_no as quarter_no,
        years.period_no as year_no
    from dates
    left join periods as weeks on weeks.period_type = 'week' and dates.week_start = weeks.period_start
    left join periods as months on months.period_type = 'month' and dates.month_start = months.period_start
    left join periods as quarters on quarters.period_type = 'quarter' and dates.quarter_start = quarters.period_start
    left join periods as years on years.period_type = 'year' and dates.year_start = years.period_start
)

select * from placed
