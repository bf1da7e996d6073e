-- One row per key of the kpi tables in which leads were answered or followed up: how many different ones.
-- A lead is taken once for each period, member and value, from the narrow to the wide: the leads of a quarter are those of its months.
-- Source and industry are the lead's own, so they and the total are counted from the same leads; channel and product from theirs.
{% set kinds = {
    'leads': {'source': 'source', 'industry': 'industry'},
    'leads_of_channel': {'channel': 'channel'},
    'leads_of_product': {'product': 'product_id'},
} %}
{% set wider = [('week', none), ('month', none), ('quarter', 'month'), ('year', 'quarter')] %}
with contact_moments as (
    select * from {{ ref('fct_contact_moments') }} where contact_role in ('first_response', 'follow_up')
),

dates as (
    select * from {{ ref('dim_dates') }}
),

dated as (
    {{ with_period_starts('contact_moments', 'occurred_on') }}
),

{% for kind, breakdowns in kinds.items() %}
{% set lead = 'lead_id, ' ~ breakdowns.values() | join(', ') %}
{% for period, narrower in wider %}
{{ kind }}_of_{{ period }} as (
    select distinct
        {{ period }}_start,
        {%- if period == 'month' %}
        quarter_start,
        {%- endif %}
        {%- if period in ('month', 'quarter') %}
        year_start,
        {%- endif %}
        team_id,
        rep_id,
        {{ lead }}
    from {{ kind ~ '_of_' ~ narrower if narrower else 'dated' }}
),

{% endfor %}
{{ kind }}_of_rep as (
    {%- for period, _ in wider %}
    select '{{ period }}' as period_type, {{ period }}_start as period_start, team_id, rep_id, {{ lead }} from {{ kind }}_of_{{ period }}
    {%- if not loop.last %}
    union all{% endif %}
    {%- endfor %}
),

{{ kind }}_of_team as (
    select distinct period_type, period_start, team_id, {{ lead }} from {{ kind }}_of_rep
),

{{ kind }}_of_company as (
    select distinct period_type, period_start, {{ lead }} from {{ kind }}_of_team
),

{% endfor %}
counted as (
    {%- for kind, breakdowns in kinds.items() %}{% set outer_last = loop.last %}
    {%- for level, members in {'company': [], 'team': ['team_id'], 'rep': ['team_id', 'rep_id']}.items() %}
    select
        period_type,
        period_start,
        '{{ level }}' as level,
        {{ 'team_id' if members else 'null' }} as team_id,
        {{ 'rep_id' if level == 'rep' else 'null' }} as rep_id,
        {{ breakdown_columns(breakdowns) }},
        count(*) as contacted_leads
    from {{ kind }}_of_{{ level }}
    group by grouping sets (
        {%- if kind == 'leads' %}
        ({{ (['period_type', 'period_start'] + members) | join(', ') }}),
        {%- endif %}
        {%- for column in breakdowns.values() %}
        ({{ (['period_type', 'period_start'] + members + [column]) | join(', ') }}){{ ',' if not loop.last }}
        {%- endfor %}
    )
    {%- if not (loop.last and outer_last) %}
    union all{% endif %}
    {%- endfor %}
    {%- endfor %}
)

select * from counted
