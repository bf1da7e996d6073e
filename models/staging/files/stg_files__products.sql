-- One row per product: its newest version.
with source as (
    select * from {{ source('raw_files', 'products') }}
),

newest as (
    {{ newest_version('source', ['product_id']) }}
),

renamed as (
    select
        {{ source_id('product_id') }} as product_id,
        product_name,
        product_family
    from newest
)

select * from renamed
