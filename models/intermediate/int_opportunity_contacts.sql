-- One row per opportunity and day with a contact moment, with the days [contacted_on, next_contacted_on) on which it was the last one.
-- A contact moment with the opportunity's lead is one with the opportunity.
with contact_moments as (
    select * from {{ ref('fct_contact_moments') }}
),

opportunities as (
    select * from {{ ref('int_opportunities_described') }}
),

linked as (
    select opportunity_id, occurred_on as contacted_on
    from contact_moments
    where opportunity_id is not null
    union
    select opportunities.opportunity_id, contact_moments.occurred_on as contacted_on
    from contact_moments
    inner join opportunities on contact_moments.lead_id = opportunities.lead_id
),

bounded as (
    select
        opportunity_id,
        contacted_on,
        coalesce(lead(contacted_on) over (partition by opportunity_id order by contacted_on), date '9999-12-31') as next_contacted_on
    from linked
)

select * from bounded
