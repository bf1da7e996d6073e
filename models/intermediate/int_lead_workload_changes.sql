-- One row per key of the kpi tables in which leads came into the open work or left it: the net change.
-- A lead enters the work when it comes in and leaves it when it is converted, disqualified, won or lost.
with leads as (
    select * from {{ ref('fct_leads') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

run as (
    select * from {{ ref('stg_zeven__run') }}
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
)

select * from cut
