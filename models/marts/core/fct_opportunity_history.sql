-- One row per opportunity and interval between changes [valid_from, valid_to): the state it was in, whatever happened later.
with opportunities as (
    select * from {{ ref('fct_opportunities') }}
),

states as (
    select * from {{ ref('int_opportunity_states') }}
),

stages as (
    select * from {{ ref('stage_map') }}
),

reps as (
    select * from {{ ref('dim_reps') }}
),

reopened as (
    select
        states.opportunity_id,
        max(states.valid_from) as last_open_from
    from states
    left join stages on {{ spelling('states.stage') }} = stages.stage
    where stages.outcome is null
    group by states.opportunity_id
),

described as (
    select
        states.opportunity_id,
        states.valid_from,
        states.valid_to,
        coalesce(reps.rep_id, 'unassigned') as rep_id,
        states.stage,
        coalesce(stages.is_qualified, true) as is_qualified,
        -- closed and later reopened; the close that holds is the opportunity's closed_on
        stages.outcome is not null and coalesce(states.valid_from < reopened.last_open_from, false) as was_closed,
        states.currency,
        states.amount as source_amount,
        coalesce(states.probability, stages.probability) as probability,
        states.expected_close_on,
        states.is_reconstructed
    from states
    inner join opportunities on states.opportunity_id = opportunities.opportunity_id
    left join reopened on states.opportunity_id = reopened.opportunity_id
    left join stages on {{ spelling('states.stage') }} = stages.stage
    left join reps on states.owner_id = reps.rep_id
)

select * from described
