-- One row per period, member and breakdown value in which leads became customers, whenever they came in.
with customers as (
    select * from {{ ref('fct_leads') }} where became_customer_on is not null
),

cut as (
    {{ sums_by_cut(
        'customers',
        day='became_customer_on',
        counts={'converted_in_period': 'count(*)'},
        breakdowns={'source': 'source', 'industry': 'industry', 'campaign': 'campaign', 'channel': 'first_response_channel'},
    ) }}
)

select * from cut
