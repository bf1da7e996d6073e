-- One row per period and member with open qualified opportunities that are expected to close in that very period: what they are worth.
with expected as (
    select * from {{ ref('int_open_opportunities') }} where is_expected_in_period
),

cut as (
    {{ sums_by_cut('expected', amounts={'open_amount': 'sum(amount)', 'weighted_amount': 'sum(weighted_amount)'}) }}
)

select * from cut
