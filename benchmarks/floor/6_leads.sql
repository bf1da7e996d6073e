-- The kpi tables about leads.
create temp table lead_numbers as
select
    lead_fact.*,
    rep_numbers.team_no,
    cast(became_customer_on - created_on as bigint) as days_to_customer,
    week_no, month_no, quarter_no, year_no,
    source_values.value_no as source_no,
    industry_values.value_no as industry_no,
    campaign_values.value_no as campaign_no,
    channel_values.value_no as channel_no,
    product_values.value_no as product_no
from lead_fact
inner join rep_numbers on lead_fact.rep_no = rep_numbers.rep_no
inner join day_numbers on lead_fact.created_on = day_numbers.date_day
{{ numbered('source', 'lead_fact.source', 'source') }}
{{ numbered('industry', 'lead_fact.industry', 'industry') }}
{{ numbered('campaign', 'lead_fact.campaign', 'campaign') }}
{{ numbered('channel', "coalesce(lead_fact.first_channel, 'unknown')", 'channel') }}
{{ numbered('product', 'lead_fact.product_id', 'product') }};

{{ sums('leads_in', [{'as': 'records', 'table': 'lead_numbers', 'values': ['source_no', 'industry_no', 'campaign_no', 'channel_no'], 'total': true}], {
    'leads': 'count(*)',
    'qualified_leads': 'count(*) filter (where is_qualified)',
    'disqualified_leads': 'count(*) filter (where is_disqualified)',
    'open_leads': 'count(*) filter (where not has_left_workload)',
    'opportunity_leads': 'count(*) filter (where opportunities > 0)',
    'customers': 'count(*) filter (where is_customer)',
    'opportunity_customers': 'count(*) filter (where is_customer and opportunities > 0)',
    'customers_within_90_days': 'count(*) filter (where days_to_customer <= 90)',
}) }}

-- channels are asked of conversions alone
create temp table channel_range as
select min(value_no) as first_no, max(value_no) as last_no from value_numbers where breakdown = 'channel';

-- open work is the running sum of what came in and went, and stays between two steps
create temp table work_steps as
select rep_no, week_no, month_no, source_no, industry_no, campaign_no, 1 as step from lead_numbers
union all
select rep_no, day_numbers.week_no, day_numbers.month_no, source_no, industry_no, campaign_no, -1
from lead_numbers
cross join stg_zeven__run as run
inner join day_numbers on greatest(left_workload_on, created_on) = day_numbers.date_day
where left_workload_on <= run.as_of_on;

{{ sums('work_changes', [{'as': 'records', 'table': 'work_steps', 'values': ['source_no', 'industry_no', 'campaign_no'], 'total': true}], {'net_leads': 'sum(step)::bigint'}) }}

create temp table open_work as
with stepped as (
    select
        key >> 40 as from_no,
        key & 1099511627775 as member_value,
        sum(net_leads) over in_time as open_leads,
        coalesce(lead(key >> 40) over in_time - 1, last_no) as to_no
    from work_changes
    inner join period_numbers on work_changes.key >> 40 = period_numbers.period_no
    window in_time as (partition by last_no, key & 1099511627775 order by key)
)

select (unnest(range(from_no, to_no + 1)) << 40) + member_value as key, open_leads::bigint as workload_leads
from stepped
where open_leads <> 0;

create temp table rep_span as
with worked as (
    select rep_no, min(created_on) as first_on, max(created_on) as last_on from lead_fact group by rep_no
    union all
    select rep_no, least(min(created_on), min(closed_on) filter (where is_closed)), greatest(max(created_on), max(closed_on) filter (where is_closed))
    from deal where not is_deleted group by rep_no
    union all
    select rep_no, min(occurred_on), max(occurred_on) from moment group by rep_no
)

select
    dim_reps.team_id,
    dim_reps.rep_id,
    dim_reps.lead_capacity,
    coalesce(dim_reps.hired_on, min(worked.first_on)) as active_from,
    case when dim_reps.is_active then date '9999-12-31' else max(worked.last_on) end as active_until
from dim_reps
inner join rep_numbers on dim_reps.rep_id = rep_numbers.rep_id
left join worked on rep_numbers.rep_no = worked.rep_no
where dim_reps.is_known
group by dim_reps.team_id, dim_reps.rep_id, dim_reps.lead_capacity, dim_reps.hired_on, dim_reps.is_active;

create temp view int_rep_spans as select * from rep_span;

create temp view int_leads_by_period as
select period_no, member_no, value_no, leads
from {{ with_texts("(select key, leads from leads_in where key & 1048575 = 0 and (key >> 20) & 1048575 <= (select count(*) from team_numbers))") }};
