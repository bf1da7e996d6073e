-- One row per member: the company, every team, every rep; with its number, and that of the member that it adds up to.
with teams as (
    select * from {{ ref('dim_teams') }}
),

reps as (
    select * from {{ ref('dim_reps') }}
),

members as (
    select 0 as depth, 'company' as level, cast(null as {{ dbt.type_string() }}) as team_id, cast(null as {{ dbt.type_string() }}) as rep_id
    union all
    select 1 as depth, 'team' as level, team_id, null as rep_id from teams
    union all
    select 2 as depth, 'rep' as level, team_id, rep_id from reps
),

ordered as (
    select
        cast(row_number() over (order by depth, coalesce(rep_id, team_id)) - 1 as integer) as member_no,
        level,
        team_id,
        rep_id
    from members
),

placed as (
    select
        ordered.member_no,
        case ordered.level when 'rep' then own_team.member_no when 'team' then 0 end as wider_no,
        ordered.level,
        ordered.team_id,
        ordered.rep_id
    from ordered
    left join ordered as own_team on ordered.level = 'rep' and own_team.level = 'team' and ordered.team_id = own_team.team_id
)

select * from placed
