-- One row per account: its newest version.
with source as (
    select * from {{ source('raw_files', 'accounts') }}
),

newest as (
    {{ newest_version('source', ['account_id']) }}
),

renamed as (
    select
        {{ source_id('account_id') }} as account_id,
        account_name,
        industry,
        country
    from newest
)

select * from renamed
