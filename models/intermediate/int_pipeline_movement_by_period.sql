-- One row per period, member and breakdown value in which opportunities came into the pipeline or left it, how often, and with
-- what they were worth.
{% set counts = {'moves': 'count(*)'} %}
{% set amounts = {} %}
{% for move in ['created', 'reopened', 'won', 'lost', 'removed'] %}
{% do amounts.update({move ~ '_amount': "sum(amount) filter (where move = '" ~ move ~ "')"}) %}
{% endfor %}
with moves as (
    select * from {{ ref('int_pipeline_moves') }}
),

opportunities as (
    select * from {{ ref('int_opportunities_as_of') }}
),

product_shares as (
    select * from {{ ref('int_opportunity_product_shares') }}
),

attributed as (
    select
        moves.opportunity_id,
        moves.move,
        moves.moved_on,
        moves.amount,
        opportunities.rep_id,
        opportunities.source,
        opportunities.industry
    from moves
    inner join opportunities on moves.opportunity_id = opportunities.opportunity_id
),

attributed_products as (
    select
        attributed.move,
        attributed.moved_on,
        attributed.rep_id,
        product_shares.product_id,
        {{ part_of('attributed.amount', 'product_shares.share_from', 'product_shares.share_to') }} as amount
    from attributed
    inner join product_shares on attributed.opportunity_id = product_shares.opportunity_id
),

sums as (
    {{ sums_by_cut('attributed', 'moved_on', counts, amounts, breakdowns={'source': 'source', 'industry': 'industry'}) }}
),

sums_of_products as (
    {{ sums_by_cut('attributed_products', 'moved_on', counts, amounts, {'product': 'product_id'}, with_total=false) }}
),

cut as (
    select * from sums
    union all
    select * from sums_of_products
)

select * from cut
