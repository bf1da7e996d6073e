-- One row per opportunity that counts, in company currency, with the rep who owned it: at the close for a closed one, else at as_of.
with opportunities as (
    select * from {{ ref('int_opportunities_as_of') }}
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

converted as (
    select
        opportunities.*,
        {{ converted('opportunities.source_amount', 'opportunities.currency', 'opportunities.rate_on') }} as amount,
        coalesce(stages.is_qualified, true) as is_qualified,
        coalesce(opportunities.probability, stages.probability) as likely_probability
    from opportunities
    left join rates on {{ rate_valid_on('opportunities.currency', 'opportunities.rate_on') }}
    left join stages on {{ spelling('opportunities.stage') }} = stages.stage
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
        converted.is_qualified,
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
        converted.likely_probability as probability,
        cast(round(converted.amount * converted.likely_probability, 2) as decimal(18, 2)) as weighted_amount,
        case when converted.is_closed then {{ days_between('converted.created_on', 'converted.closed_on') }} end as sales_cycle_days
    from converted
    left join reps on converted.owner_id = reps.rep_id
)

select * from described
