-- Detects leads that vanish: every staged lead counts once in the company's years, or is left out with a reason.
-- Likely cause: a join that drops or multiplies leads. A row is the difference.
{{ config(meta={'dagster': {'ref': {'name': 'kpi_number_of_leads'}}}) }}
with published as (
    select coalesce(sum(leads), 0) as leads
    from {{ ref('kpi_number_of_leads') }}
    where period_type = 'year' and level = 'company' and breakdown = 'total'
),

left_out as (
    select count(*) as leads from {{ ref('int_leads_left_out') }}
),

staged as (
    select count(*) as leads from {{ ref('int_leads_mapped') }}
)

select published.leads as published_leads, left_out.leads as left_out_leads, staged.leads as staged_leads
from published
cross join left_out
cross join staged
where published.leads + left_out.leads <> staged.leads
