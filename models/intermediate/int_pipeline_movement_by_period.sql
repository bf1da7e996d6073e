-- One row per period, level and breakdown value in which opportunities came into the pipeline or left it, with what they were worth.
with moves as (
    select * from {{ ref('int_pipeline_moves') }}
),

opportunities as (
    select * from {{ ref('int_opportunities_as_of') }}
),

product_shares as (
    select * from {{ ref('int_opportunity_product_shares') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

attributed as (
    select
        moves.opportunity_id,
        moves.move,
        moves.moved_on,
        moves.amount,
        opportunities.team_id,
        opportunities.rep_id,
        opportunities.source,
        opportunities.industry
    from moves
    inner join opportunities on moves.opportunity_id = opportunities.opportunity_id
),

dated as (
    {{ with_period_starts('attributed', 'moved_on') }}
),

dated_products as (
    select
        dated.team_id,
        dated.rep_id,
        dated.move,
        dated.week_start,
        dated.month_start,
        dated.quarter_start,
        dated.year_start,
        product_shares.product_id,
        {{ part_of('dated.amount', 'product_shares.share_from', 'product_shares.share_to') }} as amount
    from dated
    inner join product_shares on dated.opportunity_id = product_shares.opportunity_id
),

{% set measures = {} %}
{% for move in ['created', 'reopened', 'won', 'lost', 'removed'] %}
{% do measures.update({move ~ '_amount': "cast(coalesce(sum(amount) filter (where move = '" ~ move ~ "'), 0) as decimal(18, 2))"}) %}
{% endfor %}
cut as (
    {{ cut_by_period_and_level('dated', measures, breakdowns={'source': 'source', 'industry': 'industry'}) }}
    union all
    {{ cut_by_period_and_level('dated_products', measures, breakdowns={'product': 'product_id'}, with_total=false) }}
)

select * from cut
