-- One row per currency and first day of validity: none, Pipedrive tells no rates. They come from a source that adds to it.
with source as (
    select * from {{ source('raw_pipedrive', 'currencies') }}
),

renamed as (
    select
        _source as rate_source,
        code as currency,
        cast(null as decimal(18, 8)) as rate,
        cast(null as date) as valid_from
    from source
    where false
)

select * from renamed
