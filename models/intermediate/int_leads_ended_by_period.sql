-- One row per period, member and breakdown value in which leads ended, by their owner: won, lost or disqualified, and after how many
-- contact moments.
with ended as (
    select * from {{ ref('fct_leads') }} where ended_on is not null
),

cut as (
    {{ sums_by_cut(
        'ended',
        day='ended_on',
        counts={
            'ended_leads': 'count(*)',
            'won_leads': "count(*) filter (where end_reason = 'won')",
            'won_contact_moments': "sum(contact_moments) filter (where end_reason = 'won')",
            'lost_leads': "count(*) filter (where end_reason = 'lost')",
            'lost_contact_moments': "sum(contact_moments) filter (where end_reason = 'lost')",
            'failed_leads': "count(*) filter (where end_reason in ('lost', 'disqualified'))",
            'abandoned_leads': 'count(*) filter (where is_abandoned)',
        },
        breakdowns={'source': 'source', 'industry': 'industry', 'product': 'product_id'},
    ) }}
)

select * from cut
