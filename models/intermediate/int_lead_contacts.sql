-- One row per contact and lead that was converted into it, with the days [valid_from, valid_to) on which an activity with the
-- contact belongs to that lead: from the lead's creation until the next lead of the same contact; the first has no beginning.
-- The contact of a merged lead stands for the lead that is left of the merge.
with leads as (
    select * from {{ ref('int_leads_counted') }}
),

all_leads as (
    select * from {{ ref('int_leads_mapped') }}
),

survivors as (
    select * from {{ ref('int_lead_survivors') }}
),

converted as (
    select distinct
        all_leads.contact_id,
        leads.lead_id,
        leads.created_at,
        leads.created_on
    from all_leads
    inner join survivors on all_leads.lead_id = survivors.lead_id
    inner join leads on survivors.survivor_lead_id = leads.lead_id
    where all_leads.contact_id is not null
),

ordered as (
    select
        contact_id,
        lead_id,
        created_on,
        row_number() over (partition by contact_id order by created_on, created_at nulls first, lead_id) as lead_number,
        lead(created_on) over (partition by contact_id order by created_on, created_at nulls first, lead_id) as next_created_on
    from converted
),

bounded as (
    select
        contact_id,
        lead_id,
        case when lead_number = 1 then date '0001-01-01' else created_on end as valid_from,
        coalesce(next_created_on, date '9999-12-31') as valid_to
    from ordered
)

select * from bounded
