-- One row per opportunity that counts, with its lead after merges, its outcome and whether it was closed at the run's instant.
with run as (
    select * from {{ ref('stg_zeven__run') }}
),

opportunities as (
    {{ union_crms('opportunities') }}
),

survivors as (
    select * from {{ ref('int_lead_survivors') }}
),

leads as (
    select * from {{ ref('int_leads_counted') }}
),

accounts as (
    select * from {{ ref('dim_accounts') }}
),

stages as (
    select * from {{ ref('stage_map') }}
),

described as (
    select
        opportunities.opportunity_id,
        leads.lead_id,
        opportunities.account_id,
        opportunities.owner_id,
        leads.rep_id as lead_rep_id,
        coalesce(opportunities.product_id, 'unknown') as product_id,
        coalesce(opportunities.source, leads.source, 'unknown') as source,
        coalesce(nullif(accounts.industry, 'unknown'), leads.industry, 'unknown') as industry,
        opportunities.stage,
        opportunities.lost_reason,
        opportunities.currency,
        opportunities.amount as source_amount,
        opportunities.probability,
        opportunities.created_at,
        opportunities.created_on,
        opportunities.expected_close_on,
        opportunities.closed_on,
        opportunities.updated_at,
        case
            when opportunities.is_won then 'won'
            when not opportunities.is_won then 'lost'
            else stages.outcome
        end as outcome,
        run.closed_through
    from opportunities
    cross join run
    left join survivors on opportunities.lead_id = survivors.lead_id
    left join leads on survivors.survivor_lead_id = leads.lead_id
    left join accounts on opportunities.account_id = accounts.account_id
    left join stages on {{ spelling('opportunities.stage') }} = stages.stage
    where
        not opportunities.is_deleted
        and {{ has_happened('opportunities.created') }}
),

judged as (
    select
        *,
        outcome is not null and coalesce(closed_on <= closed_through, false) as is_closed,
        -- won or lost without any close date: in no period, and never open
        outcome is null or coalesce(closed_on > closed_through, false) as is_open
    from described
)

select * from judged
