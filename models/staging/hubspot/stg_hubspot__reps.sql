-- One row per owner: the newest version. HubSpot knows neither the first day at work nor how much somebody can take on.
with source as (
    select * from {{ source('raw_hubspot', 'owners') }}
),

newest as (
    {{ newest_version('source', ['id']) }}
),

renamed as (
    select
        -- ids
        {{ source_id('id') }} as rep_id,
        {{ source_id('team_id') }} as team_id,
        -- text
        nullif(trim(coalesce(firstname, '') || ' ' || coalesce(lastname, '')), '') as rep_name,
        -- numerics
        cast(null as bigint) as lead_capacity,
        -- booleans
        not coalesce(archived, false) and not _is_deleted as is_active,
        -- days
        cast(null as date) as hired_on
    from newest
)

select * from renamed
