-- One row per contact and lead that was converted into it, with the days [valid_from, valid_to) on which an activity with the
-- contact belongs to that lead: from the lead's creation until the next lead of the same contact; the first has no beginning.
with leads as (
    select * from {{ ref('int_leads_counted') }}
),

ordered as (
    select
        contact_id,
        lead_id,
        created_on,
        row_number() over (partition by contact_id order by created_on, created_at nulls first, lead_id) as lead_number,
        lead(created_on) over (partition by contact_id order by created_on, created_at nulls first, lead_id) as next_created_on
    from leads
    where contact_id is not null
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
