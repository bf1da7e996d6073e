-- One row per lead: the lead that is left of it after all merges in its CRM, itself where it was never merged.
-- Chains are followed by pointer doubling: after n rounds a pointer is 2^n merges long. A lead merged into one that does
-- not exist stays itself; of leads merged in a circle the one with the lowest id survives.
{% set rounds = 6 %}
with leads as (
    select * from {{ ref('int_leads_mapped') }}
),

hops_0 as (
    select
        leads.lead_id,
        coalesce(merged_into.lead_id, leads.lead_id) as target_id,
        least(leads.lead_id, coalesce(merged_into.lead_id, leads.lead_id)) as lowest_id
    from leads
    left join leads as merged_into on leads.duplicate_of = merged_into.lead_id
),

{% for round in range(1, rounds + 1) %}
hops_{{ round }} as (
    select
        here.lead_id,
        there.target_id,
        least(here.lowest_id, there.lowest_id) as lowest_id
    from hops_{{ round - 1 }} as here
    inner join hops_{{ round - 1 }} as there on here.target_id = there.lead_id
),

{% endfor %}
settled as (
    select
        reached.lead_id,
        -- a lead at the end of its chain points to itself; one that still points on is part of a circle
        case when next_hop.target_id = reached.target_id then reached.target_id else circle.lowest_id end as remaining_lead_id
    from hops_{{ rounds }} as reached
    inner join hops_0 as next_hop on reached.target_id = next_hop.lead_id
    inner join hops_{{ rounds }} as circle on reached.target_id = circle.lead_id
)

select * from settled
