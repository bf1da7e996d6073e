-- One row per lead that counts: when it came in, how fast and how often it was contacted, what became of it.
with leads as (
    select * from {{ ref('int_leads_counted') }}
),

responses as (
    select * from {{ ref('int_lead_responses') }}
),

ends as (
    select * from {{ ref('int_lead_ends') }}
),

contacted as (
    select
        lead_id,
        count(*) filter (where contact_role in ('first_response', 'follow_up')) as contact_moments,
        count(*) filter (where contact_role = 'follow_up') as follow_ups
    from {{ ref('fct_contact_moments') }}
    where lead_id is not null
    group by lead_id
),

dates as (
    select * from {{ ref('dim_dates') }}
),

described as (
    select
        leads.lead_id,
        leads.rep_id,
        leads.team_id,
        leads.account_id,
        leads.source,
        leads.campaign,
        leads.industry,
        leads.status,
        leads.created_at,
        leads.created_on,
        ends.is_qualified,
        ends.is_disqualified,
        ends.is_customer,
        not ends.has_left_workload as is_open,
        not {{ is_one_of('leads.source', var('response_exclude_sources')) }} as has_response_clock,
        responses.responded_at as first_response_at,
        responses.responded_on as first_response_on,
        responses.channel as first_response_channel,
        responses.rep_id as first_response_rep_id,
        leads.converted_on,
        leads.disqualified_on,
        ends.became_customer_on,
        ends.ended_on,
        ends.end_reason,
        case when ends.has_left_workload then ends.left_workload_on end as left_workload_on,
        coalesce(contacted.contact_moments, 0) as contact_moments,
        coalesce(contacted.follow_ups, 0) as follow_ups,
        ends.opportunities,
        ends.won_opportunities,
        case
            when has_response_clock then {{ minutes_between('leads.created_at', 'responses.responded_at') }}
        end as response_minutes,
        case
            when has_response_clock and leads.created_at is not null
                -- the difference of two long running clocks, without the rest that doubles leave behind it
                then round(
                    {{ business_clock('responses.responded_at', 'response_dates') }} - {{ business_clock('leads.created_at', 'created_dates') }}, 6
                )
        end as business_response_minutes
    from leads
    left join responses on leads.lead_id = responses.lead_id
    left join ends on leads.lead_id = ends.lead_id
    left join contacted on leads.lead_id = contacted.lead_id
    left join dates as created_dates on leads.created_on = created_dates.date_day
    left join dates as response_dates on responses.responded_on = response_dates.date_day
)

select * from described
