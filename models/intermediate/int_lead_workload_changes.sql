-- One row per period, member and breakdown value in which leads came into the open work or left it: the net change.
-- A lead enters the work when it comes in and leaves it when it is converted, disqualified, won or lost.
with leads as (
    select * from {{ ref('fct_leads') }}
),

steps as (
    select rep_id, source, industry, campaign, created_on as stepped_on, 1 as step
    from leads
    union all
    select rep_id, source, industry, campaign, greatest(left_workload_on, created_on) as stepped_on, -1 as step
    from leads
    where left_workload_on is not null
),

cut as (
    {{ sums_by_cut(
        'steps',
        day='stepped_on',
        counts={'net_leads': 'sum(step)'},
        breakdowns={'source': 'source', 'industry': 'industry', 'campaign': 'campaign'},
    ) }}
)

select * from cut
