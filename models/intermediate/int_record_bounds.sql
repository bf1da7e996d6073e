-- One row: the first day on which anything was recorded. All periods start there.
with run as (
    select * from {{ ref('stg_zeven__run') }}
),

leads as (
    select * from {{ ref('int_leads_mapped') }}
),

opportunities as (
    select * from {{ ref('int_opportunities_gathered') }}
),

activities as (
    select * from {{ ref('int_activities_mapped') }}
),

firsts as (
    -- a lead may have ended before it came into the CRM
    select least(min(created_on), min(converted_on), min(disqualified_on), min(became_customer_on)) as first_on from leads
    union all
    select least(min(created_on), min(closed_on)) as first_on from opportunities
    union all
    select min(occurred_on) as first_on from activities
),

bounded as (
    select least(coalesce(min(firsts.first_on), max(run.as_of_on)), max(run.as_of_on)) as first_on
    from firsts
    cross join run
)

select * from bounded
