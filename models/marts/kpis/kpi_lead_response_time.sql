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
            'responded_leads': 'count(first_response_on)',
            'mean_response_minutes': mean('response_minutes'),
            'median_response_minutes': 'median(response_minutes)',
            'p90_response_minutes': 'percentile_cont(0.9) within group (order by response_minutes)',
            'median_business_response_minutes': 'median(business_response_minutes)',
            'p90_business_response_minutes': 'percentile_cont(0.9) within group (order by business_response_minutes)',
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
        cut.p90_business_response_minutes
    from keys
    left join cut on {{ same_kpi_key('keys', 'cut') }}
)

select * from measured
