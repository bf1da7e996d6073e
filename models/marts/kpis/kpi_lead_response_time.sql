-- One row per period, level and breakdown value: how long leads waited for the first answer.
with spine as (
    select * from {{ ref('int_kpi_spine') }}
),

periods as (
    select * from {{ ref('int_periods') }}
),

leads as (
    select * from {{ ref('fct_leads') }} where has_response_clock
),

survival as (
    select * from {{ ref('int_response_survival') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

dated as (
    {{ with_period_starts('leads', 'created_on') }}
),

cut as (
    {{ cut_by_period_and_level(
        'dated',
        {
            'leads': 'count(*)',
            'responded_leads': 'count(*) filter (where is_answered)',
            'mean_response_minutes': mean('response_minutes'),
            'median_response_minutes': 'median(response_minutes)',
            'p90_response_minutes': 'percentile_cont(0.9) within group (order by response_minutes)',
            'median_business_response_minutes': 'median(business_response_minutes)',
            'p90_business_response_minutes': 'percentile_cont(0.9) within group (order by business_response_minutes)',
            'within_sla_leads': 'count(*) filter (where is_within_sla)',
            'sla_eligible_leads': 'count(*) filter (where is_sla_eligible)',
        },
        breakdowns={'source': 'source', 'industry': 'industry'},
    ) }}
),

keys as (
    {{ kpi_keys(['cut']) }}
),

measured as (
    select
        {{ shared_kpi_columns('keys') }},
        coalesce(cut.leads, 0) as leads,
        coalesce(cut.responded_leads, 0) as responded_leads,
        coalesce(cut.leads - cut.responded_leads, 0) as unanswered_leads,
        {{ ratio('cut.responded_leads', 'cut.leads') }} as response_ratio,
        cut.mean_response_minutes,
        cut.median_response_minutes,
        cut.p90_response_minutes,
        cut.median_business_response_minutes,
        cut.p90_business_response_minutes,
        coalesce(cut.within_sla_leads, 0) as within_sla_leads,
        coalesce(cut.sla_eligible_leads, 0) as sla_eligible_leads,
        {{ ratio('cut.within_sla_leads', 'cut.sla_eligible_leads') }} as within_sla_ratio,
        max(case when keys.level = 'team' then cut.median_business_response_minutes end) over (
            partition by keys.period_type, keys.period_start, keys.breakdown, keys.breakdown_value, keys.team_id
        ) as team_median_business_response_minutes,
        max(case when keys.level = 'company' then cut.median_business_response_minutes end) over (
            partition by keys.period_type, keys.period_start, keys.breakdown, keys.breakdown_value
        ) as company_median_business_response_minutes,
        survival.km_median_response_minutes
    from keys
    left join cut on {{ same_kpi_key('keys', 'cut') }}
    left join survival on {{ same_kpi_key('keys', 'survival') }}
)

select * from measured
