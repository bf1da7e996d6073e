-- One row per finding about follow-ups: leads that were given up after too few contact moments.
with months as (
    select * from {{ ref('int_judged_months') }} where moment in ('running', 'complete')
),

norms as (
    select * from {{ ref('int_metric_norms') }} where kpi = 'number_of_follow_ups'
),

follow_ups as (
    select * from {{ ref('kpi_number_of_follow_ups') }} where period_type = 'month' and breakdown = 'total'
),

judged as (
    select
        follow_ups.*,
        months.moment,
        norms.status,
        -- those that abandoned_ratio is a share of
        round({{ ratio('follow_ups.abandoned_leads', 'follow_ups.abandoned_ratio') }}) as ended_leads
    from follow_ups
    inner join months on follow_ups.period_start = months.period_start
    inner join norms on {{ same_kpi_key('follow_ups', 'norms') }}
),

found as (
    select {{ finding(
        'too_few_follow_ups', 'number_of_follow_ups', variant=group_or_rep(), severity=alert_where("status = 'bad'"), unit='ratio',
        value='abandoned_ratio', reference=var('abandoned_acceptable'), sample='ended_leads'
    ) }}
    from judged
    where status in ('watch', 'bad') and ended_leads >= {{ var('signal_minimum_records') }}
)

select * from found
