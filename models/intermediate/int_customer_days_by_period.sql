-- One row per period, member and breakdown value in which leads came in that became customers: how many days that took.
with customers as (
    select * from {{ ref('fct_leads') }} where days_to_customer is not null
),

cut as (
    {{ wholes_by_cut(
        'customers',
        {'median_days_to_customer': 'median(cast(days_to_customer as double))'},
        day='created_on',
        breakdowns={'source': 'source', 'industry': 'industry', 'campaign': 'campaign', 'channel': 'first_response_channel'},
    ) }}
)

select * from cut
