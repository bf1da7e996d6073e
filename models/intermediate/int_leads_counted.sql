-- One row per lead that counts, with its rep and its industry; with what leads of other sources know that are counted as it.
{% set told = [
    'owner_id', 'account_id', 'source', 'campaign', 'industry', 'status', 'converted_at', 'converted_on',
    'disqualified_at', 'disqualified_on', 'became_customer_at', 'became_customer_on',
] %}
with leads as (
    select * from {{ ref('int_leads_mapped') }}
),

left_out as (
    select * from {{ ref('int_leads_left_out') }}
),

combined as (
    select * from {{ ref('int_leads_combined') }}
),

reps as (
    select * from {{ ref('dim_reps') }}
),

accounts as (
    select * from {{ ref('dim_accounts') }}
),

known as (
    select
        leads.lead_id,
        leads.created_at,
        leads.created_on
        {%- for column in told %},
        case when combined.lead_id is null then leads.{{ column }} else combined.{{ column }} end as {{ column }}
        {%- endfor %}
    from leads
    left join left_out on leads.lead_id = left_out.lead_id
    left join combined on leads.lead_id = combined.lead_id
    where left_out.lead_id is null
),

counted as (
    select
        known.lead_id,
        coalesce(reps.rep_id, 'unassigned') as rep_id,
        coalesce(reps.team_id, 'unassigned') as team_id,
        known.account_id,
        coalesce(known.source, 'unknown') as source,
        coalesce(known.campaign, 'unknown') as campaign,
        coalesce(known.industry, accounts.industry, 'unknown') as industry,
        known.status,
        known.created_at,
        known.created_on,
        known.converted_at,
        known.converted_on,
        known.disqualified_at,
        known.disqualified_on,
        known.became_customer_at,
        known.became_customer_on
    from known
    left join reps on known.owner_id = reps.rep_id
    left join accounts on known.account_id = accounts.account_id
)

select * from counted
