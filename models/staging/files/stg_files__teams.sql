-- One row per team: its newest version.
with source as (
    select * from {{ source('raw_files', 'teams') }}
),

newest as (
    {{ newest_version('source', ['team_id']) }}
),

renamed as (
    select
        {{ source_id('team_id') }} as team_id,
        team_name,
        region
    from newest
)

select * from renamed
