-- One row per activity: its newest version.
with source as (
    select * from {{ source('raw_files', 'activities') }}
),

newest as (
    {{ newest_version('source', ['activity_id'], edited_at()) }}
),

renamed as (
    select
        -- ids
        {{ source_id('activity_id') }} as activity_id,
        {{ source_id('owner_id') }} as owner_id,
        {{ source_id('lead_id') }} as lead_id,
        {{ source_id('opportunity_id') }} as opportunity_id,
        {{ source_id('contact_id') }} as contact_id,
        -- text
        activity_type,
        coalesce(direction, 'outbound') as direction,
        -- booleans
        coalesce(is_automated, false) as is_automated,
        coalesce(is_completed, true) as is_completed,
        coalesce(is_deleted, false) as is_deleted,
        -- moments
        occurred_at,
        {{ local_day('occurred') }} as occurred_on
    from newest
)

select * from renamed
