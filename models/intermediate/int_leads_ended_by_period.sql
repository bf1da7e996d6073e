-- One row per period, level and breakdown value in which leads ended, by their owner: won, lost or disqualified, and after how many
-- contact moments.
with leads as (
    select * from {{ ref('fct_leads') }} where ended_on is not null
),

dates as (
    select * from {{ ref('dim_dates') }}
),

dated as (
    {{ with_period_starts('leads', 'ended_on') }}
),

cut as (
    {{ cut_by_period_and_level(
        'dated',
        {
            'won_leads': "count(*) filter (where end_reason = 'won')",
            'mean_contact_moments_per_won_lead': mean("case when end_reason = 'won' then contact_moments end"),
            'median_contact_moments_per_won_lead': "median(case when end_reason = 'won' then cast(contact_moments as double) end)",
            'lost_leads': "count(*) filter (where end_reason = 'lost')",
            'mean_contact_moments_per_lost_lead': mean("case when end_reason = 'lost' then contact_moments end"),
            'failed_leads': "count(*) filter (where end_reason in ('lost', 'disqualified'))",
            'abandoned_leads': 'count(*) filter (where is_abandoned)',
        },
        breakdowns={'source': 'source', 'industry': 'industry', 'product': 'product_id'},
    ) }}
)

select * from cut
