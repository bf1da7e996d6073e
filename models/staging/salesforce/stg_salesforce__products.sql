-- One row per product: its newest version. A deleted one keeps its name, for the deals that had it.
with source as (
    select * from {{ source('raw_salesforce', 'Product2') }}
),

newest as (
    {{ newest_version('source', ['id']) }}
),

renamed as (
    select
        {{ source_id('id') }} as product_id,
        name as product_name,
        family as product_family
    from newest
)

select * from renamed
