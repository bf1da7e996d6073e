-- One row per period, level and breakdown value: contact moments by who made them, and what the leads that ended had taken.
with cut as (
    select * from {{ ref('int_contact_moments_by_period') }}
),

contacted as (
    select * from {{ ref('int_contacted_leads_by_period') }}
),

ended as (
    select * from {{ ref('int_leads_ended_by_period') }}
),

won as (
    select * from {{ ref('int_won_leads_by_period') }}
),

gathered as (
    {{ kpi_rows({
        'cut': ['contact_moments', 'first_responses', 'follow_ups'],
        'contacted': ['contacted_leads'],
        'ended': ['won_leads', 'won_contact_moments', 'lost_leads', 'lost_contact_moments', 'failed_leads', 'abandoned_leads'],
        'won': ['median_contact_moments_per_won_lead'],
    }) }}
),

measured as (
    select
        {{ shared_kpi_columns() }},
        coalesce(contact_moments, 0) as contact_moments,
        coalesce(first_responses, 0) as first_responses,
        coalesce(follow_ups, 0) as follow_ups,
        coalesce(contacted_leads, 0) as contacted_leads,
        {{ ratio('follow_ups', 'contacted_leads') }} as follow_ups_per_contacted_lead,
        -- a lead has no one channel
        case when breakdown <> 'channel' then coalesce(won_leads, 0) end as won_leads,
        {{ ratio('won_contact_moments', 'won_leads') }} as mean_contact_moments_per_won_lead,
        median_contact_moments_per_won_lead,
        case when breakdown <> 'channel' then coalesce(lost_leads, 0) end as lost_leads,
        {{ ratio('lost_contact_moments', 'lost_leads') }} as mean_contact_moments_per_lost_lead,
        case when breakdown <> 'channel' then coalesce(abandoned_leads, 0) end as abandoned_leads,
        {{ ratio('abandoned_leads', 'failed_leads') }} as abandoned_ratio
    from gathered
)

select * from measured
