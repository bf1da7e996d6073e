-- One row per breakdown and value that a record has, with its number; 0 is the total. Where tables are changed in place, a value keeps
-- the number that it has there, also when no record has it any more.
-- A new breakdown, or a new fact that is broken down, is a line here; breakdown_no is the breakdown's place in the list.
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
{% set breakdowns = ['total'] + told_by | map(attribute=0) | unique | list %}
with told as (
    {%- for breakdown, fact, column in told_by %}
    select '{{ breakdown }}' as breakdown, coalesce({{ column }}, 'unknown') as breakdown_value from {{ ref(fact) }} group by {{ column }}
    {%- if not loop.last %}
    union
    {%- endif %}
    {%- endfor %}
),

{% if is_patching() -%}
known as (
    select * from {{ this }}
),
{%- else -%}
known as (
    select 0 as value_no, 'total' as breakdown, 'total' as breakdown_value
),
{%- endif %}

newly_numbered as (
    select
        cast(
            row_number() over (order by told.breakdown, told.breakdown_value)
            + (select max(taken.value_no) from known as taken) as integer
        ) as value_no,
        told.breakdown,
        told.breakdown_value
    from told
    left join known on told.breakdown = known.breakdown and told.breakdown_value = known.breakdown_value
    where known.value_no is null
),

numbered as (
    select
        value_no,
        case breakdown
            {%- for breakdown in breakdowns %}
            when '{{ breakdown }}' then {{ loop.index0 }}
            {%- endfor %}
        end as breakdown_no,
        breakdown,
        breakdown_value
    from (
        select * from newly_numbered
        union all
        select value_no, breakdown, breakdown_value from known
    ) as every_value
)

select * from numbered
