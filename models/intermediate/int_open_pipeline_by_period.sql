-- One row per period, level and breakdown value with open qualified opportunities: how many, worth what, in which condition.
with open_opportunities as (
    select * from {{ ref('int_open_opportunities') }}
),

product_shares as (
    select * from {{ ref('int_opportunity_product_shares') }}
),

open_products as (
    select
        open_opportunities.period_type,
        open_opportunities.period_start,
        open_opportunities.team_id,
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

{% set measures = {
    'open_opportunities': 'count(*)',
    'open_amount': 'cast(sum(amount) as decimal(18, 2))',
    'weighted_amount': 'cast(coalesce(sum(weighted_amount), 0) as decimal(18, 2))',
    'mean_age_days': 'avg(age_days)',
    'stale_opportunities': 'count(*) filter (where is_stale)',
    'overdue_opportunities': 'count(*) filter (where is_overdue)',
    'opportunities_without_amount': 'count(*) filter (where not has_amount)',
    'is_reconstructed': 'bool_or(is_reconstructed)',
} %}
{% set breakdowns = {'stage': 'stage', 'source': 'source', 'industry': 'industry', 'expected_close_month': 'expected_close_month'} %}
cut as (
    {{ cut_by_period_and_level('open_opportunities', measures, breakdowns=breakdowns, dated=false) }}
    union all
    {{ cut_by_period_and_level('open_products', measures, breakdowns={'product': 'product_id'}, dated=false, with_total=false) }}
)

select * from cut
