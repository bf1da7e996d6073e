{#
    Identities of the kpi tables: what must add up always does. Each returns the keys that do not.

    Publishing asks the same of the very tables that it publishes (orchestration/checks/reconciliation_rules.py), and takes the measures
    from these tests. So a run does not ask twice: it leaves out what has the tag; a plain `dbt build` asks everything.
#}

{# Reps add up to their team, teams to the company. #}
{% test adds_up_over_levels(model, measures, breakdowns=['total']) %}
{{ config(tags=['asked_by_publishing']) }}
with members as (
    select
        period_type,
        period_start,
        breakdown,
        breakdown_value,
        level,
        case when level = 'rep' then team_id end as parent_team_id,
        {%- for measure in measures %}
        {{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ model }}
    where level in ('rep', 'team') and breakdown in ({% for name in breakdowns %}'{{ name }}'{{ ', ' if not loop.last }}{% endfor %})
),

parents as (
    select
        period_type,
        period_start,
        breakdown,
        breakdown_value,
        case level when 'company' then 'team' else 'rep' end as level,
        team_id as parent_team_id,
        {%- for measure in measures %}
        {{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ model }}
    where level in ('team', 'company') and breakdown in ({% for name in breakdowns %}'{{ name }}'{{ ', ' if not loop.last }}{% endfor %})
),

differences as (
    select
        period_type,
        period_start,
        breakdown,
        breakdown_value,
        level,
        parent_team_id,
        {%- for measure in measures %}
        sum({{ measure }}) as {{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (
        select * from members
        union all
        select
            period_type, period_start, breakdown, breakdown_value, level, parent_team_id,
            {%- for measure in measures %}
            -{{ measure }} as {{ measure }}{{ ',' if not loop.last }}
            {%- endfor %}
        from parents
    ) as signed
    group by period_type, period_start, breakdown, breakdown_value, level, parent_team_id
)

select * from differences
where {% for measure in measures %}{{ measure }} <> 0{{ ' or ' if not loop.last }}{% endfor %}
{% endtest %}

{# The values of a breakdown add up to the total, where a record has exactly one value. #}
{% test adds_up_over_breakdowns(model, measures, breakdowns) %}
{{ config(tags=['asked_by_publishing']) }}
with differences as (
    select
        totals.period_type,
        totals.period_start,
        totals.level,
        totals.team_id,
        totals.rep_id,
        parts.breakdown,
        {%- for measure in measures %}
        sum(parts.{{ measure }}) - max(totals.{{ measure }}) as {{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ model }} as totals
    inner join {{ model }} as parts on {{ same_member('totals', 'parts') }} and totals.period_start = parts.period_start
    where
        totals.breakdown = 'total'
        and parts.breakdown in ({% for name in breakdowns %}'{{ name }}'{{ ', ' if not loop.last }}{% endfor %})
    group by totals.period_type, totals.period_start, totals.level, totals.team_id, totals.rep_id, parts.breakdown
)

select * from differences
where {% for measure in measures %}{{ measure }} <> 0{{ ' or ' if not loop.last }}{% endfor %}
{% endtest %}

{# Months add up to their quarter and to their year. #}
{% test adds_up_over_months(model, measures) %}
{{ config(tags=['asked_by_publishing']) }}
with months as (
    select distinct month_start, quarter_start, year_start from {{ ref('dim_dates') }}
),

sums as (
    select
        longer.period_type,
        longer.period_start,
        longer.level,
        longer.team_id,
        longer.rep_id,
        {%- for measure in measures %}
        sum(shorter.{{ measure }}) - max(longer.{{ measure }}) as {{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ model }} as longer
    inner join months
        on (longer.period_type = 'quarter' and longer.period_start = months.quarter_start)
        or (longer.period_type = 'year' and longer.period_start = months.year_start)
    inner join {{ model }} as shorter
        on shorter.period_type = 'month'
        and shorter.period_start = months.month_start
        and longer.level = shorter.level
        and longer.team_id is not distinct from shorter.team_id
        and longer.rep_id is not distinct from shorter.rep_id
    where longer.breakdown = 'total' and shorter.breakdown = 'total'
    group by longer.period_type, longer.period_start, longer.level, longer.team_id, longer.rep_id
)

select * from sums
where {% for measure in measures %}{{ measure }} <> 0{{ ' or ' if not loop.last }}{% endfor %}
{% endtest %}
