-- One row per currency and first day of validity: none, HubSpot keeps no rate of a past day. Rates come from a source that adds to it.
with source as (
    select * from {{ source('raw_hubspot', 'account') }}
),

renamed as (
    select
        _source as rate_source,
        companycurrency as currency,
        cast(null as decimal(18, 8)) as rate,
        cast(null as date) as valid_from
    from source
    where false
)

select * from renamed
