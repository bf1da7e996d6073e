-- One row per lead that counts: how long it waited for its first response, by the clock and by business hours, and what the
-- service level makes of that. A lead that nobody answered waited until its end, or still waits.
with leads as (
    select * from {{ ref('int_leads_counted') }}
),

responses as (
    select * from {{ ref('int_lead_responses') }}
),

ends as (
    select * from {{ ref('int_lead_ends') }}
),

run as (
    select * from {{ ref('stg_zeven__run') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

waited as (
    select
        leads.lead_id,
        leads.created_at,
        leads.created_on,
        not {{ is_one_of('leads.source', var('response_exclude_sources')) }} as has_response_clock,
        responses.lead_id is not null as is_answered,
        case
            when responses.lead_id is not null then responses.responded_at
            -- nobody waits longer than until now, and one who had left before coming in did not wait
            else greatest(leads.created_at, least(coalesce(ends.ended_at, {{ end_of_day('ends.ended_on') }}, run.as_of), run.as_of))
        end as waited_until_at,
        case
            when responses.lead_id is not null then responses.responded_on
            else greatest(leads.created_on, coalesce(ends.ended_on, run.as_of_on))
        end as waited_until_on
    from leads
    cross join run
    left join responses on leads.lead_id = responses.lead_id
    left join ends on leads.lead_id = ends.lead_id
),

timed as (
    select
        waited.lead_id,
        waited.has_response_clock,
        waited.is_answered,
        {{ minutes_between('waited.created_at', 'waited.waited_until_at') }} as waiting_minutes,
        {{ business_minutes_between('waited.created_at', 'created_dates', 'waited.waited_until_at', 'until_dates') }} as business_waiting_minutes,
        waited.has_response_clock and waited.created_at is not null and waited.waited_until_at is not null as has_minutes
    from waited
    left join dates as created_dates on waited.created_on = created_dates.date_day
    left join dates as until_dates on waited.waited_until_on = until_dates.date_day
),

judged as (
    select
        lead_id,
        has_response_clock,
        is_answered,
        case when has_minutes then waiting_minutes end as waiting_minutes,
        case when has_minutes then business_waiting_minutes end as business_waiting_minutes,
        case when has_minutes and is_answered then waiting_minutes end as response_minutes,
        case when has_minutes and is_answered then business_waiting_minutes end as business_response_minutes,
        -- a lead that came in a minute ago has not been failed yet
        has_minutes and (is_answered or business_waiting_minutes > {{ var('sla_minutes') }}) as is_sla_eligible,
        has_minutes and is_answered and business_waiting_minutes <= {{ var('sla_minutes') }} as is_within_sla
    from timed
)

select * from judged
