-- The kpi tables about leads, written.
create temp table active as
select key_of(period_no, member_no, 0) >> 20 as period_member, active_reps, capacity_leads_per_rep from int_active_reps;

create temp table seasons as
select key_of(period_no, member_no, 0) as key, trend_leads, seasonal_index, seasonally_adjusted_leads from int_lead_seasonality;

create temp view leads_without_channel as
select leads_in.* from leads_in, channel_range where key & 1048575 not between first_no and last_no;

{{ joined_as_written() }};

create table kpi_number_of_leads as
select
    {{ key_texts() }},
    coalesce(cut.leads, 0) as leads,
    coalesce(cut.qualified_leads, 0) as qualified_leads,
    coalesce(cut.disqualified_leads, 0) as disqualified_leads,
    coalesce(cut.open_leads, 0) as open_leads,
    ratio(cut.qualified_leads, cut.leads) as qualification_ratio,
    coalesce(workload_leads, 0) as workload_leads,
    coalesce(active_reps, 0) as active_reps,
    ratio(coalesce(workload_leads, 0), active_reps) as workload_leads_per_rep,
    capacity_leads_per_rep,
    ratio(ratio(coalesce(workload_leads, 0), active_reps), capacity_leads_per_rep) as workload_ratio,
    case when previous_no is not null then coalesce(previous.leads, 0) end as previous_leads,
    case when last_year_no is not null then coalesce(last_year.leads, 0) end as same_period_last_year_leads,
    trend_leads,
    seasonal_index,
    seasonally_adjusted_leads
from {{ with_texts(all_keys(['leads_without_channel', 'open_work'])) }}
left join leads_in as cut on keys.key = cut.key
{{ earlier('leads_in', 'previous', 'previous_no') }}
{{ earlier('leads_in', 'last_year', 'last_year_no') }}
left join open_work on keys.key = open_work.key
left join active on keys.key >> 20 = active.period_member
left join seasons on keys.key = seasons.key;

{{ joined_as_estimated() }};

-- medians and percentiles of one column come from one sorted list
{{ wholes('waits', '(select * from lead_numbers where has_response_clock) as waited', {
    'leads': 'count(*)',
    'responded_leads': 'count(*) filter (where is_answered)',
    'mean_response_minutes': 'cast(sum(cast(response_minutes as decimal(28, 9))) as double) / nullif(count(response_minutes), 0)',
    'response': 'quantile_cont(response_minutes, [0.5, 0.9])',
    'business': 'quantile_cont(business_response_minutes, [0.5, 0.9])',
    'within_sla_leads': 'count(*) filter (where is_within_sla)',
    'sla_eligible_leads': 'count(*) filter (where is_sla_eligible)',
}, ['source_no', 'industry_no']) }}

-- Kaplan-Meier from one sort: of those at risk one answer after the other; at equal times answers come before those who left
create temp table survival as
with placed as (
    select
        key_of(
            unnest([week_no, week_no, week_no, month_no, month_no, month_no, quarter_no, quarter_no, quarter_no, year_no, year_no, year_no]),
            unnest([0, 1 + team_no, m, 0, 1 + team_no, m, 0, 1 + team_no, m, 0, 1 + team_no, m]),
            0
        ) as key,
        waiting_minutes,
        is_answered
    from (select *, {{ rep_member() }} as m from lead_numbers where has_response_clock and waiting_minutes is not null)
),

ranked as (
    select
        key,
        waiting_minutes,
        is_answered,
        count(*) over (partition by key) - row_number() over in_time + 1 as at_risk
    from placed
    window in_time as (partition by key order by waiting_minutes, is_answered desc)
),

survived as (
    select
        key,
        waiting_minutes,
        sum(case when is_answered and at_risk > 1 then ln((at_risk - 1) / at_risk::double) end) over in_time as log_survival,
        is_answered and at_risk = 1 as is_last
    from ranked
    window in_time as (partition by key order by waiting_minutes, is_answered desc rows unbounded preceding)
)

select
    key,
    min(waiting_minutes) filter (where is_last or round(exp(log_survival), 9) <= 0.5) as km_median_response_minutes
from survived
group by key;

{{ joined_as_written() }};

create table kpi_lead_response_time as
select
    {{ key_texts() }},
    coalesce(waits.leads, 0) as leads,
    coalesce(waits.responded_leads, 0) as responded_leads,
    coalesce(waits.leads - waits.responded_leads, 0) as unanswered_leads,
    ratio(waits.responded_leads, waits.leads) as response_ratio,
    waits.mean_response_minutes,
    waits.response[1] as median_response_minutes,
    waits.response[2] as p90_response_minutes,
    waits.business[1] as median_business_response_minutes,
    waits.business[2] as p90_business_response_minutes,
    coalesce(waits.within_sla_leads, 0) as within_sla_leads,
    coalesce(waits.sla_eligible_leads, 0) as sla_eligible_leads,
    ratio(waits.within_sla_leads, waits.sla_eligible_leads) as within_sla_ratio,
    of_team.business[1] as team_median_business_response_minutes,
    of_company.business[1] as company_median_business_response_minutes,
    survival.km_median_response_minutes
from {{ with_texts(all_keys(['waits'])) }}
left join waits on keys.key = waits.key
left join (select * from waits where (key >> 20) & 1048575 between 1 and (select count(*) from team_numbers)) as of_team
    on key_of(period_no, 1 + member_numbers.team_no, value_no) = of_team.key
left join (select * from waits where (key >> 20) & 1048575 = 0) as of_company on key_of(period_no, 0, value_no) = of_company.key
left join survival on keys.key = survival.key;

{{ joined_as_estimated() }};

-- customers are few: what is asked of them alone is asked of them alone
create temp table customer_numbers as select * from lead_numbers where days_to_customer is not null;

{{ wholes('days_to_customer', 'customer_numbers', {'median_days_to_customer': 'median(days_to_customer::double)'}, ['source_no', 'industry_no', 'campaign_no', 'channel_no']) }}

create temp table customer_days as
select customer_numbers.* exclude (week_no, month_no), day_numbers.week_no, day_numbers.month_no
from customer_numbers
inner join day_numbers on became_customer_on = day_numbers.date_day;

{{ sums('customers_in', [{'as': 'records', 'table': 'customer_days', 'values': ['source_no', 'industry_no', 'campaign_no', 'channel_no'], 'total': true}], {'converted_in_period': 'count(*)'}) }}

{{ joined_as_written() }};

create table kpi_conversion_ratio as
with ripening as (
    select round(percentile_cont(0.9) within group (order by days_to_customer), 9) as p90 from customer_numbers
),

target_ratios as (
    select spelling(source) as source, max(target_ratio) as target_ratio from conversion_targets group by all
),

source_targets as (
    select value_no, coalesce(target_ratios.target_ratio, (select target_ratio from target_ratios where source = 'default')) as target_ratio
    from value_numbers
    left join target_ratios on breakdown = 'source' and spelling(breakdown_value) = target_ratios.source
)

select
    {{ key_texts() }},
    coalesce(leads, 0) as leads,
    coalesce(opportunity_leads, 0) as opportunity_leads,
    coalesce(customers, 0) as customers,
    ratio(customers, leads) as conversion_ratio,
    {{ wilson('low', 'customers', 'leads') }} as conversion_ratio_low,
    {{ wilson('high', 'customers', 'leads') }} as conversion_ratio_high,
    coalesce(customers_within_90_days, 0) as customers_within_90_days,
    case when as_of_on - period_end >= 90 then ratio(customers_within_90_days, leads) end as conversion_ratio_90_days,
    ratio(opportunity_leads, leads) as lead_to_opportunity_ratio,
    ratio(opportunity_customers, opportunity_leads) as opportunity_to_customer_ratio,
    median_days_to_customer,
    coalesce(as_of_on - period_end >= ripening.p90, false) as is_mature,
    source_targets.target_ratio,
    coalesce(converted_in_period, 0) as converted_in_period
from {{ with_texts(all_keys(['leads_in', 'customers_in'])) }}
left join leads_in on keys.key = leads_in.key
cross join stg_zeven__run as run
cross join ripening
inner join source_targets on keys.key & 1048575 = source_targets.value_no
left join days_to_customer on keys.key = days_to_customer.key
left join customers_in on keys.key = customers_in.key;

{{ joined_as_estimated() }};
