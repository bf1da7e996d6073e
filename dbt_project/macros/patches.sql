{#
    How the table of a model with a key (`meta: key`), or of which all rows of an id belong together (`meta: by`), is changed in place on a
    run that follows up on the last one (orchestration/patches.py says when that may be): the rows that come out differently are taken out
    and put in, and stand besides in the schema `changes`, as <table> and, as they were, as <table>__before. Who builds on the table finds
    there what to look at.

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
    {%- set key = config.get('meta', {}).get('key') -%}
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
        {%- if not key -%}
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

{# The models that this one reads. #}
{% macro models_read() %}
    {%- set read = [] -%}
    {%- for node in model.depends_on.nodes if node.startswith('model.') -%}{% do read.append(node.split('.')[2]) %}{%- endfor -%}
    {{ return(read) }}
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

{# The rows of a table with the place that each has there, by which it is taken out: comparing seven texts of a key costs much more. #}
{% macro placed(rows) -%}
    (select rowid as place, * from {{ rows }})
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
