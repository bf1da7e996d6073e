{#
    The one place that cuts records by period, level and breakdown. Every kpi_* table is made by:
    1. with_period_starts: gives every dated record the week, month, quarter and year that it lies in;
    2. cut_by_period_and_level: aggregates the records at every key at once, by grouping sets, so that medians and ratios are never
       computed from other medians and ratios;
    3. kpi_rows: the rows a table has, dense for `total`, what occurs for the other breakdowns, with the measures of its cuts.
#}

{% macro key_columns() %}{{ return(['period_type', 'period_start', 'level', 'team_id', 'rep_id', 'breakdown', 'breakdown_value']) }}{% endmacro %}

{# The records with the starts of the periods that the date in column `day` lies in; `dates` is a CTE on dim_dates. #}
{% macro with_period_starts(records, day, dates='dates') -%}
    select
        {{ records }}.*,
        {{ dates }}.week_start,
        {{ dates }}.month_start,
        {{ dates }}.quarter_start,
        {{ dates }}.year_start
    from {{ records }}
    inner join {{ dates }} on {{ records }}.{{ day }} = {{ dates }}.date_day
{%- endmacro %}

{# breakdown and breakdown_value of a row of grouping sets, in which at most one column of `breakdowns` is grouped by. #}
{% macro breakdown_columns(breakdowns) -%}
    {%- if not breakdowns -%}
    'total' as breakdown,
    'total' as breakdown_value
    {%- else -%}
    case
        {%- for name, column in breakdowns.items() %}
        when grouping({{ column }}) = 0 then '{{ name }}'
        {%- endfor %}
        else 'total'
    end as breakdown,
    case
        {%- for name, column in breakdowns.items() %}
        when grouping({{ column }}) = 0 then coalesce({{ column }}, 'unknown')
        {%- endfor %}
        else 'total'
    end as breakdown_value
    {%- endif -%}
{%- endmacro %}

{#
    records: a relation with team_id, rep_id, the breakdown columns and either
      - the columns week_start, month_start, quarter_start, year_start of dim_dates (flows: dated=true), or
      - period_type, period_start (stocks, one row per record and period: dated=false);
    measures: {column: aggregate expression};
    breakdowns: {name of the breakdown: column of records}; `total` is always there unless with_total=false.
#}
{% macro cut_by_period_and_level(records, measures, breakdowns={}, dated=true, with_total=true) -%}
    {%- set period_sets = [['week_start'], ['month_start'], ['quarter_start'], ['year_start']] if dated else [['period_type', 'period_start']] -%}
    {%- set level_sets = [[], ['team_id'], ['team_id', 'rep_id']] -%}
    {%- set breakdown_sets = ([[]] if with_total else []) -%}
    {%- for column in breakdowns.values() -%}{%- do breakdown_sets.append([column]) -%}{%- endfor -%}
    select
        {%- if dated %}
        case
            when grouping(week_start) = 0 then 'week'
            when grouping(month_start) = 0 then 'month'
            when grouping(quarter_start) = 0 then 'quarter'
            else 'year'
        end as period_type,
        coalesce(week_start, month_start, quarter_start, year_start) as period_start,
        {%- else %}
        period_type,
        period_start,
        {%- endif %}
        case when grouping(rep_id) = 0 then 'rep' when grouping(team_id) = 0 then 'team' else 'company' end as level,
        team_id,
        rep_id,
        {{ breakdown_columns(breakdowns) }},
        {%- for name, expression in measures.items() %}
        {{ expression }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ records }}
    group by grouping sets (
        {%- for period_set in period_sets %}{% set outer_last = loop.last %}
        {%- for level_set in level_sets %}{% set middle_last = loop.last %}
        {%- for breakdown_set in breakdown_sets %}
        ({{ (period_set + level_set + breakdown_set) | join(', ') }}){{ ',' if not (loop.last and middle_last and outer_last) }}
        {%- endfor %}
        {%- endfor %}
        {%- endfor %}
    )
{%- endmacro %}

{#
    Every record once per `total` key that it counts in, four periods times three levels, with `columns` of it: for what no aggregate
    can compute, such as a survival curve. `records` as for a dated cut.
#}
{% macro at_every_period_and_level(records, columns) -%}
    select
        period_types.period_type,
        case period_types.period_type
            when 'week' then {{ records }}.week_start
            when 'month' then {{ records }}.month_start
            when 'quarter' then {{ records }}.quarter_start
            else {{ records }}.year_start
        end as period_start,
        levels.level,
        case when levels.level <> 'company' then {{ records }}.team_id end as team_id,
        case when levels.level = 'rep' then {{ records }}.rep_id end as rep_id,
        'total' as breakdown,
        'total' as breakdown_value,
        {%- for column in columns %}
        {{ records }}.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ records }}
    cross join (
        select 'week' as period_type union all select 'month' union all select 'quarter' union all select 'year'
    ) as period_types
    cross join (select 'company' as level union all select 'team' union all select 'rep') as levels
{%- endmacro %}

{#
    The rows of a kpi table: every period and member for `total`, and every key that occurs in a cut; with period_end, is_complete, the
    starts of the periods to compare with, and the measures of the cuts, null where a cut has no such row.
    - cuts: {cut: [its measures]};
    - compared: {column: [cut, measure, 'previous_period_start' or 'last_year_period_start']}, the measure of that other period.
    `spine` and `periods` are CTEs on int_kpi_spine and int_periods.
    All rows are laid under one another and each key becomes one, so every measure of a key has one value and max() is that value.
    With a million keys of leads this took half the time of a join for each cut and period.
#}
{% macro kpi_rows(cuts={}, compared={}) -%}
    {%- set keys = key_columns() -%}
    {%- set columns = [] -%}
    {%- for measures in cuts.values() -%}{%- do columns.extend(measures) -%}{%- endfor -%}
    {%- do columns.extend(compared.keys()) -%}
    select
        occurring.*,
        periods.period_end,
        periods.is_complete,
        periods.previous_period_start,
        periods.last_year_period_start
    from (
        select
            {{ keys | join(', ') }}
            {%- for column in columns %},
            max({{ column }}) as {{ column }}
            {%- endfor %}
        from (
            select
                {{ keys | join(', ') }},
                {%- for column in columns %}
                null as {{ column }},
                {%- endfor %}
                true as is_of_period
            from spine
            {%- for cut, measures in cuts.items() %}
            union all
            select
                {{ keys | join(', ') }},
                {%- for column in columns %}
                {{ column if column in measures else 'null' }} as {{ column }},
                {%- endfor %}
                true as is_of_period
            from {{ cut }}
            {%- endfor %}
            {%- for compared_column, (cut, measure, period) in compared.items() %}
            union all
            select
                {%- for key in keys %}
                {{ 'periods' if key == 'period_start' else cut }}.{{ key }},
                {%- endfor %}
                {%- for column in columns %}
                {{ cut ~ '.' ~ measure if column == compared_column else 'null' }} as {{ column }},
                {%- endfor %}
                false as is_of_period
            from {{ cut }}
            inner join periods on {{ cut }}.period_type = periods.period_type and {{ cut }}.period_start = periods.{{ period }}
            {%- endfor %}
        ) as together
        group by {{ keys | join(', ') }}
        having bool_or(is_of_period)
    ) as occurring
    inner join periods
        on occurring.period_type = periods.period_type and occurring.period_start = periods.period_start
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

{# The shared columns of every kpi table, in their order, from a relation made by kpi_rows; without a name where it is the only one. #}
{% macro shared_kpi_columns(keys=none) -%}
    {%- for column in ['period_type', 'period_start', 'period_end', 'is_complete', 'level', 'team_id', 'rep_id', 'breakdown', 'breakdown_value'] -%}
    {{ keys ~ '.' if keys }}{{ column }}
    {%- if not loop.last %},
        {% endif %}
    {%- endfor %}
{%- endmacro %}

{# A count or sum of the period to compare with: 0 where that period is known and nothing occurred in it, null where it is not known. #}
{% macro compared_with(measure, period_start) -%}
    case when {{ period_start }} is not null then coalesce({{ measure }}, 0) end
{%- endmacro %}

{# Join condition: the same member (company, team or rep) and type of period. #}
{% macro same_member(left, right) -%}
    {{ left }}.period_type = {{ right }}.period_type
        and {{ left }}.level = {{ right }}.level
        and {{ left }}.team_id is not distinct from {{ right }}.team_id
        and {{ left }}.rep_id is not distinct from {{ right }}.rep_id
{%- endmacro %}
