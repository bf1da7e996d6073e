-- One row per period, level and breakdown value: of the leads that came in, how many became opportunities and customers.
with cut as (
    select * from {{ ref('int_leads_by_period') }}
),

customer_days as (
    select * from {{ ref('int_customer_days_by_period') }}
),

converted as (
    select * from {{ ref('int_leads_converted_by_period') }}
),

targets as (
    select {{ spelling('source') }} as source, max(target_ratio) as target_ratio
    from {{ ref('conversion_targets') }}
    group by {{ spelling('source') }}
),

ages as (
    select * from {{ ref('int_conversion_ages') }}
),

gathered as (
    {{ kpi_rows({
        'cut': [
            'leads', 'opportunity_leads', 'customers', 'opportunity_customers', 'customers_within_90_days',
        ],
        'customer_days': ['median_days_to_customer'],
        'converted': ['converted_in_period'],
    }) }}
),

measured as (
    select
        {{ shared_kpi_columns('gathered') }},
        coalesce(gathered.leads, 0) as leads,
        coalesce(gathered.opportunity_leads, 0) as opportunity_leads,
        coalesce(gathered.customers, 0) as customers,
        {{ ratio('gathered.customers', 'gathered.leads') }} as conversion_ratio,
        {{ wilson_bound('low', 'gathered.customers', 'gathered.leads') }} as conversion_ratio_low,
        {{ wilson_bound('high', 'gathered.customers', 'gathered.leads') }} as conversion_ratio_high,
        coalesce(gathered.customers_within_90_days, 0) as customers_within_90_days,
        case when ages.is_after_90_days then {{ ratio('gathered.customers_within_90_days', 'gathered.leads') }} end as conversion_ratio_90_days,
        {{ ratio('gathered.opportunity_leads', 'gathered.leads') }} as lead_to_opportunity_ratio,
        {{ ratio('gathered.opportunity_customers', 'gathered.opportunity_leads') }} as opportunity_to_customer_ratio,
        gathered.median_days_to_customer,
        ages.is_mature,
        coalesce(source_target.target_ratio, default_target.target_ratio) as target_ratio,
        coalesce(gathered.converted_in_period, 0) as converted_in_period
    from gathered
    inner join ages on gathered.period_no = ages.period_no
    left join targets as source_target on gathered.breakdown = 'source' and {{ spelling('gathered.breakdown_value') }} = source_target.source
    left join targets as default_target on default_target.source = 'default'
)

select * from measured
