-- One row per rep with the days on which the rep was there to work: from being hired, or else the first record, until the last
-- record of one who is no longer active.
with reps as (
    select * from {{ ref('dim_reps') }}
),

worked as (
    select rep_id, created_on as worked_on from {{ ref('fct_leads') }}
    union all
    select rep_id, created_on as worked_on from {{ ref('fct_opportunities') }}
    union all
    select rep_id, closed_on as worked_on from {{ ref('fct_opportunities') }} where is_closed
    union all
    select rep_id, occurred_on as worked_on from {{ ref('fct_contact_moments') }}
),

spanned as (
    select
        reps.rep_id,
        reps.team_id,
        reps.lead_capacity,
        coalesce(reps.hired_on, min(worked.worked_on)) as active_from,
        case when reps.is_active then date '9999-12-31' else max(worked.worked_on) end as active_until
    from reps
    left join worked on reps.rep_id = worked.rep_id
    where reps.is_known
    group by reps.rep_id, reps.team_id, reps.lead_capacity, reps.hired_on, reps.is_active
)

select * from spanned
