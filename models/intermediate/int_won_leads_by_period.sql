-- One row per period, member and breakdown value in which leads were won: how many contact moments that usually took.
with won as (
    select * from {{ ref('fct_leads') }} where ended_on is not null and end_reason = 'won'
),

cut as (
    {{ wholes_by_cut(
        'won',
        {'median_contact_moments_per_won_lead': 'median(cast(contact_moments as double))'},
        day='ended_on',
        breakdowns={'source': 'source', 'industry': 'industry', 'product': 'product_id'},
    ) }}
)

select * from cut
