-- Detects first responses that were lost or counted twice: those of the facts, the answered leads and the company's years are one number.
-- Likely cause: a contact moment outside dim_dates, two first responses of one lead, or a join that multiplies. A row is the difference.
{{ config(meta={'dagster': {'ref': {'name': 'kpi_number_of_follow_ups'}}}) }}
with published as (
    select coalesce(sum(first_responses), 0) as leads
    from {{ ref('kpi_number_of_follow_ups') }}
    where period_type = 'year' and level = 'company' and breakdown = 'total'
),

recorded as (
    select count(*) as leads from {{ ref('fct_contact_moments') }} where contact_role = 'first_response'
),

answered as (
    select count(*) as leads from {{ ref('fct_leads') }} where is_answered
)

select published.leads as published_responses, recorded.leads as recorded_responses, answered.leads as answered_leads
from published
cross join recorded
cross join answered
where published.leads <> recorded.leads or recorded.leads <> answered.leads
