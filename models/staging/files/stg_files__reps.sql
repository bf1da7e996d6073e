-- One row per rep: the newest version.
with source as (
    select * from {{ source('raw_files', 'reps') }}
),

newest as (
    {{ newest_version('source', ['rep_id']) }}
),

renamed as (
    select
        -- ids
        {{ source_id('rep_id') }} as rep_id,
        {{ source_id('team_id') }} as team_id,
        -- text
        rep_name,
        -- numerics
        lead_capacity,
        -- booleans
        coalesce(is_active, true) as is_active,
        -- days
        {{ local_day('hired') }} as hired_on
    from newest
)

select * from renamed
