-- One row per opportunity that is deleted now, and since when: the first of the looks at it since which it was never seen alive.
with observations as (
    select * from {{ ref('int_opportunity_observations') }}
),

seen_alive as (
    select opportunity_id, max(observed_at) as last_seen_at
    from observations
    where not is_deleted
    group by opportunity_id
),

dated as (
    select
        observations.opportunity_id,
        -- nobody knows when, where it was deleted before we first looked and has no updated_at
        case
            when not bool_or(observations.updated_at is null and observations.seen_before_at is null) then min(observations.told_at)
        end as deleted_at
    from observations
    left join seen_alive on observations.opportunity_id = seen_alive.opportunity_id
    where seen_alive.last_seen_at is null or observations.observed_at > seen_alive.last_seen_at
    group by observations.opportunity_id
)

select * from dated
