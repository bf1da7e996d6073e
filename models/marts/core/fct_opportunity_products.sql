-- One row per opportunity and product: the product's part of the amount, as an interval of shares. Deleted opportunities are in it too.
with shares as (
    select * from {{ ref('int_opportunity_product_shares') }}
),

described as (
    select
        opportunity_id,
        product_id,
        share_from,
        share_to
    from shares
)

select * from described
