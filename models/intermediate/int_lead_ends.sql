-- One row per lead that counts: did it become a customer, how and when did it end, when did it stop being work.
with leads as (
    select * from {{ ref('int_leads_counted') }}
),

opportunities as (
    select * from {{ ref('int_opportunities_resolved') }}
),

outcomes as (
    select
        lead_id,
        count(*) as opportunities,
        -- a win without a date makes a customer, at a time that nobody knows
        count(*) filter (where outcome = 'won' and not is_open) as won_opportunities,
        count(*) filter (where outcome = 'lost' and not is_open) as lost_opportunities,
        min(closed_on) filter (where outcome = 'won' and is_closed) as won_on,
        count(*) filter (where outcome = 'lost' and is_closed) as dated_losses,
        max(closed_on) filter (where outcome = 'lost' and is_closed) as last_lost_on
    from opportunities
    where lead_id is not null
    group by lead_id
),

judged as (
    select
        leads.lead_id,
        leads.status,
        leads.created_on,
        leads.converted_on,
        leads.disqualified_at,
        leads.disqualified_on,
        coalesce(outcomes.opportunities, 0) as opportunities,
        coalesce(outcomes.won_opportunities, 0) as won_opportunities,
        -- a lead's own word counts where no opportunity says more; of opportunities only the day of the close is known
        case when outcomes.lead_id is null then leads.became_customer_at end as became_customer_at,
        case when outcomes.lead_id is null then leads.became_customer_on else outcomes.won_on end as became_customer_on,
        coalesce(outcomes.won_opportunities > 0, leads.became_customer_on is not null) as is_customer,
        coalesce(outcomes.opportunities = outcomes.lost_opportunities, false) as is_lost,
        -- nobody knows which loss was the last where one of them has no day
        case when outcomes.opportunities = outcomes.dated_losses then outcomes.last_lost_on end as lost_on,
        leads.status = 'disqualified' or leads.disqualified_on is not null as is_disqualified
    from leads
    left join outcomes on leads.lead_id = outcomes.lead_id
),

ended as (
    select
        lead_id,
        opportunities,
        won_opportunities,
        became_customer_on,
        is_customer,
        is_disqualified,
        least(became_customer_on, lost_on, disqualified_on) as ended_on,
        case
            when became_customer_on <= least(became_customer_on, lost_on, disqualified_on) then 'won'
            when lost_on <= least(lost_on, disqualified_on) then 'lost'
            when disqualified_on is not null then 'disqualified'
            when is_customer then 'won'
            when is_lost then 'lost'
            when is_disqualified then 'disqualified'
        end as end_reason,
        case end_reason when 'won' then became_customer_at when 'disqualified' then disqualified_at end as ended_at,
        status in ('qualified', 'converted') or opportunities > 0 as is_qualified,
        is_customer or is_lost or is_disqualified or status = 'converted' or converted_on is not null as has_left_workload,
        -- where a lead is known to be done but not since when, it never was work
        coalesce(least(converted_on, disqualified_on, became_customer_on, lost_on), created_on) as left_workload_on
    from judged
)

select * from ended
