-- One row per period, member and breakdown value in which leads ended, by their owner: won, lost or disqualified, and after how many
-- contact moments.
{% set breakdowns = {'source': 'source', 'industry': 'industry', 'product': 'product_id'} %}
with ended as (
    select * from {{ ref('fct_leads') }} where ended_on is not null
),

won as (
    select * from ended where end_reason = 'won'
),

sums as (
    {{ sums_by_cut(
        'ended',
        day='ended_on',
        counts={
            'won_leads': "count(*) filter (where end_reason = 'won')",
            'won_contact_moments': "sum(contact_moments) filter (where end_reason = 'won')",
            'lost_leads': "count(*) filter (where end_reason = 'lost')",
            'lost_contact_moments': "sum(contact_moments) filter (where end_reason = 'lost')",
            'failed_leads': "count(*) filter (where end_reason in ('lost', 'disqualified'))",
            'abandoned_leads': 'count(*) filter (where is_abandoned)',
        },
        breakdowns=breakdowns,
    ) }}
),

medians as (
    {{ wholes_by_cut('won', {'median_contact_moments': 'median(cast(contact_moments as double))'}, day='ended_on', breakdowns=breakdowns) }}
),

cut as (
    select sums.*, medians.median_contact_moments as median_contact_moments_per_won_lead
    from sums
    left join medians on {{ same_cut_key('sums', 'medians') }}
)

select * from cut
