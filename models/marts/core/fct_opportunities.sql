-- One row per opportunity that counts, in company currency, with the rep who owned it: at the close for a closed one, else today.
with run as (
    select * from {{ ref('stg_zeven__run') }}
),

opportunities as (
    select * from {{ ref('int_opportunities_resolved') }}
),

states as (
    select * from {{ ref('int_opportunity_states') }}
),

reps as (
    select * from {{ ref('dim_reps') }}
),

rates as (
    select * from {{ ref('int_exchange_rates') }}
),

stages as (
    select * from {{ ref('stage_map') }}
),

decided as (
    select
        *,
        -- the end of the close date; a close date before the creation is one that was entered later
        greatest(
            {{ utc_from_local('closed_on + interval 86399 second') }},
            coalesce(created_at, {{ utc_from_local('created_on') }})
        ) as decided_at
    from opportunities
),

owned as (
    select
        opportunities.*,
        case when opportunities.is_closed then states.owner_id else opportunities.owner_id end as deciding_owner_id,
        case when opportunities.is_closed then opportunities.closed_on else run.as_of_on end as rate_on
    from decided as opportunities
    cross join run
    left join states
        on opportunities.opportunity_id = states.opportunity_id
        and opportunities.decided_at >= states.valid_from
        and opportunities.decided_at < states.valid_to
),

converted as (
    select
        owned.*,
        {{ converted('owned.source_amount', 'owned.currency', 'owned.rate_on') }} as amount
    from owned
    left join rates on {{ rate_valid_on('owned.currency', 'owned.rate_on') }}
),

described as (
    select
        converted.opportunity_id,
        converted.lead_id,
        converted.account_id,
        coalesce(reps.rep_id, 'unassigned') as rep_id,
        coalesce(reps.team_id, 'unassigned') as team_id,
        coalesce(converted.lead_rep_id, 'unknown') as lead_rep_id,
        converted.source,
        converted.industry,
        converted.stage,
        coalesce(stages.is_qualified, true) as is_qualified,
        converted.created_at,
        converted.created_on,
        converted.expected_close_on,
        converted.closed_on,
        converted.outcome,
        converted.is_open,
        converted.is_closed,
        converted.lost_reason,
        converted.currency,
        converted.source_amount,
        converted.amount,
        converted.source_amount is not null as has_amount,
        converted.probability,
        cast(round(converted.amount * converted.probability, 2) as decimal(18, 2)) as weighted_amount,
        case when converted.is_closed then {{ days_between('converted.created_on', 'converted.closed_on') }} end as sales_cycle_days
    from converted
    left join reps on converted.deciding_owner_id = reps.rep_id
    left join stages on {{ spelling('converted.stage') }} = stages.stage
)

select * from described
