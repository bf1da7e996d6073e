-- One row per period, level and breakdown value: of the leads that came in, how many became opportunities and customers.
with spine as (
    select * from {{ ref('int_kpi_spine') }}
),

periods as (
    select * from {{ ref('int_periods') }}
),

leads as (
    select * from {{ ref('fct_leads') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

run as (
    select * from {{ ref('stg_zeven__run') }}
),

dated as (
    {{ with_period_starts('leads', 'created_on') }}
),

cut as (
    {{ cut_by_period_and_level(
        'dated',
        {
            'leads': 'count(*)',
            'opportunity_leads': 'count(*) filter (where opportunities > 0)',
            'customers': 'count(*) filter (where is_customer)',
            'opportunity_customers': 'count(*) filter (where is_customer and opportunities > 0)',
            'median_days_to_customer': 'median(cast(days_to_customer as double))',
        },
        breakdowns={'source': 'source', 'industry': 'industry', 'campaign': 'campaign'},
    ) }}
),

keys as (
    {{ kpi_keys(['cut']) }}
),

-- how long nearly all customers took: younger leads still become customers, and do not compare with older ones
ripening as (
    select percentile_cont(0.9) within group (order by days_to_customer) as p90_days_to_customer
    from dated
),

measured as (
    select
        {{ shared_kpi_columns('keys') }},
        coalesce(cut.leads, 0) as leads,
        coalesce(cut.opportunity_leads, 0) as opportunity_leads,
        coalesce(cut.customers, 0) as customers,
        {{ ratio('cut.customers', 'cut.leads') }} as conversion_ratio,
        {{ ratio('cut.opportunity_leads', 'cut.leads') }} as lead_to_opportunity_ratio,
        {{ ratio('cut.opportunity_customers', 'cut.opportunity_leads') }} as opportunity_to_customer_ratio,
        cut.median_days_to_customer,
        coalesce({{ days_between('keys.period_end', 'run.as_of_on') }} >= ripening.p90_days_to_customer, false) as is_mature
    from keys
    cross join run
    cross join ripening
    left join cut on {{ same_kpi_key('keys', 'cut') }}
)

select * from measured
