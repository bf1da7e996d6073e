{# What the kpi tables share: their key, their rows, and how one joins another. #}

{% macro key_columns() %}{{ return(['period_type', 'period_start', 'level', 'team_id', 'rep_id', 'breakdown', 'breakdown_value']) }}{% endmacro %}

{#
    The rows of a kpi table: every period and member for `total`, and every key that occurs in a cut; in numbers and in words, with the
    numbers of the periods to compare with, and the measures of the cuts, null where a cut has no such row.
    - cuts: {cut: [its measures]};
    - compared: {column: [cut, measure, 'previous_no' or 'last_year_no']}, the measure of that other period.
    All rows are laid under one another and each key becomes one, so every measure of a key has one value and max() is that value.
    With a million keys of leads this took three quarters of the time of a join for each cut and period. Keys that occur in another period
    alone fall out when words are joined: with a filter, DuckDB expects a fifth of the keys and builds the hash table of a later join from them.
#}
{% macro kpi_rows(cuts={}, compared={}) -%}
    {%- set columns = [] -%}
    {%- for measures in cuts.values() -%}{%- do columns.extend(measures) -%}{%- endfor -%}
    {%- do columns.extend(compared.keys()) -%}
    select
        periods.period_type,
        periods.period_start,
        periods.period_end,
        periods.is_complete,
        periods.previous_no,
        periods.last_year_no,
        members.level,
        members.team_id,
        members.rep_id,
        breakdown_values.breakdown_no,
        breakdown_values.breakdown,
        breakdown_values.breakdown_value,
        occurring.*
    from (
        select
            period_no,
            member_no,
            -- null where nothing but another period has the key: no word belongs to it
            case when bool_or(is_of_period) then value_no end as value_no
            {%- for column in columns %},
            max({{ column }}) as {{ column }}
            {%- endfor %}
        from (
            select
                every_period.period_no,
                every_member.member_no,
                0 as value_no,
                {%- for column in columns %}
                null as {{ column }},
                {%- endfor %}
                true as is_of_period
            from {{ ref('int_periods') }} as every_period
            cross join {{ ref('int_members') }} as every_member
            {%- for cut, measures in cuts.items() %}
            union all
            select
                period_no,
                member_no,
                value_no,
                {%- for column in columns %}
                {{ column if column in measures else 'null' }} as {{ column }},
                {%- endfor %}
                true as is_of_period
            from {{ cut }}
            {%- endfor %}
            {%- for compared_column, (cut, measure, other_period) in compared.items() %}
            union all
            select
                comparing.period_no,
                {{ cut }}.member_no,
                {{ cut }}.value_no,
                {%- for column in columns %}
                {{ cut ~ '.' ~ measure if column == compared_column else 'null' }} as {{ column }},
                {%- endfor %}
                false as is_of_period
            from {{ cut }}
            inner join {{ ref('int_periods') }} as comparing on {{ cut }}.period_no = comparing.{{ other_period }}
            {%- endfor %}
        ) as together
        group by period_no, member_no, together.value_no
    ) as occurring
    inner join {{ ref('int_periods') }} as periods on occurring.period_no = periods.period_no
    inner join {{ ref('int_members') }} as members on occurring.member_no = members.member_no
    inner join {{ ref('int_breakdown_values') }} as breakdown_values on occurring.value_no = breakdown_values.value_no
{%- endmacro %}

{# Join condition on the full key; team_id and rep_id are null above their level. `period` may be another period's start. #}
{% macro same_kpi_key(left, right, period='period_start') -%}
    {{ left }}.period_type = {{ right }}.period_type
        and {{ left }}.{{ period }} = {{ right }}.period_start
        and {{ left }}.level = {{ right }}.level
        and {{ left }}.team_id is not distinct from {{ right }}.team_id
        and {{ left }}.rep_id is not distinct from {{ right }}.rep_id
        and {{ left }}.breakdown = {{ right }}.breakdown
        and {{ left }}.breakdown_value = {{ right }}.breakdown_value
{%- endmacro %}

{#
    The shared columns of every kpi table, in their order, from a relation made by kpi_rows; without a name where it is the only one.
    The numbers of the key go first: by them a table is sorted and changed (materializations.sql, patches.sql), and there they stay.
#}
{% macro shared_kpi_columns(keys=none) -%}
    {%- for column in cut_numbers() + [
        'period_type', 'period_start', 'period_end', 'is_complete', 'level', 'team_id', 'rep_id', 'breakdown', 'breakdown_value',
    ] -%}
    {{ keys ~ '.' if keys }}{{ column }}
    {%- if not loop.last %},
        {% endif %}
    {%- endfor %}
{%- endmacro %}

{# The numbers of a key of a kpi table, in the order in which it lies: what readers narrow by comes first. #}
{% macro cut_numbers() %}{{ return(['breakdown_no', 'member_no', 'period_no', 'value_no']) }}{% endmacro %}

{# A count or sum of the period to compare with: 0 where that period is known and nothing occurred in it, null where it is not known. #}
{% macro compared_with(measure, other_period) -%}
    case when {{ other_period }} is not null then coalesce({{ measure }}, 0) end
{%- endmacro %}

{# Join condition: the same member (company, team or rep) and type of period. #}
{% macro same_member(left, right) -%}
    {{ left }}.period_type = {{ right }}.period_type
        and {{ left }}.level = {{ right }}.level
        and {{ left }}.team_id is not distinct from {{ right }}.team_id
        and {{ left }}.rep_id is not distinct from {{ right }}.rep_id
{%- endmacro %}
