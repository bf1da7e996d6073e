-- One row per finding about targets and the pipeline that is to close them.
with months as (
    select * from {{ ref('int_judged_months') }} where moment in ('running', 'complete')
),

norms as (
    select * from {{ ref('int_metric_norms') }} where kpi in ('target_attainment', 'open_pipeline')
),

targets as (
    select * from {{ ref('kpi_target_attainment') }} where period_type = 'month'
),

pipeline as (
    select * from {{ ref('kpi_open_pipeline') }} where period_type = 'month' and breakdown = 'total'
),

judged_targets as (
    select targets.*, months.moment, norms.kpi, norms.status as norm_status
    from targets
    inner join months on targets.period_start = months.period_start
    inner join norms on {{ same_kpi_key('targets', 'norms') }}
),

judged_pipeline as (
    select pipeline.*, months.moment, {{ ratio('stale_opportunities', 'open_opportunities') }} as stale_ratio
    from pipeline
    inner join months on pipeline.period_start = months.period_start
),

found as (
    -- on the first days of a month a single deal decides over the pace
    select {{ finding(
        'target_behind', 'target_attainment', unit='currency',
        variant="case when moment = 'complete' then 'complete' when required_per_working_day is null then 'last_day' else 'running' end",
        severity=alert_where("moment = 'running'"),
        value='closed_amount', reference='expected_amount', extra='required_per_working_day'
    ) }}
    from judged_targets
    where kpi = 'target_attainment' and norm_status = 'bad' and elapsed_ratio >= {{ var('signal_elapsed_from') }}
    union all
    select {{ finding(
        'pipeline_does_not_cover_gap', 'open_pipeline', severity=alert_where('true'), unit='currency',
        value='pipeline_amount', reference='gap_amount'
    ) }}
    from judged_targets
    where kpi = 'open_pipeline' and norm_status = 'bad'
    union all
    select {{ finding(
        'stale_pipeline', 'open_pipeline', variant=group_or_rep(), severity="'warn'", unit='number',
        value='stale_opportunities', reference='open_opportunities', sample='open_opportunities'
    ) }}
    from judged_pipeline
    where
        moment = 'running'
        and stale_ratio >= {{ var('signal_stale_ratio') }}
        and open_opportunities >= {{ var('signal_minimum_records') }}
)

select * from found
