-- One row per opportunity that counts, in the state it was in at the run's instant, with the owner who decides whose it is: at the
-- close for a closed one, at the run's instant for the others.
with run as (
    select * from {{ ref('stg_zeven__run') }}
),

opportunities as (
    select
        *,
        -- the end of the close date; a close date before the creation is one that was entered later
        greatest(
            {{ utc_from_local('closed_on + interval 86399 second') }},
            coalesce(created_at, {{ utc_from_local('created_on') }})
        ) as decided_at
    from {{ ref('int_opportunities_resolved') }}
),

states as (
    select * from {{ ref('int_opportunity_states') }}
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
        opportunities.lost_reason,
        at_instant.currency,
        at_instant.amount as source_amount,
        at_instant.probability,
        opportunities.created_at,
        opportunities.created_on,
        at_instant.expected_close_on,
        opportunities.closed_on,
        opportunities.outcome,
        opportunities.is_open,
        opportunities.is_closed,
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
)

select * from stated
