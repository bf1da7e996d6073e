-- One row per opportunity that counts, in company currency, with the rep who owned it: at the close for a closed one, else at as_of.
with opportunities as (
    select * from {{ ref('int_opportunities_as_of') }} where not is_deleted
),

rates as (
    select * from {{ ref('int_exchange_rates') }}
),

valued as (
    select
        opportunities.*,
        {{ converted('opportunities.source_amount', 'opportunities.currency', 'opportunities.rate_on') }} as amount
    from opportunities
    left join rates on {{ rate_valid_on('opportunities.currency', 'opportunities.rate_on') }}
),

described as (
    select
        opportunity_id,
        lead_id,
        account_id,
        rep_id,
        team_id,
        coalesce(lead_rep_id, 'unknown') as lead_rep_id,
        source,
        industry,
        stage,
        is_qualified,
        created_at,
        created_on,
        expected_close_on,
        closed_on,
        outcome,
        is_open,
        is_closed,
        lost_reason,
        currency,
        source_amount,
        amount,
        source_amount is not null as has_amount,
        probability,
        {{ to_cents('amount * probability') }} as weighted_amount,
        case when is_closed then {{ days_between('created_on', 'closed_on') }} end as sales_cycle_days
    from valued
)

select * from described
