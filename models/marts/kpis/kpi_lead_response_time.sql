-- One row per period, level and breakdown value: how long leads waited for the first answer.
with waits as (
    select * from {{ ref('int_responses_by_period') }}
),

survival as (
    select * from {{ ref('int_response_survival') }}
),

above as (
    select * from {{ ref('int_responses_above') }}
),

members as (
    select *, case level when 'team' then member_no when 'rep' then wider_no end as team_no from {{ ref('int_members') }}
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
        of_team.median_business_response_minutes as team_median_business_response_minutes,
        of_company.median_business_response_minutes as company_median_business_response_minutes,
        gathered.km_median_response_minutes
    from gathered
    inner join members on gathered.member_no = members.member_no
    left join above as of_team
        on gathered.period_no = of_team.period_no
        and gathered.value_no = of_team.value_no
        and members.team_no = of_team.within_no
    left join above as of_company
        on gathered.period_no = of_company.period_no
        and gathered.value_no = of_company.value_no
        and of_company.within_no = 0
)

select * from measured
