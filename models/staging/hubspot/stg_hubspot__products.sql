-- One row per product of the library: its newest version.
with source as (
    select * from {{ source('raw_hubspot', 'products') }}
),

newest as (
    {{ newest_version('source', ['id']) }}
),

renamed as (
    select
        {{ source_id('id') }} as product_id,
        name as product_name,
        product_family
    from newest
)

select * from renamed
