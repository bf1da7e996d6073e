-- Detects metrics that the scorecard loses or counts twice: each has one row per member and period (attainment has no weeks).
-- Likely cause: a slug that metric_catalog does not know, or a join that multiplies. A row is a metric with another number of rows.
{{ config(meta={'dagster': {'ref': {'name': 'kpi_scorecard'}}}) }}
with expected as (
    select
        catalog.slug,
        count(*) filter (where catalog.slug <> 'target_attainment' or periods.period_type <> 'week') as row_count
    from {{ ref('metric_catalog') }} as catalog
    cross join {{ ref('int_periods') }} as periods
    cross join {{ ref('int_members') }}
    group by catalog.slug
),

shown as (
    select kpi, count(*) as row_count from {{ ref('kpi_scorecard') }} group by kpi
)

select expected.slug, expected.row_count as expected_rows, shown.row_count as shown_rows
from expected
full outer join shown on expected.slug = shown.kpi
where expected.row_count is distinct from shown.row_count
