-- One row per period, member and breakdown value in which leads were answered or followed up: how many different ones.
-- Source and industry are the lead's own; it has contact moments of many channels and products.
with contact_moments as (
    select lead_id, rep_id, channel, source, industry, product_id, occurred_on
    from {{ ref('fct_contact_moments') }}
    where contact_role in ('first_response', 'follow_up')
),

-- numbers are told apart in half the time of ids
leads as (
    select lead_id, row_number() over (order by lead_id) as lead_no
    from (select distinct lead_id from contact_moments) as contacted
),

contacts as (
    select contact_moments.*, leads.lead_no
    from contact_moments
    inner join leads on contact_moments.lead_id = leads.lead_id
),

of_leads as (
    {{ different_by_cut('contacts', 'lead_no', 'contacted_leads', 'occurred_on', {'source': 'source', 'industry': 'industry'}) }}
),

of_channels as (
    {{ different_by_cut('contacts', 'lead_no', 'contacted_leads', 'occurred_on', {'channel': 'channel'}, with_total=false) }}
),

of_products as (
    {{ different_by_cut('contacts', 'lead_no', 'contacted_leads', 'occurred_on', {'product': 'product_id'}, with_total=false) }}
),

cut as (
    select * from of_leads
    union all
    select * from of_channels
    union all
    select * from of_products
)

select * from cut
