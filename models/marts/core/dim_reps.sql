-- One row per rep, and one for `unassigned`: the owner of what nobody, a queue or somebody unknown owns.
with reps as (
    {{ union_crms('reps') }}
),

described as (
    select
        rep_id,
        coalesce(team_id, 'unassigned') as team_id,
        coalesce(rep_name, split_part(rep_id, ':', 2)) as rep_name,
        hired_on,
        is_active,
        coalesce(lead_capacity, {{ var('capacity_per_rep') }}) as lead_capacity,
        true as is_known
    from reps
    union all
    select
        'unassigned' as rep_id,
        'unassigned' as team_id,
        'Unassigned' as rep_name,
        cast(null as date) as hired_on,
        false as is_active,
        0 as lead_capacity,
        false as is_known
)

select * from described
