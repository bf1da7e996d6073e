-- One row per opportunity made by the run's instant, deleted ones too, in the state it was in then, with the rep whose it is: the
-- owner at the close for a closed one, at the run's instant for the others.
with run as (
    select * from {{ ref('stg_zeven__run') }}
),

opportunities as (
    select
        *,
        -- the end of the close date; a close date before the creation is one that was entered later
        greatest({{ end_of_day('closed_on') }}, born_at) as decided_at
    from {{ ref('int_opportunities_described') }}
),

states as (
    select * from {{ ref('int_opportunity_stages') }}
),

reps as (
    select * from {{ ref('dim_reps') }}
),

stated as (
    select
        opportunities.opportunity_id,
        opportunities.lead_id,
        opportunities.account_id,
        opportunities.lead_rep_id,
        case when opportunities.is_closed then at_close.owner_id else at_instant.owner_id end as owner_id,
        opportunities.source,
        opportunities.industry,
        at_instant.stage,
        at_instant.is_qualified,
        opportunities.lost_reason,
        at_instant.currency,
        at_instant.amount as source_amount,
        at_instant.likely_probability as probability,
        opportunities.created_at,
        opportunities.created_on,
        at_instant.expected_close_on,
        opportunities.closed_on,
        opportunities.outcome,
        opportunities.is_open,
        opportunities.is_closed,
        opportunities.is_deleted,
        case when opportunities.is_closed then opportunities.closed_on else run.as_of_on end as rate_on
    from opportunities
    cross join run
    left join states as at_instant
        on opportunities.opportunity_id = at_instant.opportunity_id
        and run.as_of >= at_instant.valid_from
        and run.as_of < at_instant.valid_to
    left join states as at_close
        on opportunities.opportunity_id = at_close.opportunity_id
        and opportunities.decided_at >= at_close.valid_from
        and opportunities.decided_at < at_close.valid_to
),

assigned as (
    select
        stated.*,
        coalesce(reps.rep_id, 'unassigned') as rep_id,
        coalesce(reps.team_id, 'unassigned') as team_id
    from stated
    left join reps on stated.owner_id = reps.rep_id
)

select * from assigned
