-- One row per metric, period, level and source, where the metric has a norm: the norm as a number, and how the metric stands.
with leads as (
    select *, max(leads) over () as most_leads from {{ ref('kpi_number_of_leads') }} where breakdown = 'total'
),

response as (
    select * from {{ ref('kpi_lead_response_time') }} where breakdown = 'total'
),

follow_ups as (
    select * from {{ ref('kpi_number_of_follow_ups') }} where breakdown = 'total'
),

conversion as (
    select * from {{ ref('kpi_conversion_ratio') }} where breakdown in ('total', 'source')
),

targets as (
    select * from {{ ref('kpi_target_attainment') }}
),

judged as (
    select
        'number_of_leads' as kpi,
        {{ key_columns() | join(', ') }},
        cast(null as double) as target_value,
        case
            when workload_ratio between {{ var('workload_low') }} and {{ var('workload_high') }} then 'good'
            when workload_ratio between 0.75 * {{ var('workload_low') }} and 1.25 * {{ var('workload_high') }} then 'watch'
            when workload_ratio is not null then 'bad'
        end as status
    from leads
    where most_leads > 0 -- a company that records no leads at all has no lack of them
    union all
    -- unanswered leads count: the median of those who got an answer is not good news where half of the leads got none in time
    select
        'lead_response_time' as kpi,
        {{ key_columns() | join(', ') }},
        {{ var('sla_minutes') }} as target_value,
        case
            when median_business_response_minutes <= {{ var('sla_minutes') }} and within_sla_ratio >= 0.5 then 'good'
            when median_business_response_minutes <= 2 * {{ var('sla_minutes') }} then 'watch'
            when within_sla_ratio is not null then 'bad'
        end as status
    from response
    union all
    select
        'number_of_follow_ups' as kpi,
        {{ key_columns() | join(', ') }},
        null as target_value,
        case
            when abandoned_ratio <= {{ var('abandoned_acceptable') }} then 'good'
            when abandoned_ratio <= 2 * {{ var('abandoned_acceptable') }} then 'watch'
            when abandoned_ratio is not null then 'bad'
        end as status
    from follow_ups
    union all
    -- leads that are too young can only get better: a good ratio is good already, another says nothing yet
    select
        'conversion_ratio' as kpi,
        {{ key_columns() | join(', ') }},
        target_ratio as target_value,
        case
            when conversion_ratio >= target_ratio then 'good'
            when not is_mature or conversion_ratio is null or target_ratio is null then null
            when conversion_ratio_high < target_ratio then 'bad'
            else 'watch'
        end as status
    from conversion
    {%- for slug, norm in {'target_attainment': 1, 'closed_sales': 'target_amount'}.items() %}
    union all
    select
        '{{ slug }}' as kpi,
        {{ key_columns() | join(', ') }},
        case when target_amount > 0 then {{ norm }} end as target_value,
        case when status in ('reached', 'on_track') then 'good' when status = 'at_risk' then 'watch' when status = 'behind' then 'bad' end as status
    from targets
    {%- endfor %}
    union all
    -- what is over can no longer be reached from the pipeline
    select
        'open_pipeline' as kpi,
        {{ key_columns() | join(', ') }},
        case when gap_amount > 0 then gap_amount end as target_value,
        case
            when gap_amount <= 0 or coverage_ratio >= {{ var('coverage_good') }} then 'good'
            when coverage_ratio < {{ var('coverage_low') }} then 'bad'
            when coverage_ratio is not null then 'watch'
        end as status
    from targets
    where not is_complete
)

select * from judged
