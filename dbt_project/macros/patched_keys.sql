{# How a kpi table is patched by keys (patches.sql): what it reads, where that changed, and its rows there. #}

{#
    What a kpi table reads: relations with the numbers of their rows. None where a parent has no numbers, since nobody can tell then
    where it changed. Seeds are part of the code: with another one everything is made anew.
#}
{% macro numbered_parents(known) %}
    {%- set parents = [] -%}
    {%- for name in models_read() -%}
        {%- set numbers = known.get(name, []) | select('in', ['period_no', 'member_no', 'value_no', 'within_no']) | list -%}
        {%- if not numbers -%}
            {{ return(none) }}
        {%- endif -%}
        {% do parents.append({'name': name, 'relation': ref(name) | string, 'numbers': numbers}) %}
    {%- endfor -%}
    {{ return(parents if has_cut_numbers() else none) }}
{% endmacro %}

{#
    The keys at which a parent changed, and those of periods that compare with them, in __keys, in numbers and in words; false where they
    are so many that the whole table is made faster. A parent whose rows lack a number changed at all of them.
#}
{% macro find_by_keys(relation, compiled, key, parents) %}
    {%- set periods, members, values = ref('int_periods'), ref('int_members'), ref('int_breakdown_values') -%}
    {%- set full = ['period_no', 'member_no', 'value_no'] -%}
    {%- set keys, needed = changes_of(this.name, '__keys'), changes_of(this.name, '__needed') -%}
    {%- set cuts = [] -%}
    {%- for parent in parents if parent.numbers | sort == full | sort -%}{% do cuts.append(parent) %}{%- endfor -%}
    {% call statement('keys_found') -%}
    create or replace table {{ keys }} as
    with changed_cuts as (
        {%- for parent in cuts %}
        select period_no, member_no, value_no from {{ changes_of(parent.name) }}
        union
        select period_no, member_no, value_no from {{ changes_of(parent.name, '__before') }}
        {{ 'union' if not loop.last }}
        {%- endfor %}
    ),

    compared as (
        select periods.period_no, changed_cuts.member_no, changed_cuts.value_no
        from changed_cuts
        inner join {{ periods }} as periods on changed_cuts.period_no = periods.previous_no
        union
        select periods.period_no, changed_cuts.member_no, changed_cuts.value_no
        from changed_cuts
        inner join {{ periods }} as periods on changed_cuts.period_no = periods.last_year_no
    ),

    occurring as (
        select periods.period_no, members.member_no, 0 as value_no
        from {{ periods }} as periods
        cross join {{ members }} as members
        {%- for parent in cuts %}
        union all
        select period_no, member_no, value_no from {{ parent.relation }}
        {%- endfor %}
    ),

    {% for parent in parents if parent not in cuts %}
    {%- set parts = parent.numbers | reject('equalto', 'within_no') | list %}
    at_{{ parent.name }} as (
        select {{ parts | join(', ') }}{% if 'within_no' in parent.numbers %}, members.member_no{% endif %}
        from (
            select {{ parent.numbers | join(', ') }} from {{ changes_of(parent.name) }}
            union
            select {{ parent.numbers | join(', ') }} from {{ changes_of(parent.name, '__before') }}
        ) as changed
        {%- if 'within_no' in parent.numbers %}
        inner join {{ members }} as members on changed.within_no in (members.member_no, members.wider_no, 0)
        {%- set parts = parts + ['member_no'] %}
        {%- endif %}
    ),

    within_{{ parent.name }} as (
        select occurring.*
        from occurring
        semi join at_{{ parent.name }} as changed on {{ same_key('occurring', 'changed', parts) }}
    ),
    {% endfor %}
    changed as (
        select * from changed_cuts
        union
        select * from compared
        {%- for parent in parents if parent not in cuts %}
        union
        select * from within_{{ parent.name }}
        {%- endfor %}
    )

    select
        changed.*,
        periods.period_type,
        periods.period_start,
        members.level,
        members.team_id,
        members.rep_id,
        breakdown_values.breakdown,
        breakdown_values.breakdown_value
    from changed
    inner join {{ periods }} as periods on changed.period_no = periods.period_no
    inner join {{ members }} as members on changed.member_no = members.member_no
    inner join {{ values }} as breakdown_values on changed.value_no = breakdown_values.value_no
    {%- endcall %}
    {%- set counted = run_query('select (select count(*) from ' ~ keys ~ '), (select count(*) from ' ~ relation ~ ')').rows[0] -%}
    {%- if counted[0] > counted[1] * patched_up_to() -%}
        {{ return(false) }}
    {%- endif -%}
    {% call statement('keys_needed') -%}
    create or replace table {{ needed }} as
    select period_no, member_no, value_no from {{ keys }}
    {%- for other in ['previous_no', 'last_year_no'] %}
    union
    select periods.{{ other }}, keys.member_no, keys.value_no
    from {{ keys }} as keys
    inner join {{ periods }} as periods on keys.period_no = periods.period_no
    where periods.{{ other }} is not null
    {%- endfor %}
    {%- endcall %}
    {%- set narrowed = namespace(sql=compiled) -%}
    {%- for parent in cuts -%}
        {%- set part = '(select * from ' ~ parent.relation ~ ' semi join ' ~ needed ~ ' using (period_no, member_no, value_no))' -%}
        {%- set narrowed.sql = narrowed.sql | replace(parent.relation, part) -%}
    {%- endfor -%}
    {% do run_query('create or replace table ' ~ changes_of(this.name, '__old')
        ~ ' as select was.* from ' ~ placed(relation) ~ ' as was semi join ' ~ keys ~ ' as keys on ' ~ same_key('was', 'keys', key)) %}
    {% do run_query('create or replace table ' ~ changes_of(this.name) ~ ' as select ' ~ described_columns() ~ ' from (' ~ narrowed.sql
        ~ '\n) as is_now semi join ' ~ keys ~ ' as keys using (' ~ full | join(', ') ~ ')') %}
    {% do run_query('drop table ' ~ needed) %}
    {% do run_query('drop table ' ~ keys) %}
    {{ return(true) }}
{% endmacro %}
