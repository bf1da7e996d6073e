-- One row per lead: the lead that stands for it, after all merges in its CRM and as the person in another source; itself where there
-- is no other.
with merges as (
    select * from {{ ref('int_lead_merges') }}
),

matches as (
    select * from {{ ref('int_lead_matches') }}
),

settled as (
    select
        merges.lead_id,
        -- what a lead is matched to is matched to nothing itself
        coalesce(matches.matched_lead_id, merges.remaining_lead_id) as survivor_lead_id
    from merges
    left join matches on merges.remaining_lead_id = matches.lead_id
)

select * from settled
