-- One row per breakdown and value that a record has, with its number; 0 is the total.
-- A new breakdown, or a new fact that is broken down, is a line here.
{% set told_by = [
    ('source', 'fct_leads', 'source'),
    ('industry', 'fct_leads', 'industry'),
    ('campaign', 'fct_leads', 'campaign'),
    ('channel', 'fct_leads', 'first_response_channel'),
    ('product', 'fct_leads', 'product_id'),
    ('source', 'fct_contact_moments', 'source'),
    ('industry', 'fct_contact_moments', 'industry'),
    ('channel', 'fct_contact_moments', 'channel'),
    ('product', 'fct_contact_moments', 'product_id'),
    ('source', 'int_opportunities_as_of', 'source'),
    ('industry', 'int_opportunities_as_of', 'industry'),
    ('lead_owner', 'fct_opportunities', 'lead_rep_id'),
    ('product', 'int_opportunity_product_shares', 'product_id'),
    ('stage', 'fct_opportunity_history', 'stage'),
    ('expected_close_month', 'fct_opportunity_history', month_key('expected_close_on')),
] %}
with told as (
    {%- for breakdown, fact, column in told_by %}
    select '{{ breakdown }}' as breakdown, coalesce({{ column }}, 'unknown') as breakdown_value from {{ ref(fact) }} group by {{ column }}
    {%- if not loop.last %}
    union
    {%- endif %}
    {%- endfor %}
),

numbered as (
    select
        cast(row_number() over (order by breakdown, breakdown_value) as integer) as value_no,
        breakdown,
        breakdown_value
    from told
    union all
    select 0 as value_no, 'total' as breakdown, 'total' as breakdown_value
)

select * from numbered
