-- One row per lead that counts: when it came in, how fast and how often it was contacted, what became of it.
with leads as (
    select * from {{ ref('int_leads_counted') }}
),

responses as (
    select * from {{ ref('int_lead_responses') }}
),

waits as (
    select * from {{ ref('int_lead_waiting_times') }}
),

ends as (
    select * from {{ ref('int_lead_ends') }}
),

deals as (
    select * from {{ ref('int_lead_deals') }}
),

contacted as (
    select
        lead_id,
        count(*) filter (where contact_role in ('first_response', 'follow_up')) as contact_moments,
        count(*) filter (where contact_role = 'follow_up') as follow_ups
    from {{ ref('fct_contact_moments') }}
    where lead_id is not null
    group by lead_id
),

described as (
    select
        leads.lead_id,
        leads.rep_id,
        leads.team_id,
        leads.account_id,
        leads.source,
        leads.campaign,
        leads.industry,
        coalesce(deals.product_id, 'unknown') as product_id,
        leads.status,
        leads.created_at,
        leads.created_on,
        ends.is_qualified,
        ends.is_disqualified,
        ends.is_customer,
        not ends.has_left_workload as is_open,
        waits.has_response_clock,
        waits.is_answered,
        responses.responded_at as first_response_at,
        responses.responded_on as first_response_on,
        responses.channel as first_response_channel,
        responses.rep_id as first_response_rep_id,
        leads.converted_on,
        leads.disqualified_on,
        ends.became_customer_on,
        {{ days_between('leads.created_on', 'ends.became_customer_on') }} as days_to_customer,
        ends.ended_at,
        ends.ended_on,
        ends.end_reason,
        case when ends.has_left_workload then ends.left_workload_on end as left_workload_on,
        coalesce(contacted.contact_moments, 0) as contact_moments,
        coalesce(contacted.follow_ups, 0) as follow_ups,
        coalesce(
            ends.end_reason in ('lost', 'disqualified') and coalesce(contacted.contact_moments, 0) < {{ var('minimum_contact_moments') }}, false
        ) as is_abandoned,
        deals.opportunity_id as deal_id,
        ends.opportunities,
        ends.won_opportunities,
        waits.response_minutes,
        waits.business_response_minutes,
        waits.waiting_minutes,
        waits.business_waiting_minutes,
        waits.is_sla_eligible,
        waits.is_within_sla
    from leads
    left join responses on leads.lead_id = responses.lead_id
    left join waits on leads.lead_id = waits.lead_id
    left join ends on leads.lead_id = ends.lead_id
    left join deals on leads.lead_id = deals.lead_id
    left join contacted on leads.lead_id = contacted.lead_id
)

select * from described
