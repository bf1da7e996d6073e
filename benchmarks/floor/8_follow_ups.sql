-- The kpi table of contact moments.
create temp table moment_numbers as
select
    moment.rep_no,
    rep_numbers.team_no,
    moment.lead_no,
    case moment.contact_role when 'first_response' then 1 when 'follow_up' then 2 else 0 end as role,
    week_no,
    month_no,
    source_values.value_no as source_no,
    industry_values.value_no as industry_no,
    channel_values.value_no as channel_no,
    product_values.value_no as product_no
from moment
inner join rep_numbers on moment.rep_no = rep_numbers.rep_no
inner join day_numbers on moment.occurred_on = day_numbers.date_day
{{ numbered('source', 'moment.source', 'source') }}
{{ numbered('industry', 'moment.industry', 'industry') }}
{{ numbered('channel', 'moment.channel', 'channel') }}
{{ numbered('product', 'moment.product_id', 'product') }};

{{ sums('moments_made', [{'as': 'records', 'table': 'moment_numbers', 'values': ['source_no', 'industry_no', 'channel_no', 'product_no'], 'total': true}], {
    'contact_moments': 'count(*)',
    'first_responses': 'count(*) filter (where role = 1)',
    'follow_ups': 'count(*) filter (where role = 2)',
}) }}

-- Different leads of every key: a lead once for each period, member and value, from the narrow to the wide. Source and industry are
-- those of the lead, so they and the total are counted from the same pairs; channel and product have pairs of their own.
{% for name, value in [('lead', none), ('channel', 'channel_no'), ('product', 'product_no')] %}
{% set columns = 'lead_no, source_no, industry_no' if value is none else 'lead_no, ' ~ value %}
create temp table {{ name }}_pairs as
with days as (select * from moment_numbers where role > 0),
week_reps as materialized (select distinct week_no as period_no, rep_no, team_no, {{ columns }} from days),
month_reps as materialized (select distinct month_no as period_no, rep_no, team_no, {{ columns }} from days),
quarter_reps as materialized (
    select distinct quarter_no as period_no, rep_no, team_no, {{ columns }}
    from month_reps inner join month_quarters on month_reps.period_no = month_quarters.month_no
),
year_reps as materialized (
    select distinct year_no as period_no, rep_no, team_no, {{ columns }}
    from quarter_reps inner join quarter_years on quarter_reps.period_no = quarter_years.quarter_no
),
reps as (select * from week_reps union all select * from month_reps union all select * from quarter_reps union all select * from year_reps),
teams as materialized (select distinct period_no, team_no, {{ columns }} from reps),
companies as (select distinct period_no, {{ columns }} from teams)
{% macro counted_pairs(relation, member) -%}
    select key_of(period_no, {{ member }}, {{ 'coalesce(source_no, industry_no, 0)' if value is none else value }}) as key, count(*) as contacted_leads
    from {{ relation }}
    {% set by = {'reps': ', rep_no', 'teams': ', team_no', 'companies': ''}[relation] %}
    group by grouping sets (
        {%- if value is none %}(period_no{{ by }}), (period_no{{ by }}, source_no), (period_no{{ by }}, industry_no){% else %}(period_no{{ by }}, {{ value }}){% endif %})
{%- endmacro %}
{{ counted_pairs('reps', rep_member()) }}
union all
{{ counted_pairs('teams', '1 + team_no') }}
union all
{{ counted_pairs('companies', '0') }};
{% endfor %}

create temp table ended_leads as
select
    lead_numbers.* exclude (week_no, month_no, quarter_no, year_no),
    day_numbers.week_no, day_numbers.month_no, day_numbers.quarter_no, day_numbers.year_no
from lead_numbers
inner join day_numbers on lead_numbers.ended_on = day_numbers.date_day;

{{ sums('leads_ended', [{'as': 'records', 'table': 'ended_leads', 'values': ['source_no', 'industry_no', 'product_no'], 'total': true}], {
    'won_leads': "count(*) filter (where end_reason = 'won')",
    'won_moments': "coalesce(sum(contact_moments) filter (where end_reason = 'won'), 0)::bigint",
    'lost_leads': "count(*) filter (where end_reason = 'lost')",
    'lost_moments': "coalesce(sum(contact_moments) filter (where end_reason = 'lost'), 0)::bigint",
    'failed_leads': "count(*) filter (where end_reason in ('lost', 'disqualified'))",
    'abandoned_leads': 'count(*) filter (where is_abandoned)',
}) }}

{{ wholes('won_leads', "(select * from ended_leads where end_reason = 'won') as won", {'median_moments': 'median(contact_moments::double)'}, ['source_no', 'industry_no', 'product_no']) }}

{{ joined_as_written() }};

create table kpi_number_of_follow_ups as
with contacted as (
    select * from lead_pairs
    union all
    select * from channel_pairs
    union all
    select * from product_pairs
)

select
    {{ key_texts() }},
    coalesce(contact_moments, 0) as contact_moments,
    coalesce(first_responses, 0) as first_responses,
    coalesce(follow_ups, 0) as follow_ups,
    coalesce(contacted_leads, 0) as contacted_leads,
    ratio(follow_ups, contacted_leads) as follow_ups_per_contacted_lead,
    case when breakdown <> 'channel' then coalesce(ended.won_leads, 0) end as won_leads,
    ratio(won_moments, ended.won_leads) as mean_contact_moments_per_won_lead,
    median_moments as median_contact_moments_per_won_lead,
    case when breakdown <> 'channel' then coalesce(lost_leads, 0) end as lost_leads,
    ratio(lost_moments, lost_leads) as mean_contact_moments_per_lost_lead,
    case when breakdown <> 'channel' then coalesce(abandoned_leads, 0) end as abandoned_leads,
    ratio(abandoned_leads, failed_leads) as abandoned_ratio
from {{ with_texts(all_keys(['moments_made', 'leads_ended'])) }}
left join moments_made on keys.key = moments_made.key
left join contacted on keys.key = contacted.key
left join leads_ended as ended on keys.key = ended.key
left join won_leads on keys.key = won_leads.key;

{{ joined_as_estimated() }};
