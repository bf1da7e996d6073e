-- One row per period, level and breakdown value in which leads became customers, whenever they came in.
with leads as (
    select * from {{ ref('fct_leads') }} where became_customer_on is not null
),

dates as (
    select * from {{ ref('dim_dates') }}
),

dated as (
    {{ with_period_starts('leads', 'became_customer_on') }}
),

cut as (
    {{ cut_by_period_and_level(
        'dated',
        {'converted_in_period': 'count(*)'},
        breakdowns={'source': 'source', 'industry': 'industry', 'campaign': 'campaign', 'channel': 'first_response_channel'},
    ) }}
)

select * from cut
