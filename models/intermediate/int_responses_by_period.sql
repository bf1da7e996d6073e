-- One row per period, member and breakdown value in which leads with a response clock came in: how many of them were answered, how fast.
with leads as (
    select * from {{ ref('fct_leads') }} where has_response_clock
),

cut as (
    {{ wholes_by_cut(
        'leads',
        {
            'leads': 'count(*)',
            'responded_leads': 'count(*) filter (where is_answered)',
            'mean_response_minutes': mean('response_minutes'),
            'response_percentiles': percentiles('response_minutes', [0.5, 0.9]),
            'business_percentiles': percentiles('business_response_minutes', [0.5, 0.9]),
            'within_sla_leads': 'count(*) filter (where is_within_sla)',
            'sla_eligible_leads': 'count(*) filter (where is_sla_eligible)',
        },
        day='created_on',
        breakdowns={'source': 'source', 'industry': 'industry'},
    ) }}
),

spread as (
    select
        period_no,
        member_no,
        value_no,
        leads,
        responded_leads,
        mean_response_minutes,
        {{ percentile('response_percentiles', 1) }} as median_response_minutes,
        {{ percentile('response_percentiles', 2) }} as p90_response_minutes,
        {{ percentile('business_percentiles', 1) }} as median_business_response_minutes,
        {{ percentile('business_percentiles', 2) }} as p90_business_response_minutes,
        within_sla_leads,
        sla_eligible_leads
    from cut
)

select * from spread
