-- Detects wins on which two metrics differ: who became a customer in a month either ended there with the win, or had ended before it
-- (disqualified, and a customer after all).
-- Likely cause: the end of a lead and its becoming a customer are judged differently. A row is a member and month that does not balance.
{{ config(meta={'dagster': {'ref': {'name': 'kpi_conversion_ratio'}}}) }}
with leads as (
    select * from {{ ref('fct_leads') }} where ended_on < became_customer_on
),

dates as (
    select * from {{ ref('dim_dates') }}
),

ended_before as (
    {{ with_period_starts('leads', 'became_customer_on') }}
),

cut as (
    {{ cut_by_period_and_level('ended_before', {'ended_before_leads': 'count(*)'}) }}
)

select
    converted.period_start,
    converted.level,
    converted.team_id,
    converted.rep_id,
    converted.converted_in_period,
    won.won_leads,
    cut.ended_before_leads
from {{ ref('kpi_conversion_ratio') }} as converted
inner join {{ ref('kpi_number_of_follow_ups') }} as won on {{ same_kpi_key('converted', 'won') }}
left join cut on {{ same_kpi_key('converted', 'cut') }}
where
    converted.period_type = 'month'
    and converted.breakdown = 'total'
    and converted.converted_in_period <> won.won_leads + coalesce(cut.ended_before_leads, 0)
