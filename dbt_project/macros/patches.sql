{#
    How the table of a model with a key (`meta: key`), or of which all rows of an id belong together (`meta: by`), is changed in place on a run that follows up on the last one
    (orchestration/patches.py says when that may be): the rows that come out differently are taken out and put in, and stand besides
    in the schema `changes`, as <table> and, as they were, as <table>__before. Who builds on the table finds there what to look at.

    Which rows differ is found in one of five ways; models need not know of it:
    - by comparing: the model is computed as ever, and its rows are compared with those that are there. Right for every model;
    - by ids (`meta: by: <id>`): the model is computed for the records that a change touches, and their rows are compared;
    - by sums (`meta: sums_of: [<fact>, ...]`): a cut of sums gets what the changed rows of its facts add now, less what they added before.
      Facts that it joins, or of which it counts the different ones of an id, are `linked_by` that id: all rows of an id of
      which one changed are added up;
    - by wholes (`meta: wholes_of`): a cut of what does not add up is computed at the periods and members that have a changed record;
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
    {%- set key = config.get('meta', {}).get('key') or [config.get('meta')['by']] -%}
    {%- set facts = config.get('meta', {}).get('sums_of', []) -%}
    {%- set known = known_changes() -%}
    {%- set total = run_query('select count(*) from ' ~ relation).rows[0][0] -%}
    {%- set parents = numbered_parents(known) -%}
    {%- if facts and reads_only(facts, known) and numbers_hold(known) -%}
        {% do find_by_sums(relation, compiled, key, facts, config.get('meta', {}).get('linked_by')) %}
    {%- elif parents and numbers_hold(known) -%}
        {%- if not find_by_keys(relation, compiled, key, parents) -%}
            {{ return(false) }}
        {%- endif -%}
    {%- elif not find_by_ids(relation, compiled, known, total) and not find_by_wholes(relation, compiled, key, known) -%}
        {%- if not config.get('meta').get('key') -%}
            {{ return(false) }}
        {%- endif -%}
        {% do find_by_comparing(relation, compiled, key, placed(relation)) %}
    {%- endif -%}
    {%- set old = changes_of(this.name, '__old') -%}
    {% do run_query('create or replace view ' ~ changes_of(this.name, '__before') ~ ' as select * exclude (place) from ' ~ old) %}
    {%- if run_query('select count(*) from ' ~ old).rows[0][0] > total * patched_up_to() -%}
        {{ return(false) }}
    {%- endif -%}
    {% do run_query('delete from ' ~ relation ~ ' where rowid in (select place from ' ~ old ~ ')') %}
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

{# The relations whose changes this run has noted, each with its columns. #}
{% macro known_changes() %}
    {%- set query -%}
        select table_name, string_agg(column_name, ' ') from duckdb_columns() where schema_name = 'changes' group by table_name
    {%- endset -%}
    {%- set known = {} -%}
    {%- for table, columns in run_query(query).rows -%}{% do known.update({table: columns.split()}) %}{%- endfor -%}
    {{ return(known) }}
{% endmacro %}

{# Whether a cut reads nothing but facts that have noted their changes, and what it needs to number them. #}
{% macro reads_only(facts, known) %}
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

{#
    The rows that an append-only log got in this run: it is changed by nothing else, and never made anew. A hook of such a model.
#}
{% macro note_appended() %}
    {%- if execute and target.type == 'duckdb' and patched_up_to() > 0 -%}
        {% do run_query('create view ' ~ changes_of(this.name) ~ ' as select * from ' ~ this ~ ' where run_id = (select run_id from ' ~ source('zeven', 'run') ~ ')') %}
        {% do run_query('create view ' ~ changes_of(this.name, '__before') ~ ' as select * from ' ~ this ~ ' where false') %}
    {%- endif -%}
{% endmacro %}

{# False where the model does not say how, or so many ids are touched that the whole table is made faster. #}
{% macro find_by_ids(relation, compiled, known, total) %}
    {%- set by, ids = config.get('meta', {}).get('by'), changes_of(this.name, '__ids') -%}
    {%- set by = by if by is string or not by else by | join(', ') -%}
    {%- set narrowed = narrowed_to_ids(relation, compiled, by, known) if by else none -%}
    {%- if narrowed is none or run_query('select count(*) from ' ~ ids).rows[0][0] > total * patched_up_to() -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set key, stood = config.get('meta').get('key'), placed(rows_of_ids(relation, ids, by)) -%}
    {%- if key -%}
        {% do find_by_comparing(relation, narrowed, key, stood) %}
    {%- else -%}
        {% do find_groups(narrowed, by, stood) %}
    {%- endif -%}
    {% do run_query('drop table ' ~ ids) %}
    {{ return(true) }}
{% endmacro %}

{# The rows of a table with the place that each has there, by which it is taken out: comparing seven texts of a key costs much more. #}
{% macro placed(rows) -%}
    (select rowid as place, * from {{ rows }})
{%- endmacro %}

{#
    The rows of these ids. Which they are is found in the one column; the others are read at their places alone: of ten million activities
    five thousand took 0.3 s of CPU instead of 0.7.
#}
{% macro rows_of_ids(relation, ids, by) -%}
    {{ relation }} where rowid in (select rowid from {{ relation }} semi join {{ ids }} using ({{ by }}))
{%- endmacro %}

{# The rows that differ, of those that the model makes and those that `stood` there. #}
{% macro find_by_comparing(relation, compiled, key, stood) %}
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
    full join {{ stood }} as was on {{ same_key('is_now', 'was', key) }}
    where
        {%- for column in columns %}
        {{ 'or ' if not loop.first }}is_now.{{ column }} is distinct from was.{{ column }}
        {%- endfor %}
    {%- endcall %}
    {# the first column of a key is never null #}
    {% do run_query('create or replace table ' ~ changes_of(this.name, '__old')
        ~ ' as select was.* from ' ~ differing ~ ' where was.place is not null') %}
    {% do run_query('create or replace table ' ~ changes_of(this.name)
        ~ ' as select is_now.* from ' ~ differing ~ ' where is_now.' ~ key[0] ~ ' is not null') %}
    {% do run_query('drop table ' ~ differing) %}
{% endmacro %}

{# Of a table without a key, all rows of an id of which one differs. #}
{% macro find_groups(compiled, by, stood) %}
    {%- set is_now, was = changes_of(this.name, '__is_now'), changes_of(this.name, '__was') -%}
    {%- set differing -%}
    (
        select {{ by }} from (from {{ is_now }} except all select * exclude (place) from {{ was }}) as made
        union
        select {{ by }} from (select * exclude (place) from {{ was }} except all from {{ is_now }}) as gone
    )
    {%- endset -%}
    {% call statement('compared') -%}
    create or replace table {{ is_now }} as select {{ described_columns() }} from (
        {{ compiled }}
    ) as made
    {%- endcall %}
    {% do run_query('create or replace table ' ~ was ~ ' as from ' ~ stood) %}
    {% do run_query('create or replace table ' ~ changes_of(this.name, '__old')
        ~ ' as select * from ' ~ was ~ ' semi join ' ~ differing ~ ' as differing using (' ~ by ~ ')') %}
    {% do run_query('create or replace table ' ~ changes_of(this.name)
        ~ ' as select * from ' ~ is_now ~ ' semi join ' ~ differing ~ ' as differing using (' ~ by ~ ')') %}
    {% do run_query('drop table ' ~ is_now) %}
    {% do run_query('drop table ' ~ was) %}
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
