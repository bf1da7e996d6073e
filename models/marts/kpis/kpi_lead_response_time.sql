-- One row per period, level and breakdown value: how long leads waited for the first answer.
with leads as (
    select * from {{ ref('fct_leads') }} where has_response_clock
),

members as (
    select * from {{ ref('int_members') }}
),

survival as (
    select * from {{ ref('int_response_survival') }}
),

cut as (
    {{ wholes_by_cut(
        'leads',
        {
            'leads': 'count(*)',
            'responded_leads': 'count(*) filter (where is_answered)',
            'mean_response_minutes': mean('response_minutes'),
            'response_percentiles': percentiles('response_minutes', [0.5, 0.9]),
            'business_percentiles': percentiles('business_response_minutes', [0.5, 0.9]),
            'within_sla_leads': 'count(*) filter (where is_within_sla)',
            'sla_eligible_leads': 'count(*) filter (where is_sla_eligible)',
        },
        day='created_on',
        breakdowns={'source': 'source', 'industry': 'industry'},
    ) }}
),

waits as (
    select
        *,
        {{ percentile('response_percentiles', 1) }} as median_response_minutes,
        {{ percentile('response_percentiles', 2) }} as p90_response_minutes,
        {{ percentile('business_percentiles', 1) }} as median_business_response_minutes,
        {{ percentile('business_percentiles', 2) }} as p90_business_response_minutes
    from cut
),

team_waits as (
    select waits.period_no, waits.value_no, members.team_id, waits.median_business_response_minutes
    from waits
    inner join members on waits.member_no = members.member_no
    where members.level = 'team'
),

company_waits as (
    select period_no, value_no, median_business_response_minutes from waits where member_no = 0
),

gathered as (
    {{ kpi_rows({
        'waits': [
            'leads', 'responded_leads', 'mean_response_minutes', 'median_response_minutes', 'p90_response_minutes',
            'median_business_response_minutes', 'p90_business_response_minutes', 'within_sla_leads', 'sla_eligible_leads',
        ],
        'survival': ['km_median_response_minutes'],
    }) }}
),

measured as (
    select
        {{ shared_kpi_columns('gathered') }},
        coalesce(gathered.leads, 0) as leads,
        coalesce(gathered.responded_leads, 0) as responded_leads,
        coalesce(gathered.leads - gathered.responded_leads, 0) as unanswered_leads,
        {{ ratio('gathered.responded_leads', 'gathered.leads') }} as response_ratio,
        gathered.mean_response_minutes,
        gathered.median_response_minutes,
        gathered.p90_response_minutes,
        gathered.median_business_response_minutes,
        gathered.p90_business_response_minutes,
        coalesce(gathered.within_sla_leads, 0) as within_sla_leads,
        coalesce(gathered.sla_eligible_leads, 0) as sla_eligible_leads,
        {{ ratio('gathered.within_sla_leads', 'gathered.sla_eligible_leads') }} as within_sla_ratio,
        team_waits.median_business_response_minutes as team_median_business_response_minutes,
        company_waits.median_business_response_minutes as company_median_business_response_minutes,
        gathered.km_median_response_minutes
    from gathered
    left join team_waits
        on gathered.period_no = team_waits.period_no
        and gathered.value_no = team_waits.value_no
        and gathered.team_id = team_waits.team_id
    left join company_waits on gathered.period_no = company_waits.period_no and gathered.value_no = company_waits.value_no
)

select * from measured
