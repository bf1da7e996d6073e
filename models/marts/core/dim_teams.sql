-- One row per team, and one for `unassigned`. A team that only its reps name is kept under its id.
with teams as (
    {{ union_crms('teams') }}
),

reps as (
    {{ union_crms('reps') }}
),

named as (
    select team_id from teams
    union
    select team_id from reps where team_id is not null
),

described as (
    select
        named.team_id,
        coalesce(teams.team_name, split_part(named.team_id, ':', 2)) as team_name,
        teams.region,
        true as is_known
    from named
    left join teams on named.team_id = teams.team_id
    union all
    select 'unassigned' as team_id, 'Unassigned' as team_name, null as region, false as is_known
)

select * from described
