-- One row per period, member and breakdown value with open qualified opportunities: how many, worth what, in which condition.
{% set counts = {
    'open_opportunities': 'count(*)',
    'age_days': 'sum(age_days)',
    'stale_opportunities': 'count(*) filter (where is_stale)',
    'overdue_opportunities': 'count(*) filter (where is_overdue)',
    'opportunities_without_amount': 'count(*) filter (where not has_amount)',
    'reconstructed_opportunities': 'count(*) filter (where is_reconstructed)',
} %}
{% set amounts = {'open_amount': 'sum(amount)', 'weighted_amount': 'sum(weighted_amount)'} %}
{% set breakdowns = {'stage': 'stage', 'source': 'source', 'industry': 'industry', 'expected_close_month': 'expected_close_month'} %}
with open_opportunities as (
    select * from {{ ref('int_open_opportunities') }}
),

product_shares as (
    select * from {{ ref('int_opportunity_product_shares') }}
),

open_products as (
    select
        open_opportunities.period_no,
        open_opportunities.rep_id,
        open_opportunities.has_amount,
        open_opportunities.age_days,
        open_opportunities.is_stale,
        open_opportunities.is_overdue,
        open_opportunities.is_reconstructed,
        product_shares.product_id,
        {{ part_of('open_opportunities.amount', 'product_shares.share_from', 'product_shares.share_to') }} as amount,
        {{ part_of('open_opportunities.weighted_amount', 'product_shares.share_from', 'product_shares.share_to') }} as weighted_amount
    from open_opportunities
    inner join product_shares on open_opportunities.opportunity_id = product_shares.opportunity_id
),

sums as (
    {{ sums_by_cut('open_opportunities', counts=counts, amounts=amounts, breakdowns=breakdowns) }}
),

sums_of_products as (
    {{ sums_by_cut('open_products', counts=counts, amounts=amounts, breakdowns={'product': 'product_id'}, with_total=false) }}
),

cut as (
    select * from sums
    union all
    select * from sums_of_products
)

select * from cut
