-- One row per period, with its working days that have begun by the run's instant and those that are left.
with periods as (
    select * from {{ ref('int_periods') }}
),

dates as (
    select * from {{ ref('dim_dates') }} where is_working_day
),

run as (
    select * from {{ ref('stg_zeven__run') }}
),

counted as (
    select
        periods.period_type,
        periods.period_start,
        count(case when dates.date_day <= run.as_of_on then 1 end) as elapsed_days,
        count(case when dates.date_day > run.as_of_on then 1 end) as left_days
    from periods
    cross join run
    left join dates on dates.date_day between periods.period_start and periods.period_end
    group by periods.period_type, periods.period_start
)

select * from counted
