-- One row per lead: the lead that stands for it, after all merges in its CRM and as the person in another source; itself where there
-- is no other.
with merged as (
    select * from {{ ref('int_lead_merges') }}
),

matches as (
    select * from {{ ref('int_lead_matches') }}
),

settled as (
    select
        merged.lead_id,
        -- what a lead is matched to is matched to nothing itself
        coalesce(matches.matched_lead_id, merged.remaining_lead_id) as survivor_lead_id
    from merged
    left join matches on merged.remaining_lead_id = matches.lead_id
)

select * from settled
