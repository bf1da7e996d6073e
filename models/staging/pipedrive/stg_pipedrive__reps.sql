-- One row per rep: a user, also one who has left.
with newest as (
    {{ newest_version(source('raw_pipedrive', 'users'), ['id']) }}
),

newest_members as (
    {{ newest_version(source('raw_pipedrive', 'team_users'), ['team_id', 'user_id']) }}
),

-- somebody in several teams counts for the one that was made first
ranked_members as (
    select
        *,
        row_number() over (partition by _source, user_id order by cast(team_id as bigint)) as team_rank
    from newest_members
    where not _is_deleted
),

renamed as (
    select
        -- ids
        newest._source || ':' || newest.id as rep_id,
        newest._source || ':' || ranked_members.team_id as team_id,
        -- text
        newest.name as rep_name,
        -- numerics: Pipedrive knows none
        cast(null as bigint) as lead_capacity,
        -- booleans
        coalesce(newest.active_flag, true) and not coalesce(newest.is_deleted, false) and not newest._is_deleted as is_active,
        -- days: since when there is such a user
        cast({{ local_time('newest.created') }} as date) as hired_on
    from newest
    left join ranked_members
        on newest._source = ranked_members._source
        and newest.id = ranked_members.user_id
        and ranked_members.team_rank = 1
)

select * from renamed
