-- One row per period, level and breakdown value: of the leads that came in, how many became opportunities and customers.
with cut as (
    select * from {{ ref('int_leads_by_period') }}
),

customers as (
    select * from {{ ref('fct_leads') }} where days_to_customer is not null
),

converted as (
    select * from {{ ref('int_leads_converted_by_period') }}
),

targets as (
    select {{ spelling('source') }} as source, max(target_ratio) as target_ratio
    from {{ ref('conversion_targets') }}
    group by {{ spelling('source') }}
),

run as (
    select * from {{ ref('stg_zeven__run') }}
),

medians as (
    {{ wholes_by_cut(
        'customers',
        {'median_days_to_customer': 'median(cast(days_to_customer as double))'},
        day='created_on',
        breakdowns={'source': 'source', 'industry': 'industry', 'campaign': 'campaign', 'channel': 'first_response_channel'},
    ) }}
),

gathered as (
    {{ kpi_rows({
        'cut': [
            'leads', 'opportunity_leads', 'customers', 'opportunity_customers', 'customers_within_90_days',
        ],
        'medians': ['median_days_to_customer'],
        'converted': ['converted_in_period'],
    }) }}
),

-- how long nearly all customers took: younger leads still become customers, and do not compare with older ones
ripening as (
    select percentile_cont(0.9) within group (order by days_to_customer) as p90_days_to_customer
    from customers
),

aged as (
    select gathered.*, {{ days_between('gathered.period_end', 'run.as_of_on') }} as days_since_period_end
    from gathered
    cross join run
),

measured as (
    select
        {{ shared_kpi_columns('aged') }},
        coalesce(aged.leads, 0) as leads,
        coalesce(aged.opportunity_leads, 0) as opportunity_leads,
        coalesce(aged.customers, 0) as customers,
        {{ ratio('aged.customers', 'aged.leads') }} as conversion_ratio,
        {{ wilson_bound('low', 'aged.customers', 'aged.leads') }} as conversion_ratio_low,
        {{ wilson_bound('high', 'aged.customers', 'aged.leads') }} as conversion_ratio_high,
        coalesce(aged.customers_within_90_days, 0) as customers_within_90_days,
        case when aged.days_since_period_end >= 90 then {{ ratio('aged.customers_within_90_days', 'aged.leads') }} end as conversion_ratio_90_days,
        {{ ratio('aged.opportunity_leads', 'aged.leads') }} as lead_to_opportunity_ratio,
        {{ ratio('aged.opportunity_customers', 'aged.opportunity_leads') }} as opportunity_to_customer_ratio,
        aged.median_days_to_customer,
        coalesce(aged.days_since_period_end >= ripening.p90_days_to_customer, false) as is_mature,
        coalesce(source_target.target_ratio, default_target.target_ratio) as target_ratio,
        coalesce(aged.converted_in_period, 0) as converted_in_period
    from aged
    cross join ripening
    left join targets as source_target on aged.breakdown = 'source' and {{ spelling('aged.breakdown_value') }} = source_target.source
    left join targets as default_target on default_target.source = 'default'
)

select * from measured
