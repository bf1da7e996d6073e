-- One row per interval of int_opportunity_states, with what its stage means: qualified or not, won or lost, how likely.
with states as (
    select * from {{ ref('int_opportunity_states') }}
),

stages as (
    select * from {{ ref('stage_map') }}
),

looked_up as (
    select
        states.*,
        coalesce(stages.is_qualified, true) as is_qualified_stage,
        stages.outcome as stage_outcome,
        coalesce(states.probability, stages.probability) as likely_probability,
        count(case when stages.outcome is null then 1 end)
            over (partition by states.opportunity_id order by states.valid_from rows unbounded preceding) as open_stages_so_far
    from states
    left join stages on {{ spelling('states.stage') }} = stages.stage
),

judged as (
    select
        opportunity_id,
        valid_from,
        valid_to,
        owner_id,
        stage,
        stage_outcome,
        currency,
        amount,
        probability,
        likely_probability,
        expected_close_on,
        is_reconstructed,
        -- a stage that means won or lost leaves the question as it was in the stage before
        coalesce(
            max(case when stage_outcome is null then is_qualified_stage end) over (partition by opportunity_id, open_stages_so_far),
            true
        ) as is_qualified
    from looked_up
)

select * from judged
