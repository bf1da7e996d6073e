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

staged as (
    select
        states.*,
        coalesce(stages.is_qualified, true) as is_qualified,
        stages.outcome,
        stages.probability as stage_probability,
        max(case when stages.outcome is null then states.valid_from end) over (partition by states.opportunity_id) as last_open_from
    from states
    left join stages on {{ spelling('states.stage') }} = stages.stage
),

described as (
    select
        staged.opportunity_id,
        staged.valid_from,
        staged.valid_to,
        coalesce(reps.rep_id, 'unassigned') as rep_id,
        staged.stage,
        staged.is_qualified,
        -- closed and later reopened; the close that holds is the opportunity's closed_on
        staged.outcome is not null and coalesce(staged.valid_from < staged.last_open_from, false) as was_closed,
        staged.currency,
        staged.amount as source_amount,
        coalesce(staged.probability, staged.stage_probability) as probability,
        staged.expected_close_on,
        staged.is_reconstructed
    from staged
    inner join opportunities on staged.opportunity_id = opportunities.opportunity_id
    left join reps on staged.owner_id = reps.rep_id
)

select * from described
