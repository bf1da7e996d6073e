-- One row per close period, level and breakdown value in which opportunities closed: won and lost, counts and amounts.
with opportunities as (
    select * from {{ ref('fct_opportunities') }}
),

product_shares as (
    select * from {{ ref('int_opportunity_product_shares') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

won_and_lost as (
    select
        opportunity_id,
        team_id,
        rep_id,
        lead_rep_id,
        source,
        industry,
        outcome = 'won' as is_won,
        amount,
        has_amount,
        sales_cycle_days,
        closed_on
    from opportunities
    where is_closed
),

closed as (
    {{ with_period_starts('won_and_lost', 'closed_on') }}
),

closed_products as (
    select
        closed.team_id,
        closed.rep_id,
        closed.is_won,
        closed.has_amount,
        closed.sales_cycle_days,
        closed.week_start,
        closed.month_start,
        closed.quarter_start,
        closed.year_start,
        product_shares.product_id,
        {{ part_of('closed.amount', 'product_shares.share_from', 'product_shares.share_to') }} as amount
    from closed
    inner join product_shares on closed.opportunity_id = product_shares.opportunity_id
),

{% set measures = {
    'won_opportunities': 'count(*) filter (where is_won)',
    'closed_amount': 'cast(coalesce(sum(amount) filter (where is_won), 0) as decimal(18, 2))',
    'median_deal_amount': 'median(cast(amount as double)) filter (where is_won)',
    'lost_opportunities': 'count(*) filter (where not is_won)',
    'lost_amount': 'cast(coalesce(sum(amount) filter (where not is_won), 0) as decimal(18, 2))',
    'median_sales_cycle_days': 'median(cast(sales_cycle_days as double)) filter (where is_won)',
    'won_without_amount': 'count(*) filter (where is_won and not has_amount)',
} %}
cut as (
    {{ cut_by_period_and_level('closed', measures, breakdowns={'source': 'source', 'industry': 'industry', 'lead_owner': 'lead_rep_id'}) }}
    union all
    {{ cut_by_period_and_level('closed_products', measures, breakdowns={'product': 'product_id'}, with_total=false) }}
)

select * from cut
