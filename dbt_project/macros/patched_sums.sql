{# How a cut of sums is patched (patches.sql): by what the changed rows of its facts add now, less what they added before. #}

{# Whether a cut reads nothing but facts that have noted their changes, and what it needs to number them. #}
{% macro reads_only(facts, known) %}
    {%- for name in models_read() if name not in ['int_members', 'int_period_days', 'int_breakdown_values'] -%}
        {%- if name not in facts or name not in known -%}
            {{ return(false) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(true) }}
{% endmacro %}

{#
    A row of nothing but zeros goes: where it tells that there are records, a cut counts them, and elsewhere no row says the same. A record
    comes into no other period than before without a change of its own: none lies after the run's instant.
#}
{% macro find_by_sums(relation, compiled, key, facts, id) %}
    {%- set measures = adapter.get_columns_in_relation(relation) | rejectattr('name', 'in', key) | list -%}
    {%- set added, ids = changes_of(this.name, '__added'), changes_of(this.name, '__ids') -%}
    {%- if id -%}
        {% call statement('ids_found') -%}
        create or replace table {{ ids }} as
        {%- for fact in facts %}
        select {{ id }} from ({{ changed_rows(fact) }}) as changed
        {{ 'union' if not loop.last }}
        {%- endfor %}
        {%- endcall %}
    {%- endif -%}
    {%- set sql = namespace(now=compiled, before=compiled) -%}
    {%- for fact in facts -%}
        {%- set name, changed, was = ref(fact) | string, changes_of(fact), changes_of(fact, '__before') -%}
        {%- set of_ids = '(select * from ' ~ rows_of_ids(name, ids, id) ~ ')' -%}
        {%- set were_of_ids = '(from ' ~ of_ids ~ ' except all from ' ~ changed ~ ' union all from ' ~ was ~ ')' -%}
        {%- set sql.now = sql.now | replace(name, of_ids if id else changed) -%}
        {%- set sql.before = sql.before | replace(name, were_of_ids if id else was) -%}
    {%- endfor -%}
    {% call statement('summed') -%}
    create or replace table {{ added }} as
    select
        {{ key | join(', ') }},
        {%- for measure in measures %}
        sum({{ measure.name }}) as {{ measure.name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (
        select * from (
            {{ sql.now }}
        ) as counted_now
        union all
        select {{ key | join(', ') }}, {% for measure in measures %}-{{ measure.name }}{{ ', ' if not loop.last }}{% endfor %}
        from (
            {{ sql.before }}
        ) as counted_before
    ) as together
    group by {{ key | join(', ') }}
    having {% for measure in measures %}sum({{ measure.name }}) <> 0{{ ' or ' if not loop.last }}{% endfor %}
    {%- endcall %}
    {%- set old = changes_of(this.name, '__old') -%}
    {% do run_query('create or replace table ' ~ old
        ~ ' as select was.* from ' ~ placed(relation) ~ ' as was semi join ' ~ added ~ ' as added on ' ~ same_key('was', 'added', key)) %}
    {%- set sums -%}
    create or replace table {{ changes_of(this.name) }} as
    select * from (
        select
            {%- for column in key %}
            added.{{ column }},
            {%- endfor %}
            {%- for measure in measures %}
            cast(coalesce(was.{{ measure.name }}, 0) + added.{{ measure.name }} as {{ measure.data_type }}) as {{ measure.name }}{{ ',' if not loop.last }}
            {%- endfor %}
        from {{ added }} as added
        left join {{ old }} as was on {{ same_key('was', 'added', key) }}
    ) as summed
    where {% for measure in measures %}{{ measure.name }} <> 0{{ ' or ' if not loop.last }}{% endfor %}
    {%- endset -%}
    {% do run_query(sums) %}
    {% do run_query('drop table ' ~ added) %}
    {%- if id -%}{% do run_query('drop table ' ~ ids) %}{%- endif -%}
{% endmacro %}
