-- One row per period and member with open qualified opportunities that are expected to close in that very period: what they are worth.
with open_opportunities as (
    select * from {{ ref('int_open_opportunities') }} where is_expected_in_period
),

cut as (
    {{ cut_by_period_and_level(
        'open_opportunities',
        {'open_amount': 'sum(amount)', 'weighted_amount': 'sum(weighted_amount)'},
        dated=false,
    ) }}
)

select * from cut
