-- One row per opportunity and product: the line loaded last.
with source as (
    select * from {{ source('raw_files', 'opportunity_products') }}
),

newest as (
    {{ newest_version('source', ['opportunity_id', 'product_id']) }}
),

renamed as (
    select
        {{ source_id('opportunity_id') }} as opportunity_id,
        {{ source_id('product_id') }} as product_id,
        quantity,
        amount
    from newest
)

select * from renamed
