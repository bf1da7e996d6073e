-- One row per company: its newest version, archived ones too.
with source as (
    select * from {{ source('raw_hubspot', 'companies') }}
),

newest as (
    {{ newest_version('source', ['id']) }}
),

renamed as (
    select
        {{ source_id('id') }} as account_id,
        name as account_name,
        industry,
        country
    from newest
)

select * from renamed
