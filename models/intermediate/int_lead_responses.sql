-- One row per lead with a contact moment at or after its creation: the first one, whoever made it.
with leads as (
    select * from {{ ref('int_leads_counted') }}
),

contact_moments as (
    select * from {{ ref('int_contact_moments') }}
),

ranked as (
    select
        contact_moments.*,
        row_number() over (
            partition by contact_moments.lead_id
            order by contact_moments.occurred_on, contact_moments.occurred_at nulls first, contact_moments.activity_id
        ) as response_rank
    from contact_moments
    inner join leads on contact_moments.lead_id = leads.lead_id
    where {{ is_at_or_after('contact_moments.occurred', 'leads.created') }}
),

first_responses as (
    select
        lead_id,
        activity_id,
        rep_id,
        channel,
        occurred_at as responded_at,
        occurred_on as responded_on
    from ranked
    where response_rank = 1
)

select * from first_responses
