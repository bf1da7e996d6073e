-- One row per metric, period and level: the headline of each of the seven metrics beside each other, and how it stands.
-- A new metric is one line here: its slug and its headline column. What it should be stands in int_metric_norms.
{% set headlines = {
    'number_of_leads': 'leads',
    'lead_response_time': 'median_business_response_minutes',
    'number_of_follow_ups': 'follow_ups',
    'conversion_ratio': 'conversion_ratio',
    'target_attainment': 'attainment_ratio',
    'open_pipeline': 'open_amount',
    'closed_sales': 'closed_amount',
} %}
with periods as (
    select * from {{ ref('int_periods') }}
),

catalog as (
    select * from {{ ref('metric_catalog') }}
),

norms as (
    select * from {{ ref('int_metric_norms') }} where breakdown = 'total'
),

young as (
    select 'conversion_ratio' as kpi, period_type, period_start, level, team_id, rep_id
    from {{ ref('kpi_conversion_ratio') }}
    where breakdown = 'total' and not is_mature
),

headlines as (
    {%- for slug, column in headlines.items() %}
    select '{{ slug }}' as kpi, period_type, period_start, level, team_id, rep_id, cast({{ column }} as double) as value
    from {{ ref('kpi_' ~ slug) }}
    where breakdown = 'total'
    {%- if not loop.last %}
    union all{% endif %}
    {%- endfor %}
),

dated as (
    select headlines.*, periods.previous_period_start, periods.last_year_period_start
    from headlines
    inner join periods on headlines.period_type = periods.period_type and headlines.period_start = periods.period_start
),

compared as (
    select
        dated.kpi,
        dated.period_type,
        dated.period_start,
        dated.level,
        dated.team_id,
        dated.rep_id,
        dated.value,
        catalog.unit,
        norms.target_value,
        previous.value as previous_value,
        last_year.value as same_period_last_year_value,
        -- leads that still become customers compare with no older ones: "conversion collapsed" every month
        case
            when young.kpi is null then {{ ratio('dated.value - previous.value', 'abs(previous.value)') }}
        end as change_ratio,
        catalog.direction,
        norms.status,
        catalog.sort_order
    from dated
    inner join catalog on dated.kpi = catalog.slug
    left join norms
        on {{ same_member('dated', 'norms') }} and dated.kpi = norms.kpi and dated.period_start = norms.period_start
    left join young
        on {{ same_member('dated', 'young') }} and dated.kpi = young.kpi and dated.period_start = young.period_start
    left join headlines as previous
        on {{ same_member('dated', 'previous') }} and dated.kpi = previous.kpi and dated.previous_period_start = previous.period_start
    left join headlines as last_year
        on {{ same_member('dated', 'last_year') }} and dated.kpi = last_year.kpi and dated.last_year_period_start = last_year.period_start
)

select * from compared
