-- One row per team: its newest version.
with newest as (
    {{ newest_version(source('raw_pipedrive', 'teams'), ['id']) }}
),

renamed as (
    select
        {{ source_id('id') }} as team_id,
        name as team_name,
        -- Pipedrive knows none
        cast(null as string) as region
    from newest
    where not _is_deleted
)

select * from renamed
