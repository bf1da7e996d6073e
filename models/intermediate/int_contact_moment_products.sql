-- One row per contact moment with the one product it belongs to, through its own opportunity or else through its lead's deal.
-- On a deal of several products they follow the products' shares: the fractions of k times the golden ratio fill 0 to 1 evenly, so
-- number k goes to the product in whose share its fraction lies, and no later contact moment moves an earlier one.
with contact_moments as (
    select * from {{ ref('int_contact_moments') }}
),

deals as (
    select * from {{ ref('int_lead_deals') }}
),

product_shares as (
    select * from {{ ref('int_opportunity_product_shares') }}
),

placed as (
    select
        contact_moments.activity_id,
        contact_moments.occurred_at,
        contact_moments.occurred_on,
        coalesce(contact_moments.opportunity_id, deals.opportunity_id) as deal_id
    from contact_moments
    left join deals on contact_moments.lead_id = deals.lead_id
),

numbered as (
    select
        activity_id,
        deal_id,
        row_number() over (partition by deal_id order by occurred_on, occurred_at nulls first, activity_id)
            * 0.6180339887498949e0 as golden_multiple
    from placed
),

shared as (
    select
        numbered.activity_id,
        coalesce(product_shares.product_id, 'unknown') as product_id
    from numbered
    left join product_shares
        on numbered.deal_id = product_shares.opportunity_id
        and numbered.golden_multiple - floor(numbered.golden_multiple) >= product_shares.share_from
        and numbered.golden_multiple - floor(numbered.golden_multiple) < product_shares.share_to
)

select * from shared
