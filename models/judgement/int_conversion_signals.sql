-- One row per finding about conversion: a member or a source below target, a source above all others. By the newest month whose leads
-- had their time: in a younger one everybody is below target.
with months as (
    select * from {{ ref('int_judged_months') }} where moment = 'ripened'
),

norms as (
    select * from {{ ref('int_metric_norms') }} where kpi = 'conversion_ratio'
),

conversion as (
    select * from {{ ref('kpi_conversion_ratio') }} where period_type = 'month'
),

totals as (
    select * from conversion where level = 'company' and breakdown = 'total'
),

judged as (
    select conversion.*, months.moment, norms.status, totals.conversion_ratio as ratio_of_all_sources
    from conversion
    inner join months on conversion.period_start = months.period_start
    inner join norms on {{ same_kpi_key('conversion', 'norms') }}
    inner join totals on conversion.period_start = totals.period_start
    where {{ is_total_or_source_of_the_company('conversion.') }}
),

found as (
    -- the status is bad where the whole interval lies below the target
    select {{ finding(
        'conversion_below_target', 'conversion_ratio', variant=group_or_rep_or_source(), severity="'warn'", unit='ratio',
        value='conversion_ratio', reference='target_ratio', sample='leads'
    ) }}
    from judged
    where status = 'bad'
    union all
    select {{ finding(
        'source_outperforms', 'conversion_ratio', severity="'info'", unit='ratio',
        value='conversion_ratio', reference='ratio_of_all_sources', sample='leads'
    ) }}
    from judged
    where breakdown = 'source' and conversion_ratio_low > ratio_of_all_sources
)

select * from found
