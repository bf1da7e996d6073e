-- One row per period of each type from the first record to the run's instant, with the instant at which its stock is taken.
-- period_no counts on within its type: the next month has the next number, and a new period changes no other's.
with run as (
    select * from {{ ref('stg_zeven__run') }}
),

bounds as (
    select * from {{ ref('int_record_bounds') }}
),

days as (
    select dates.*
    from {{ ref('dim_dates') }} as dates
    cross join run
    cross join bounds
    where dates.date_day between bounds.first_on and run.as_of_on
),

started as (
    select distinct 'week' as period_type, week_start as period_start, week_start + interval 7 day as next_start from days
    union all
    select distinct 'month' as period_type, month_start as period_start, month_start + interval 1 month as next_start from days
    union all
    select distinct 'quarter' as period_type, quarter_start as period_start, quarter_start + interval 3 month as next_start from days
    union all
    select distinct 'year' as period_type, year_start as period_start, year_start + interval 12 month as next_start from days
),

ended as (
    select
        period_type,
        period_start,
        cast(
            row_number() over (partition by period_type order by period_start)
            + case period_type when 'week' then 1000000 when 'month' then 2000000 when 'quarter' then 3000000 else 4000000 end as integer
        ) as period_no,
        cast(next_start - interval 1 day as date) as period_end,
        lag(period_start) over (partition by period_type order by period_start) as previous_period_start,
        -- the same week a year ago is 52 weeks ago: the same weekdays, and every week has one
        cast(
            case period_type
                when 'week' then cast(period_start as timestamp) - interval 364 day
                else cast(period_start as timestamp) - interval 12 month
            end as date
        ) as year_earlier
    from started
),

judged as (
    select
        ended.period_type,
        ended.period_start,
        ended.period_no,
        previous.period_no as previous_no,
        last_year.period_no as last_year_no,
        ended.period_end,
        ended.period_end < run.as_of_on as is_complete,
        ended.previous_period_start,
        last_year.period_start as last_year_period_start,
        -- stock is taken at the end of the period, in the running one at the run's instant
        least(ended.period_end, run.as_of_on) as stock_on,
        -- just before this instant
        case
            when ended.period_end < run.as_of_on then {{ utc_from_local('ended.period_end + interval 1 day') }}
            else run.as_of + interval 1 microsecond
        end as stock_before
    from ended
    cross join run
    left join ended as previous
        on ended.period_type = previous.period_type and ended.previous_period_start = previous.period_start
    left join ended as last_year
        on ended.period_type = last_year.period_type and ended.year_earlier = last_year.period_start
)

select * from judged
