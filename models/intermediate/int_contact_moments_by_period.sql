-- One row per period, member and breakdown value in which contact moments were made: how many, and in which role.
with contact_moments as (
    select * from {{ ref('fct_contact_moments') }}
),

cut as (
    {{ sums_by_cut(
        'contact_moments',
        day='occurred_on',
        counts={
            'contact_moments': 'count(*)',
            'first_responses': "count(*) filter (where contact_role = 'first_response')",
            'follow_ups': "count(*) filter (where contact_role = 'follow_up')",
        },
        breakdowns={'channel': 'channel', 'source': 'source', 'industry': 'industry', 'product': 'product_id'},
    ) }}
)

select * from cut
