-- One row per period, member and breakdown value in which leads came in: how many, and what became of them.
with leads as (
    select * from {{ ref('fct_leads') }}
),

cut as (
    {{ sums_by_cut(
        'leads',
        day='created_on',
        counts={
            'leads': 'count(*)',
            'qualified_leads': 'count(*) filter (where is_qualified)',
            'disqualified_leads': 'count(*) filter (where is_disqualified)',
            'open_leads': 'count(*) filter (where is_open)',
            'opportunity_leads': 'count(*) filter (where opportunities > 0)',
            'customers': 'count(*) filter (where is_customer)',
            'opportunity_customers': 'count(*) filter (where is_customer and opportunities > 0)',
            'customers_within_90_days': 'count(*) filter (where days_to_customer <= 90)',
        },
        breakdowns={'source': 'source', 'industry': 'industry', 'campaign': 'campaign', 'channel': 'first_response_channel'},
    ) }}
)

select * from cut
