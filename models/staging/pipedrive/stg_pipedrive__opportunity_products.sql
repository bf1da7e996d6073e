-- One row per opportunity and product: what its lines that are switched on add up to.
with newest as (
    {{ newest_version(source('raw_pipedrive', 'deal_products'), ['id']) }}
),

added_up as (
    select
        {{ source_id('deal_id') }} as opportunity_id,
        {{ source_id('product_id') }} as product_id,
        sum(quantity) as quantity,
        cast(sum(sum) as decimal(18, 2)) as amount
    from newest
    where not _is_deleted and coalesce(is_enabled, true)
    group by _source, deal_id, product_id
)

select * from added_up
