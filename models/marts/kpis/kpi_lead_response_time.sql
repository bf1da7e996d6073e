-- One row per period, level and breakdown value: how long leads waited for the first answer.
with leads as (
    select * from {{ ref('fct_leads') }} where has_response_clock
),

survival as (
    select * from {{ ref('int_response_survival') }}
),

cut as (
    {{ wholes_by_cut(
        'leads',
        {
            'leads': 'count(*)',
            'responded_leads': 'count(*) filter (where is_answered)',
            'mean_response_minutes': mean('response_minutes'),
            'median_response_minutes': 'median(response_minutes)',
            'p90_response_minutes': 'percentile_cont(0.9) within group (order by response_minutes)',
            'median_business_response_minutes': 'median(business_response_minutes)',
            'p90_business_response_minutes': 'percentile_cont(0.9) within group (order by business_response_minutes)',
            'within_sla_leads': 'count(*) filter (where is_within_sla)',
            'sla_eligible_leads': 'count(*) filter (where is_sla_eligible)',
        },
        day='created_on',
        breakdowns={'source': 'source', 'industry': 'industry'},
    ) }}
),

gathered as (
    {{ kpi_rows({
        'cut': [
            'leads', 'responded_leads', 'mean_response_minutes', 'median_response_minutes', 'p90_response_minutes',
            'median_business_response_minutes', 'p90_business_response_minutes', 'within_sla_leads', 'sla_eligible_leads',
        ],
        'survival': ['km_median_response_minutes'],
    }) }}
),

measured as (
    select
        {{ shared_kpi_columns() }},
        coalesce(leads, 0) as leads,
        coalesce(responded_leads, 0) as responded_leads,
        coalesce(leads - responded_leads, 0) as unanswered_leads,
        {{ ratio('responded_leads', 'leads') }} as response_ratio,
        mean_response_minutes,
        median_response_minutes,
        p90_response_minutes,
        median_business_response_minutes,
        p90_business_response_minutes,
        coalesce(within_sla_leads, 0) as within_sla_leads,
        coalesce(sla_eligible_leads, 0) as sla_eligible_leads,
        {{ ratio('within_sla_leads', 'sla_eligible_leads') }} as within_sla_ratio,
        max(case when level = 'team' then median_business_response_minutes end) over (
            partition by period_type, period_start, breakdown, breakdown_value, team_id
        ) as team_median_business_response_minutes,
        max(case when level = 'company' then median_business_response_minutes end) over (
            partition by period_type, period_start, breakdown, breakdown_value
        ) as company_median_business_response_minutes,
        km_median_response_minutes
    from gathered
)

select * from measured
