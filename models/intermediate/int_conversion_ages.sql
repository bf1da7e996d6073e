-- One row per period: whether its leads are old enough to count who became a customer within 90 days, and to compare with older leads.
with periods as (
    select * from {{ ref('int_periods') }}
),

run as (
    select * from {{ ref('stg_zeven__run') }}
),

-- how long nearly all customers took: younger leads still become customers, and do not compare with older ones; 147 days are 147, whatever
-- interpolation leaves behind
ripening as (
    select {{ rounded('percentile_cont(0.9) within group (order by days_to_customer)', 9) }} as p90_days_to_customer
    from {{ ref('fct_leads') }}
),

aged as (
    select periods.period_no, {{ days_between('periods.period_end', 'run.as_of_on') }} as days_since_period_end
    from periods
    cross join run
),

judged as (
    select
        aged.period_no,
        aged.days_since_period_end >= 90 as is_after_90_days,
        coalesce(aged.days_since_period_end >= ripening.p90_days_to_customer, false) as is_mature
    from aged
    cross join ripening
)

select * from judged
