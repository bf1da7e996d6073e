-- One row per deal and product: its line items that are there, summed up. A line item without a product of the library is in none.
with line_items as (
    select * from {{ source('raw_hubspot', 'line_items') }}
),

associations as (
    select * from {{ source('raw_hubspot', 'associations') }}
),

newest_items as (
    {{ newest_version('line_items', ['id']) }}
),

newest_links as (
    {{ newest_version('associations', ['parent', 'to_id']) }}
),

summed as (
    select
        newest_items._source,
        newest_links.to_id,
        newest_items.hs_product_id,
        sum(newest_items.quantity) as quantity,
        cast(sum(newest_items.amount) as decimal(18, 2)) as amount
    from newest_items
    inner join newest_links
        on newest_items._source = newest_links._source
        and newest_items.id = newest_links.from_id
        and newest_links.from_type = 'line_items'
        and newest_links.to_type = 'deals'
    where
        newest_items.hs_product_id is not null
        and not newest_items._is_deleted
        and not coalesce(newest_items.archived, false)
        and not newest_links._is_deleted
    group by newest_items._source, newest_links.to_id, newest_items.hs_product_id
),

renamed as (
    select
        {{ source_id('to_id') }} as opportunity_id,
        {{ source_id('hs_product_id') }} as product_id,
        quantity,
        amount
    from summed
)

select * from renamed
