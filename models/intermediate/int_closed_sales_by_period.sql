-- One row per close period, member and breakdown value in which opportunities closed: won and lost, counts and amounts.
{% set counts = {
    'won_opportunities': 'count(*) filter (where is_won)',
    'lost_opportunities': 'count(*) filter (where not is_won)',
    'won_without_amount': 'count(*) filter (where is_won and not has_amount)',
} %}
{% set amounts = {
    'closed_amount': 'sum(amount) filter (where is_won)',
    'lost_amount': 'sum(amount) filter (where not is_won)',
} %}
{% set medians = {
    'median_deal_amount': 'median(cast(amount as double))',
    'median_sales_cycle_days': 'median(cast(sales_cycle_days as double))',
} %}
{% set breakdowns = {'source': 'source', 'industry': 'industry', 'lead_owner': 'lead_rep_id'} %}
with closed as (
    select *, outcome = 'won' as is_won from {{ ref('fct_opportunities') }} where is_closed
),

product_shares as (
    select * from {{ ref('int_opportunity_product_shares') }}
),

closed_products as (
    select
        closed.rep_id,
        closed.is_won,
        closed.has_amount,
        closed.sales_cycle_days,
        closed.closed_on,
        product_shares.product_id,
        {{ part_of('closed.amount', 'product_shares.share_from', 'product_shares.share_to') }} as amount
    from closed
    inner join product_shares on closed.opportunity_id = product_shares.opportunity_id
),

won as (
    select * from closed where is_won
),

won_products as (
    select * from closed_products where is_won
),

sums as (
    {{ sums_by_cut('closed', 'closed_on', counts, amounts, breakdowns) }}
),

sums_of_products as (
    {{ sums_by_cut('closed_products', 'closed_on', counts, amounts, {'product': 'product_id'}, with_total=false) }}
),

medians as (
    {{ wholes_by_cut('won', medians, 'closed_on', breakdowns) }}
    union all
    {{ wholes_by_cut('won_products', medians, 'closed_on', {'product': 'product_id'}, with_total=false) }}
),

together as (
    select * from sums
    union all
    select * from sums_of_products
),

cut as (
    select together.*, medians.median_deal_amount, medians.median_sales_cycle_days
    from together
    left join medians on {{ same_cut_key('together', 'medians') }}
)

select * from cut
