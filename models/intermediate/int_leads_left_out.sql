-- One row per lead that does not count, with the reason: why it would not count anyhow, else that the person is another source's lead.
with excluded as (
    select * from {{ ref('int_leads_excluded') }}
),

matches as (
    select * from {{ ref('int_lead_matches') }}
),

left_out as (
    select lead_id, reason from excluded
    union all
    select lead_id, 'matched to another source' as reason from matches where matched_lead_id is not null
)

select * from left_out
