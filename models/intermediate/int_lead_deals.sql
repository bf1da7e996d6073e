-- One row per lead with an opportunity: the deal that counts for it, won before others, then the first one made; and the product
-- that has the largest part of that deal.
with opportunities as (
    select * from {{ ref('int_opportunities_resolved') }}
),

product_shares as (
    select * from {{ ref('int_opportunity_product_shares') }}
),

ranked_deals as (
    select
        lead_id,
        opportunity_id,
        row_number() over (
            partition by lead_id
            order by
                case when outcome = 'won' and not is_open then 1 else 2 end,
                created_on,
                created_at nulls first,
                opportunity_id
        ) as deal_rank
    from opportunities
    where lead_id is not null
),

ranked_products as (
    select
        opportunity_id,
        product_id,
        -- equal parts differ by what doubles leave behind
        row_number() over (
            partition by opportunity_id order by {{ rounded('share_to - share_from', 12) }} desc, product_id
        ) as product_rank
    from product_shares
),

deals as (
    select
        ranked_deals.lead_id,
        ranked_deals.opportunity_id,
        ranked_products.product_id
    from ranked_deals
    left join ranked_products
        on ranked_deals.opportunity_id = ranked_products.opportunity_id
        and ranked_products.product_rank = 1
    where ranked_deals.deal_rank = 1
)

select * from deals
