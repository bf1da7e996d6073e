-- One row per contact moment: a completed call, e-mail, meeting or message to a prospect, by a person, by the run's instant,
-- with the one lead and the one opportunity it belongs to. However many links an activity has, it is one contact moment.
with run as (
    select * from {{ ref('stg_zeven__run') }}
),

activities as (
    select * from {{ ref('int_activities_mapped') }}
),

survivors as (
    select * from {{ ref('int_lead_survivors') }}
),

leads as (
    select * from {{ ref('int_leads_counted') }}
),

opportunities as (
    select * from {{ ref('int_opportunities_resolved') }}
),

contacts as (
    select * from {{ ref('int_lead_contacts') }}
),

reps as (
    select * from {{ ref('dim_reps') }}
),

counted as (
    select activities.*
    from activities
    cross join run
    where
        activities.activity_type in ('call', 'email', 'meeting', 'message')
        and (activities.direction = 'outbound' or activities.activity_type = 'meeting')
        and activities.is_completed
        and not activities.is_automated
        and not activities.is_deleted
        and {{ has_happened('activities.occurred') }}
),

linked as (
    select
        counted.activity_id,
        coalesce(own_lead.lead_id, opportunities.lead_id, contacts.lead_id) as lead_id,
        opportunities.opportunity_id,
        coalesce(reps.rep_id, 'unassigned') as rep_id,
        coalesce(reps.team_id, 'unassigned') as team_id,
        counted.activity_type as channel,
        counted.occurred_at,
        counted.occurred_on,
        opportunities.source as opportunity_source,
        opportunities.industry as opportunity_industry
    from counted
    left join survivors on counted.lead_id = survivors.lead_id
    left join leads as own_lead on survivors.survivor_lead_id = own_lead.lead_id
    left join opportunities on counted.opportunity_id = opportunities.opportunity_id
    left join contacts
        on counted.contact_id = contacts.contact_id
        and counted.occurred_on >= contacts.valid_from
        and counted.occurred_on < contacts.valid_to
    left join reps on counted.owner_id = reps.rep_id
),

described as (
    select
        linked.activity_id,
        linked.lead_id,
        linked.opportunity_id,
        linked.rep_id,
        linked.team_id,
        linked.channel,
        linked.occurred_at,
        linked.occurred_on,
        coalesce(leads.source, linked.opportunity_source, 'unknown') as source,
        coalesce(leads.industry, linked.opportunity_industry, 'unknown') as industry
    from linked
    left join leads on linked.lead_id = leads.lead_id
)

select * from described
