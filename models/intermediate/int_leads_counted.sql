-- One row per lead that counts, with its rep and its industry.
with leads as (
    select * from {{ ref('int_leads_mapped') }}
),

left_out as (
    select * from {{ ref('int_leads_left_out') }}
),

reps as (
    select * from {{ ref('dim_reps') }}
),

accounts as (
    select * from {{ ref('dim_accounts') }}
),

counted as (
    select
        leads.lead_id,
        coalesce(reps.rep_id, 'unassigned') as rep_id,
        coalesce(reps.team_id, 'unassigned') as team_id,
        leads.account_id,
        coalesce(leads.source, 'unknown') as source,
        coalesce(leads.campaign, 'unknown') as campaign,
        coalesce(leads.industry, accounts.industry, 'unknown') as industry,
        leads.status,
        leads.created_at,
        leads.created_on,
        leads.converted_at,
        leads.converted_on,
        leads.disqualified_at,
        leads.disqualified_on,
        leads.became_customer_at,
        leads.became_customer_on
    from leads
    left join left_out on leads.lead_id = left_out.lead_id
    left join reps on leads.owner_id = reps.rep_id
    left join accounts on leads.account_id = accounts.account_id
    where left_out.lead_id is null
)

select * from counted
