{#
    The one place that cuts records by period, member and breakdown value. A cut is a relation with a row for each of these keys in which
    a record lies. Its key is three whole numbers, since a million keys in the seven columns that they stand for cost 1.0 s of CPU to
    write, and these 0.1 s:
    - period_no: a week, month, quarter or year of int_periods;
    - member_no: the company, a team or a rep of int_members;
    - value_no: a value of a breakdown of int_breakdown_values, 0 for `total`.
    What adds up is cut by sums_by_cut, what does not, such as a median, by wholes_by_cut, and what no aggregate can compute starts from
    at_every_total. kpi_rows turns the numbers into words again.

    What they share:
    - records: a relation with rep_id, the breakdown columns, and a date or (stocks, one row per record and period) period_no;
    - day: its date that decides the period, none for a stock;
    - breakdowns: {name of the breakdown: column of records}; `total` is always there unless with_total=false.
#}

{# The records with the numbers of their periods, their rep and their breakdown values. A null is the value `unknown`. #}
{% macro numbered(records, day, breakdowns) -%}
    select
        {{ records }}.*,
        {%- if day %}
        days.week_no,
        days.month_no,
        days.quarter_no,
        days.year_no,
        {%- endif %}
        {%- for name in breakdowns %}
        -- a value without a number must not look like the total; the tests of sums over breakdowns find it
        coalesce({{ name }}_values.value_no, -1) as {{ name }}_no,
        {%- endfor %}
        members.member_no,
        members.wider_no as team_no
    from {{ records }}
    inner join {{ ref('int_members') }} as members on members.level = 'rep' and {{ records }}.rep_id = members.rep_id
    {%- if day %}
    inner join {{ ref('int_period_days') }} as days on {{ records }}.{{ day }} = days.date_day
    {%- endif %}
    {%- for name, column in breakdowns.items() %}
    left join {{ ref('int_breakdown_values') }} as {{ name }}_values
        on {{ name }}_values.breakdown = '{{ name }}' and coalesce({{ records }}.{{ column }}, 'unknown') = {{ name }}_values.breakdown_value
    {%- endfor %}
{%- endmacro %}

{#
    counts, amounts: {column: aggregate expression}, of whole numbers and of money. Only weeks and months of reps are counted from the
    records; quarters, years, teams and the company are sums of sums: for 600,000 contact moments 0.6 s of CPU instead of 2.0.
#}
{% macro sums_by_cut(records, day=none, counts={}, amounts={}, breakdowns={}, with_total=true) -%}
    {%- set sums = [] -%}
    {%- for name in counts %}{% do sums.append('cast(sum(' ~ name ~ ') as bigint) as ' ~ name) %}{% endfor -%}
    {%- for name in amounts %}{% do sums.append('cast(sum(' ~ name ~ ') as decimal(18, 2)) as ' ~ name) %}{% endfor -%}
    with records_numbered as (
        {{ numbered(records, day, breakdowns) }}
    ),

    cells as (
        select
            {{ 'coalesce(week_no, month_no) as period_no' if day else 'period_no' }},
            member_no,
            {{ value_of(breakdowns) }} as value_no,
            {%- for name, expression in counts.items() %}
            cast(coalesce({{ expression }}, 0) as bigint) as {{ name }}{{ ',' if amounts or not loop.last }}
            {%- endfor %}
            {%- for name, expression in amounts.items() %}
            cast(coalesce({{ expression }}, 0) as decimal(18, 2)) as {{ name }}{{ ',' if not loop.last }}
            {%- endfor %}
        from records_numbered
        group by grouping sets (
            {{ grouping_sets(['week_no', 'month_no'] if day else ['period_no'], [['member_no']], breakdowns, with_total) }}
        )
    ),

    {{ widened(['value_no'], sums, day) }}

    select * from everyone
{%- endmacro %}

{#
    How many different values `subject` has at every key, as column `counted`. A subject has one value of each breakdown; what it may have
    more of, such as the channels of a lead, is cut by itself. A subject is taken once at each key, also from the narrow to the wide.
#}
{% macro different_by_cut(records, subject, counted, day, breakdowns={}, with_total=true) -%}
    {%- set values = [] -%}
    {%- for name in breakdowns %}{% do values.append(name ~ '_no') %}{% endfor -%}
    with records_numbered as (
        {{ numbered(records, day, breakdowns) }}
    ),

    cells as (
        select distinct week_no as period_no, member_no, {{ ([subject] + values) | join(', ') }} from records_numbered
        union all
        select distinct month_no as period_no, member_no, {{ ([subject] + values) | join(', ') }} from records_numbered
    ),

    {{ widened([subject] + values, [], day) }}

    select period_no, member_no, {{ value_of(breakdowns) }} as value_no, count(*) as {{ counted }}
    from everyone
    group by grouping sets (
        {{ grouping_sets(['period_no'], [['member_no']], breakdowns, with_total) }}
    )
{%- endmacro %}

{#
    The steps from `cells`, of weeks and months (or the periods of a stock) and reps, to `everyone`: quarters of months, years of quarters,
    teams of reps, the company of teams. Rows of the same `columns` become one, with its `sums`.

    DuckDB adds sums to wider sums, step by step, and keeps each step. Spark would compute `cells` for every step that uses them again, so
    there each cell goes at once to every period and member in which it counts: a model of leads took 2 seconds of CPU instead of 6.
#}
{% macro widened(columns, sums, day) %}{{ return(adapter.dispatch('widened')(columns, sums, day)) }}{% endmacro %}
{% macro spark__widened(columns, sums, day) -%}
    {%- if day %}
    counting_periods as (
        {%- for narrower, wider in [('week', 'week'), ('month', 'month'), ('month', 'quarter'), ('month', 'year')] %}
        select distinct {{ narrower }}_no as period_no, {{ wider }}_no as counting_no from {{ ref('int_period_days') }}
        {%- if not loop.last %}
        union all
        {%- endif %}
        {%- endfor %}
    ),

    {% endif -%}
    reps as (
        select member_no, wider_no as team_no from {{ ref('int_members') }} where level = 'rep'
    ),

    counting_members as (
        select member_no, member_no as counting_no from reps
        union all
        select member_no, team_no as counting_no from reps
        union all
        select reps.member_no, teams.wider_no as counting_no
        from reps
        inner join {{ ref('int_members') }} as teams on reps.team_no = teams.member_no
    ),

    everyone as (
        select
            {{ 'counting_periods.counting_no' if day else 'cells.period_no' }} as period_no,
            counting_members.counting_no as member_no,
            {{ (columns + sums) | join(', ') }}
        from cells
        {%- if day %}
        inner join counting_periods on cells.period_no = counting_periods.period_no
        {%- endif %}
        inner join counting_members on cells.member_no = counting_members.member_no
        group by {{ 'counting_periods.counting_no' if day else 'cells.period_no' }}, counting_members.counting_no, {{ columns | join(', ') }}
    )
{%- endmacro %}
{% macro duckdb__widened(columns, sums, day) -%}
    {%- set wider_periods = {'quarter': 'month', 'year': 'quarter'} if day else {} -%}
    {%- set kept = [] -%}
    {%- for column in columns %}{% do kept.append('narrower.' ~ column) %}{% endfor -%}
    {% for wider, narrower in wider_periods.items() %}
    {{ wider }}s as (
        select places.{{ wider }}_no as period_no, narrower.member_no, {{ (kept + sums) | join(', ') }}
        from {{ 'cells' if narrower == 'month' else narrower ~ 's' }} as narrower
        inner join (select distinct {{ narrower }}_no, {{ wider }}_no from {{ ref('int_period_days') }}) as places
            on narrower.period_no = places.{{ narrower }}_no
        group by places.{{ wider }}_no, narrower.member_no, {{ kept | join(', ') }}
    ),

    {% endfor %}
    reps as (
        select * from cells
        {%- for wider in wider_periods %}
        union all
        select * from {{ wider }}s
        {%- endfor %}
    ),

    {% for wider, narrower in {'teams': 'reps', 'company': 'teams'}.items() %}
    {{ wider }} as (
        select narrower.period_no, members.wider_no as member_no, {{ (kept + sums) | join(', ') }}
        from {{ narrower }} as narrower
        inner join {{ ref('int_members') }} as members on narrower.member_no = members.member_no
        group by narrower.period_no, members.wider_no, {{ kept | join(', ') }}
    ),

    {% endfor %}
    everyone as (
        select * from reps
        union all
        select * from teams
        union all
        select * from company
    )
{%- endmacro %}

{#
    measures: {column: aggregate expression}, computed from the records of every key: no median comes from other medians. Where a part cuts
    by one period and one level, a line says so, which patched_wholes.sql makes a condition.
#}
{% macro wholes_by_cut(records, measures, day=none, breakdowns={}, with_total=true) -%}
    {%- set periods = ['week_no', 'month_no', 'quarter_no', 'year_no'] if day else ['period_no'] -%}
    {%- for part in grouped_at_once(periods, [[], ['team_no'], ['member_no']]) %}
    select
        coalesce({{ part.periods | join(', ') }}) as period_no,
        coalesce({{ (part.levels | reverse | sum(start=[]) + ['0']) | join(', ') }}) as member_no,
        {{ value_of(breakdowns) }} as value_no,
        {%- for name, expression in measures.items() %}
        {{ expression }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (
        {{ numbered(records, day, breakdowns) }}
    ) as records_numbered
    {%- if part.periods | length == 1 and part.levels | length == 1 %}
    -- at every {{ part.periods[0] }} of {{ (part.levels[0] + ['0']) | first }}
    {%- endif %}
    group by grouping sets (
        {{ grouping_sets(part.periods, part.levels, breakdowns, with_total) }}
    )
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#
    The periods and levels that one statement groups by. DuckDB holds the values behind a median in lists that its memory limit does not
    count, for every key that it groups by at once: the response times of ten million leads took 7.5 GB with the limit at 4 GB,
    and a period and a level at a time 2.8 GB and less CPU. Spark spills them, and each statement more costs it a plan.
#}
{% macro grouped_at_once(periods, levels) %}{{ return(adapter.dispatch('grouped_at_once')(periods, levels)) }}{% endmacro %}
{% macro duckdb__grouped_at_once(periods, levels) -%}
    {%- set parts = [] -%}
    {%- for period in periods -%}
    {%- for level in levels -%}{% do parts.append({'periods': [period], 'levels': [level]}) %}{%- endfor -%}
    {%- endfor -%}
    {{ return(parts) }}
{%- endmacro %}
{% macro spark__grouped_at_once(periods, levels) -%}
    {{ return([{'periods': periods, 'levels': levels}]) }}
{%- endmacro %}

{# Every dated record once per `total` key that it counts in, four periods times three levels, with `columns` of it. #}
{% macro at_every_total(records, day, columns) -%}
    select
        case period_types.period_type
            when 'week' then records_numbered.week_no
            when 'month' then records_numbered.month_no
            when 'quarter' then records_numbered.quarter_no
            else records_numbered.year_no
        end as period_no,
        case levels.level
            when 'company' then 0
            when 'team' then records_numbered.team_no
            else records_numbered.member_no
        end as member_no,
        0 as value_no,
        {%- for column in columns %}
        records_numbered.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (
        {{ numbered(records, day, {}) }}
    ) as records_numbered
    cross join (
        select 'week' as period_type union all select 'month' union all select 'quarter' union all select 'year'
    ) as period_types
    cross join (select 'company' as level union all select 'team' union all select 'rep') as levels
{%- endmacro %}

{# Join condition: the same period, member and breakdown value. #}
{% macro same_cut_key(left, right) -%}
    {{ left }}.period_no = {{ right }}.period_no
        and {{ left }}.member_no = {{ right }}.member_no
        and {{ left }}.value_no = {{ right }}.value_no
{%- endmacro %}

{# value_no of a row of grouping sets, in which at most one breakdown is grouped by. #}
{% macro value_of(breakdowns) -%}
    coalesce({% for name in breakdowns %}{{ name }}_no, {% endfor %}0)
{%- endmacro %}

{# A set for each period, level and breakdown; none of the breakdowns for `total`. #}
{% macro grouping_sets(periods, levels, breakdowns, with_total) -%}
    {%- set sets = [] -%}
    {%- for period in periods -%}
    {%- for level in levels -%}
    {%- if with_total %}{% do sets.append([period] + level) %}{% endif -%}
    {%- for name in breakdowns %}{% do sets.append([period] + level + [name ~ '_no']) %}{% endfor -%}
    {%- endfor -%}
    {%- endfor -%}
    {%- for set in sets -%}
    ({{ set | join(', ') }}){{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# One row for every whole number from `first` to `last`, both inclusive; stands in a select. #}
{% macro every_number(first, last) %}{{ return(adapter.dispatch('every_number')(first, last)) }}{% endmacro %}
{% macro duckdb__every_number(first, last) -%}
    cast(unnest(range({{ first }}, {{ last }} + 1)) as integer)
{%- endmacro %}
{% macro spark__every_number(first, last) -%}
    explode(sequence({{ first }}, {{ last }}))
{%- endmacro %}
