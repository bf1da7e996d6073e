-- One row per lead: its newest version.
with source as (
    select * from {{ source('raw_files', 'leads') }}
),

newest as (
    {{ newest_version('source', ['lead_id'], edited_at()) }}
),

renamed as (
    select
        -- ids
        {{ source_id('lead_id') }} as lead_id,
        {{ source_id('owner_id') }} as owner_id,
        {{ source_id('account_id') }} as account_id,
        {{ source_id('contact_id') }} as contact_id,
        {{ source_id('duplicate_of') }} as duplicate_of,
        {{ hashed_address('email_hash') }} as email_hash,
        -- text
        source,
        campaign,
        industry,
        status,
        -- booleans
        coalesce(is_deleted, false) as is_deleted,
        -- moments
        created_at,
        {{ local_day('created') }} as created_on,
        converted_at,
        {{ local_day('converted') }} as converted_on,
        disqualified_at,
        {{ local_day('disqualified') }} as disqualified_on,
        became_customer_at,
        {{ local_day('became_customer') }} as became_customer_on
    from newest
)

select * from renamed
