-- One row per opportunity: its newest version.
with source as (
    select * from {{ source('raw_files', 'opportunities') }}
),

newest as (
    {{ newest_version('source', ['opportunity_id'], edited_at()) }}
),

renamed as (
    select
        -- ids
        {{ source_id('opportunity_id') }} as opportunity_id,
        {{ source_id('lead_id') }} as lead_id,
        {{ source_id('account_id') }} as account_id,
        {{ source_id('owner_id') }} as owner_id,
        {{ source_id('product_id') }} as product_id,
        -- text
        stage,
        source,
        lost_reason,
        coalesce(upper(currency), '{{ var("currency") }}') as currency,
        -- numerics
        amount,
        probability,
        -- booleans
        is_won,
        coalesce(is_deleted, false) as is_deleted,
        -- moments
        created_at,
        {{ local_day('created') }} as created_on,
        {{ local_day('expected_close') }} as expected_close_on,
        {{ local_day('closed') }} as closed_on,
        updated_at,
        {{ local_day('updated') }} as updated_on
    from newest
)

select * from renamed
