-- One row per contact moment, with the role it plays for its lead: first response, follow-up, before the lead came in, after its end.
with contact_moments as (
    select * from {{ ref('int_contact_moments') }}
),

leads as (
    select * from {{ ref('int_leads_counted') }}
),

responses as (
    select * from {{ ref('int_lead_responses') }}
),

ends as (
    select * from {{ ref('int_lead_ends') }}
),

products as (
    select * from {{ ref('int_contact_moment_products') }}
),

described as (
    select
        contact_moments.activity_id,
        contact_moments.lead_id,
        contact_moments.opportunity_id,
        contact_moments.rep_id,
        contact_moments.team_id,
        contact_moments.channel,
        case
            when leads.lead_id is null then 'no_lead'
            when contact_moments.activity_id = responses.activity_id then 'first_response'
            when not {{ is_at_or_after('contact_moments.occurred', 'leads.created') }} then 'before_lead'
            when not {{ is_at_or_after('ends.ended', 'contact_moments.occurred') }} then 'after_end'
            else 'follow_up'
        end as contact_role,
        contact_moments.source,
        contact_moments.industry,
        coalesce(products.product_id, 'unknown') as product_id,
        contact_moments.occurred_at,
        contact_moments.occurred_on
    from contact_moments
    left join leads on contact_moments.lead_id = leads.lead_id
    left join responses on contact_moments.lead_id = responses.lead_id
    left join ends on contact_moments.lead_id = ends.lead_id
    left join products on contact_moments.activity_id = products.activity_id
)

select * from described
