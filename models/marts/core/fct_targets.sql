-- One row per target as it was set, in company currency: of a rep, of a team, or of the company.
with targets as (
    {{ union_crms('targets') }}
),

reps as (
    select * from {{ ref('dim_reps') }}
),

teams as (
    select * from {{ ref('dim_teams') }}
),

rates as (
    select * from {{ ref('int_exchange_rates') }}
),

described as (
    select
        targets.period_type,
        targets.period_start,
        case when targets.rep_id is not null then 'rep' when targets.team_id is not null then 'team' else 'company' end as level,
        case
            when targets.rep_id is not null then coalesce(reps.team_id, 'unassigned')
            when targets.team_id is not null then coalesce(teams.team_id, 'unassigned')
        end as team_id,
        case when targets.rep_id is not null then coalesce(reps.rep_id, 'unassigned') end as rep_id,
        cast(sum({{ converted('targets.target_amount', 'targets.currency', 'targets.period_start') }}) as decimal(18, 2)) as target_amount
    from targets
    left join reps on targets.rep_id = reps.rep_id
    left join teams on targets.team_id = teams.team_id
    left join rates on {{ rate_valid_on('targets.currency', 'targets.period_start') }}
    group by all
)

select * from described
