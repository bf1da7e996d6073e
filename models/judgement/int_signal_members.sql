-- One row per member that a finding can be about: the company, its teams and its active reps, with the name that a sentence starts with.
-- What nobody owns has no one to coach: data_warnings counts it.
with teams as (
    select * from {{ ref('dim_teams') }} where is_known
),

reps as (
    select * from {{ ref('dim_reps') }} where is_known and is_active
),

members as (
    select
        'company' as level,
        cast(null as {{ dbt.type_string() }}) as team_id,
        cast(null as {{ dbt.type_string() }}) as rep_id,
        'The company' as name_en,
        'Het bedrijf' as name_nl
    union all
    select 'team' as level, team_id, null as rep_id, team_name as name_en, team_name as name_nl from teams
    union all
    select 'rep' as level, team_id, rep_id, rep_name as name_en, rep_name as name_nl from reps
)

select * from members
