-- One row per key of the kpi tables: leads that were open work at the end of the period, or at the run's instant.
-- A lead enters the work when it comes in and leaves it when it is converted, disqualified, won or lost; the stock is the running sum.
with leads as (
    select * from {{ ref('fct_leads') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

run as (
    select * from {{ ref('stg_zeven__run') }}
),

spine as (
    select * from {{ ref('int_kpi_spine') }}
),

periods as (
    select * from {{ ref('int_periods') }}
),

steps as (
    select
        leads.team_id,
        leads.rep_id,
        leads.source,
        leads.industry,
        leads.campaign,
        leads.created_on as stepped_on,
        1 as step
    from leads
    union all
    select
        leads.team_id,
        leads.rep_id,
        leads.source,
        leads.industry,
        leads.campaign,
        greatest(leads.left_workload_on, leads.created_on) as stepped_on,
        -1 as step
    from leads
    cross join run
    where leads.left_workload_on <= run.as_of_on
),

dated as (
    {{ with_period_starts('steps', 'stepped_on') }}
),

cut as (
    {{ cut_by_period_and_level(
        'dated',
        {'net_leads': 'sum(step)'},
        breakdowns={'source': 'source', 'industry': 'industry', 'campaign': 'campaign'},
    ) }}
),

keys as (
    {{ kpi_keys(['cut']) }}
),

accumulated as (
    select
        {% for column in key_columns() -%}
        keys.{{ column }},
        {% endfor -%}
        cast(
            sum(coalesce(cut.net_leads, 0)) over (
                partition by keys.period_type, keys.level, keys.team_id, keys.rep_id, keys.breakdown, keys.breakdown_value
                order by keys.period_start
            ) as bigint
        ) as workload_leads
    from keys
    left join cut on {{ same_kpi_key('keys', 'cut') }}
)

select * from accumulated
