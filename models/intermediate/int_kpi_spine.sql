-- One row per period and member (the company, every team, every rep): the rows that every kpi table has, also where nothing happened.
with periods as (
    select * from {{ ref('int_periods') }}
),

members as (
    select 'company' as level, cast(null as {{ dbt.type_string() }}) as team_id, cast(null as {{ dbt.type_string() }}) as rep_id
    union all
    select 'team' as level, team_id, cast(null as {{ dbt.type_string() }}) as rep_id from {{ ref('dim_teams') }}
    union all
    select 'rep' as level, team_id, rep_id from {{ ref('dim_reps') }}
),

spine as (
    select
        periods.period_type,
        periods.period_start,
        members.level,
        members.team_id,
        members.rep_id,
        'total' as breakdown,
        'total' as breakdown_value
    from periods
    cross join members
)

select * from spine
