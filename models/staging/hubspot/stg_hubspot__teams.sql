-- One row per team: its newest version. HubSpot knows no region.
with source as (
    select * from {{ source('raw_hubspot', 'teams') }}
),

newest as (
    {{ newest_version('source', ['id']) }}
),

renamed as (
    select
        {{ source_id('id') }} as team_id,
        name as team_name,
        cast(null as string) as region
    from newest
)

select * from renamed
