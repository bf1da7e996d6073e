-- Detects wins on which two metrics differ: who became a customer in a month either ended there with the win, or had ended before it
-- (disqualified, and a customer after all).
-- Likely cause: the end of a lead and its becoming a customer are judged differently. A row is a member and month that does not balance.
{{ config(meta={'dagster': {'ref': {'name': 'kpi_conversion_ratio'}}}) }}
with ended_before as (
    select * from {{ ref('fct_leads') }} where ended_on < became_customer_on
),

cut as (
    {{ sums_by_cut('ended_before', day='became_customer_on', counts={'ended_before_leads': 'count(*)'}) }}
),

periods as (
    select * from {{ ref('int_periods') }}
),

members as (
    select * from {{ ref('int_members') }}
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
inner join periods on converted.period_type = periods.period_type and converted.period_start = periods.period_start
inner join members
    on converted.level = members.level
    and converted.team_id is not distinct from members.team_id
    and converted.rep_id is not distinct from members.rep_id
left join cut on periods.period_no = cut.period_no and members.member_no = cut.member_no
where
    converted.period_type = 'month'
    and converted.breakdown = 'total'
    and converted.converted_in_period <> won.won_leads + coalesce(cut.ended_before_leads, 0)
