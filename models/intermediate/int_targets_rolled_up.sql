-- One row per target period and member (rep, team, the company): its own target where one is set, else what follows from others.
-- Own row first; else the sum of its own finer periods; else the sum of its members (a manager's 100 beside reps' 60 + 50 stays 100).
{% set finer = {'month': none, 'quarter': 'month', 'year': 'quarter'} %}
{% set below = {'rep': none, 'team': 'rep', 'company': 'team'} %}
with targets as (
    select * from {{ ref('fct_targets') }}
),

{% for period, finer_period in finer.items() %}
{% for level, level_below in below.items() %}
{{ level }}_{{ period }}_offers as (
    select period_start, team_id, rep_id, true as has_own, target_amount as own_amount, null as finer_amount, null as members_amount
    from targets
    where level = '{{ level }}' and period_type = '{{ period }}'
    {%- if finer_period %}
    union all
    select
        {{ fiscal_start(period, 'period_start') }} as period_start,
        team_id,
        rep_id,
        has_own,
        null as own_amount,
        target_amount as finer_amount,
        null as members_amount
    from {{ level }}_{{ finer_period }}
    {%- endif %}
    {%- if level_below %}
    union all
    select
        period_start,
        {{ 'team_id' if level == 'team' else 'null' }} as team_id,
        null as rep_id,
        false as has_own,
        null as own_amount,
        null as finer_amount,
        target_amount as members_amount
    from {{ level_below }}_{{ period }}
    {%- endif %}
),

{{ level }}_{{ period }} as (
    select
        '{{ period }}' as period_type,
        period_start,
        '{{ level }}' as level,
        team_id,
        rep_id,
        bool_or(has_own) as has_own,
        cast(
            coalesce(
                sum(own_amount),
                case when bool_or(has_own) then sum(finer_amount) end,
                sum(members_amount),
                sum(finer_amount)
            ) as decimal(18, 2)
        ) as target_amount
    from {{ level }}_{{ period }}_offers
    group by period_start, team_id, rep_id
),

{% endfor %}
{% endfor %}
rolled_up as (
    {%- for period in finer %}{% set outer_last = loop.last %}
    {%- for level in below %}
    select period_type, period_start, level, team_id, rep_id, target_amount from {{ level }}_{{ period }}
    {%- if not (loop.last and outer_last) %}
    union all{% endif %}
    {%- endfor %}
    {%- endfor %}
)

select * from rolled_up
