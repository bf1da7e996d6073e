-- One row per opportunity that was made by the run's instant, deleted ones too, with its lead after merges and its outcome.
with run as (
    select * from {{ ref('stg_zeven__run') }}
),

opportunities as (
    select * from {{ ref('int_opportunities_gathered') }}
),

deletions as (
    select * from {{ ref('int_opportunity_deletions') }}
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
        coalesce(opportunities.created_at, {{ utc_from_local('opportunities.created_on') }}) as born_at,
        opportunities.created_at,
        opportunities.created_on,
        opportunities.expected_close_on,
        opportunities.closed_on,
        case
            when opportunities.is_won then 'won'
            when not opportunities.is_won then 'lost'
            else stages.outcome
        end as outcome,
        opportunities.is_deleted and coalesce(deletions.deleted_at <= run.as_of, true) as is_deleted,
        case when opportunities.is_deleted then deletions.deleted_at end as deleted_at
    from opportunities
    cross join run
    left join deletions on opportunities.opportunity_id = deletions.opportunity_id
    left join survivors on opportunities.lead_id = survivors.lead_id
    left join leads on survivors.survivor_lead_id = leads.lead_id
    left join accounts on opportunities.account_id = accounts.account_id
    left join stages on {{ spelling('opportunities.stage') }} = stages.stage
    where {{ has_happened('opportunities.created') }}
),

judged as (
    select
        described.*,
        described.outcome is not null and coalesce(described.closed_on <= run.closed_through, false) as is_closed,
        -- won or lost without any close date: in no period, and never open
        described.outcome is null or coalesce(described.closed_on > run.closed_through, false) as is_open
    from described
    cross join run
)

select * from judged
