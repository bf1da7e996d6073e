-- One row per period, level and breakdown value in which leads came in: how many, and what became of them.
with leads as (
    select * from {{ ref('fct_leads') }}
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
            'qualified_leads': 'count(*) filter (where is_qualified)',
            'disqualified_leads': 'count(*) filter (where is_disqualified)',
            'open_leads': 'count(*) filter (where is_open)',
        },
        breakdowns={'source': 'source', 'industry': 'industry', 'campaign': 'campaign'},
    ) }}
)

select * from cut
