{#
    How the table of a model with a key (`meta: key`) is changed in place on a run that follows up on the last one
    (orchestration/patches.py says when that may be): the rows that come out differently are taken out and put in, and stand besides
    in the schema `changes`, as <table> and, as they were, as <table>__before. Who builds on the table finds there what to look at.

    Which rows differ is found in one of three ways; models need not know of it:
    - by comparing: the model is computed as ever, and its rows are compared with those that are there. Right for every model;
    - by sums (`meta: sums_of: [<fact>, ...]`): a cut of sums gets what the changed rows of its facts add now, less what they added before.
      Facts that it joins, or of which it counts the different ones of an id, are `linked_by` that id: all rows of an id of
      which one changed are added up;
    - by keys: a kpi table of which everything that it reads says at which numbers it changed is computed at these alone.
#}

{# The largest part of a table that is worth changing in place; 0 where everything is made anew. #}
{% macro patched_up_to() %}{{ return(env_var('ZEVEN_PATCHED_UP_TO', '0') | float) }}{% endmacro %}

{# Whether the table of this model is there to be changed in place. #}
{% macro is_patching() %}
    {{ return(execute and patched_up_to() > 0 and load_relation(this) is not none) }}
{% endmacro %}

{# Where the changed rows of a table stand. #}
{% macro changes_of(table, what='') -%}
    "{{ target.database }}"."changes"."{{ table ~ what }}"
{%- endmacro %}

{% macro patch(relation, compiled) %}
    {%- set key = config.get('meta', {})['key'] -%}
    {%- set facts = config.get('meta', {}).get('sums_of', []) -%}
    {%- set known = known_changes() -%}
    {%- set parents = numbered_parents(known) -%}
    {%- if facts and adds_up_of(facts, known) and numbers_hold(known) -%}
        {% do find_by_sums(relation, compiled, key, facts, config.get('meta', {}).get('linked_by')) %}
    {%- elif parents and numbers_hold(known) -%}
        {%- if not find_by_keys(relation, compiled, key, parents) -%}
            {{ return(false) }}
        {%- endif -%}
    {%- else -%}
        {% do find_by_comparing(relation, compiled, key) %}
    {%- endif -%}
    {%- set was, total = changes_of(this.name, '__before'), run_query('select count(*) from ' ~ relation).rows[0][0] -%}
    {%- if run_query('select count(*) from ' ~ was).rows[0][0] > total * patched_up_to() -%}
        {{ return(false) }}
    {%- endif -%}
    {% do run_query('delete from ' ~ relation ~ ' as kept using ' ~ was ~ ' as was where ' ~ same_key('kept', 'was', key)) %}
    {%- if is_of_the_marts(relation) -%}
        {% do run_query("insert into " ~ '"' ~ target.database ~ '"' ~ ".zeven.patched values ('" ~ this.name ~ "')") %}
    {%- endif -%}
    {{ return(true) }}
{% endmacro %}

{% macro same_key(left, right, key) -%}
    {%- for column in key -%}
    {{ left }}.{{ column }} is not distinct from {{ right }}.{{ column }}{{ ' and ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# The tables whose changes this run has noted, each with the numbers that its rows have. #}
{% macro known_changes() %}
    {%- set query -%}
        select
            table_name,
            string_agg(case when column_name in ('period_no', 'member_no', 'value_no', 'within_no') then column_name end, ' ')
        from duckdb_columns()
        where schema_name = 'changes'
        group by table_name
    {%- endset -%}
    {%- set known = {} -%}
    {%- for table, numbers in run_query(query).rows -%}{% do known.update({table: (numbers or '').split()}) %}{%- endfor -%}
    {{ return(known) }}
{% endmacro %}

{# Whether a cut reads nothing but facts that have noted their changes, and what it needs to number them. #}
{% macro adds_up_of(facts, known) %}
    {%- set read = ['int_members', 'int_period_days', 'int_breakdown_values'] -%}
    {%- for node in model.depends_on.nodes if node.startswith('model.') and node.split('.')[2] not in read -%}
        {%- if node.split('.')[2] not in facts or node.split('.')[2] not in known -%}
            {{ return(false) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(true) }}
{% endmacro %}

{# Whether a number still stands for what it stood for: no member or breakdown value has changed or gone, no period has moved. #}
{% macro numbers_hold(known) %}
    {%- for table in ['int_periods', 'int_members', 'int_breakdown_values'] if table not in known -%}
        {{ return(false) }}
    {%- endfor -%}
    {%- set moved -%}
        select
            (select count(*) from {{ changes_of('int_members', '__before') }})
            + (select count(*) from {{ changes_of('int_breakdown_values', '__before') }})
            + (
                select count(*)
                from {{ changes_of('int_periods', '__before') }} as was
                left join {{ changes_of('int_periods') }} as periods on was.period_no = periods.period_no
                where was.period_start is distinct from periods.period_start
            )
    {%- endset -%}
    {{ return(run_query(moved).rows[0][0] == 0) }}
{% endmacro %}

{% macro find_by_comparing(relation, compiled, key) %}
    {%- set columns = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    {%- set differing = changes_of(this.name, '__differing') -%}
    {% call statement('compared') -%}
    create or replace table {{ differing }} as
    select is_now, was
    from (
        select {{ described_columns() }} from (
            {{ compiled }}
        ) as made
    ) as is_now
    full join {{ relation }} as was on {{ same_key('is_now', 'was', key) }}
    where
        {%- for column in columns %}
        {{ 'or ' if not loop.first }}is_now.{{ column }} is distinct from was.{{ column }}
        {%- endfor %}
    {%- endcall %}
    {# the first column of a key is never null #}
    {% do run_query('create or replace table ' ~ changes_of(this.name, '__before')
        ~ ' as select was.* from ' ~ differing ~ ' where was.' ~ key[0] ~ ' is not null') %}
    {% do run_query('create or replace table ' ~ changes_of(this.name)
        ~ ' as select is_now.* from ' ~ differing ~ ' where is_now.' ~ key[0] ~ ' is not null') %}
    {% do run_query('drop table ' ~ differing) %}
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
        select {{ id }} from {{ changes_of(fact) }}
        union
        select {{ id }} from {{ changes_of(fact, '__before') }}
        {{ 'union' if not loop.last }}
        {%- endfor %}
        {%- endcall %}
    {%- endif -%}
    {%- set sql = namespace(now=compiled, before=compiled) -%}
    {%- for fact in facts -%}
        {%- set name, changed, was = ref(fact) | string, changes_of(fact), changes_of(fact, '__before') -%}
        {%- set of_ids = '(select * from ' ~ name ~ ' semi join ' ~ ids ~ ' using (' ~ id ~ '))' -%}
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
    {% do run_query('create or replace table ' ~ changes_of(this.name, '__before')
        ~ ' as select was.* from ' ~ relation ~ ' as was semi join ' ~ added ~ ' as added on ' ~ same_key('was', 'added', key)) %}
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
        left join {{ changes_of(this.name, '__before') }} as was on {{ same_key('was', 'added', key) }}
    ) as summed
    where {% for measure in measures %}{{ measure.name }} <> 0{{ ' or ' if not loop.last }}{% endfor %}
    {%- endset -%}
    {% do run_query(sums) %}
    {% do run_query('drop table ' ~ added) %}
    {%- if id -%}{% do run_query('drop table ' ~ ids) %}{%- endif -%}
{% endmacro %}
