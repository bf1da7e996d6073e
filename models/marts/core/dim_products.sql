-- One row per product, and one for `unknown`. A product that only opportunities name is kept under its id.
with products as (
    {{ union_crms('products') }}
),

opportunities as (
    select * from {{ ref('int_opportunities_gathered') }}
),

lines as (
    {{ union_crms('opportunity_products') }}
),

named as (
    select product_id from products
    union
    select product_id from opportunities where product_id is not null
    union
    select product_id from lines
),

described as (
    select
        named.product_id,
        coalesce(products.product_name, split_part(named.product_id, ':', 2)) as product_name,
        coalesce(products.product_family, 'unknown') as product_family,
        products.product_id is not null as is_known
    from named
    left join products on named.product_id = products.product_id
    union all
    select 'unknown' as product_id, 'Unknown' as product_name, 'unknown' as product_family, false as is_known
)

select * from described
