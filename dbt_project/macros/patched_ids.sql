{#
    How a table of records is patched by ids (patches.sql): which ids are touched, and its rows there.

    `meta: by: <id>` says that the rows of an id are made of the rows that have this id, in every relation read that has such a column;
    an id may be several columns.
    What a changed row of another relation touches is told by `meta: touched_by: {<relation>: <select of ids>}`, in whose SQL the relations
    read and the table itself go by their names, `changed` is the changed rows of that relation, as they are and as they were, and
    `since.as_of_on` the day that the last run described. Of `stg_zeven__run` it tells the ids whose rows change with time alone.
    Several relations (`<relation>, <relation>`) may share a select, which then looks through the table once for all of them: `changed`
    has the columns of each, null where a row's relation has no such column.
    A relation that has neither must not have changed; where one has, the table is patched by comparing.
#}

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

{#
    The rows of these ids. Which they are is found in the one column; the others are read at their places alone: of ten million activities
    five thousand took 0.3 s of CPU instead of 0.7.
#}
{% macro rows_of_ids(relation, ids, by) -%}
    {{ relation }} where rowid in (select rowid from {{ relation }} semi join {{ ids }} using ({{ by }}))
{%- endmacro %}

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

{# Put the ids to look at into __ids, and return the model's SQL over their rows alone; none where nobody can tell what they are. #}
{% macro narrowed_to_ids(relation, compiled, by, known) %}
    {%- set told = touched_ids(relation, by, known) -%}
    {%- if told is none -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set ids = changes_of(this.name, '__ids') -%}
    {% call statement('ids_found') -%}
    create or replace table {{ ids }} as
    select distinct {{ by }} from (
        {{ told.selects | join(' union all ') }}
    ) as touched
    where coalesce({{ by }}) is not null
    {%- endcall %}
    {%- set narrowed = namespace(sql=compiled) -%}
    {%- for name in told.staged -%}
        {%- set narrowed.sql = narrowed.sql | replace(ref(name) | string, changes_of(name)) -%}
    {%- endfor -%}
    {%- for name in told.narrow -%}
        {%- set part = '(select * from ' ~ rows_of_ids(ref(name), ids, by) ~ ')' -%}
        {%- set narrowed.sql = narrowed.sql | replace(ref(name) | string, part) -%}
    {%- endfor -%}
    {{ return(narrowed.sql) }}
{% endmacro %}

{#
    The selects of the touched ids, and the relations that are read at these alone: of `staged` ones the rows to read stand in `changes`.
    These are the rows of records that came or that time reached, and of no other, so nothing else may touch an id there.
#}
{% macro touched_ids(relation, by, known) %}
    {%- set touched_by = config.get('meta').get('touched_by', {}) -%}
    {%- set told_of = (touched_by.keys() | join(', ')).split(', ') -%}
    {%- set read, selects, narrow, staged = models_read(), [], [], [] -%}
    {%- for name in read -%}
        {%- set has_id = by.split(', ') | reject('in', known.get(name, [])) | list | length == 0 -%}
        {%- if has_id -%}
            {% do (staged if name.startswith('stg_') else narrow).append(name) %}
            {% do selects.append('select ' ~ by ~ ' from (' ~ changed_rows(name) ~ ') as changed') %}
        {%- elif name != 'stg_zeven__run' and (name not in known or (name not in told_of and has_changed(name))) -%}
            {{ return(none) }}
        {%- endif -%}
    {%- endfor -%}
    {%- if (staged and (narrow or touched_by)) or ('stg_zeven__run' in read and not staged and 'stg_zeven__run' not in told_of) -%}
        {{ return(none) }}
    {%- endif -%}
    {%- for names, select in touched_by.items() -%}
        {% do selects.append('select ' ~ by ~ ' from ' ~ told(select, names, relation)) %}
    {%- endfor -%}
    {{ return({'selects': selects, 'narrow': narrow, 'staged': staged}) }}
{% endmacro %}

{# What a model says of the changed rows of one or several relations, in which tables go by their names. #}
{% macro told(select, names, relation) %}
    {%- set named = ['since as (from ' ~ changes_of('since') ~ ')', this.name ~ ' as (from ' ~ relation ~ ')'] -%}
    {%- for read in models_read() -%}{% do named.append(read ~ ' as (from ' ~ ref(read) ~ ')') %}{%- endfor -%}
    {%- set changed = [] -%}
    {%- for name in names.split(', ') if name != 'stg_zeven__run' -%}{% do changed.append('(' ~ changed_rows(name) ~ ')') %}{%- endfor -%}
    {%- if changed -%}{% do named.append('changed as (' ~ changed | join(' union all by name ') ~ ')') %}{%- endif -%}
    {{ return('(with ' ~ named | join(', ') ~ ' select * from (' ~ select ~ ') as told) as found') }}
{% endmacro %}

{# The rows that this run changed in a relation, as they are and as they were; of staging the rows of touched records. #}
{% macro changed_rows(name) -%}
    from {{ changes_of(name) }}
    {%- if not name.startswith('stg_') %} union all from {{ changes_of(name, '__before') }}{% endif -%}
{%- endmacro %}

{% macro has_changed(name) %}
    {{ return(run_query('select exists (' ~ changed_rows(name) ~ ')').rows[0][0]) }}
{% endmacro %}

{#
    Where a view of staging says `meta: by`, what it shows is put into `changes`, of those rows of raw alone whose record has a row
    that came since the last run, or a moment that lay ahead then.
#}
{% macro note_touched(compiled) %}
    {%- set by, raw = config.get('meta', {}).get('by'), source(*model.sources[0]) if model.sources else none -%}
    {%- set since = changes_of('since') -%}
    {%- if by and run_query('select batch_number from ' ~ since).rows[0][0] is not none -%}
        {%- set records = changes_of(this.name, '__records') -%}
        {% call statement('touched') -%}
        create or replace table {{ records }} as
        select distinct raw._source, raw.{{ by }}
        from {{ raw }} as raw
        cross join {{ since }} as since
        where
            raw._batch_number > since.batch_number
            {%- for column in adapter.get_columns_in_relation(raw) if not column.name.startswith(('_', 'updated_')) %}
            {%- if column.data_type | upper == 'DATE' %}
            or raw.{{ column.name }} between since.as_of_on - 1 and since.now_on
            {%- elif column.data_type | upper == 'TIMESTAMP' %}
            or (raw.{{ column.name }} > since.as_of and raw.{{ column.name }} <= since.now)
            {%- endif %}
            {%- endfor %}
        {%- endcall %}
        {%- set part = '(select * from ' ~ rows_of_ids(raw, records, '_source, ' ~ by) ~ ')' -%}
        {% do run_query('create or replace table ' ~ changes_of(this.name) ~ ' as select * from (' ~ compiled | replace(raw | string, part) ~ ') as made') %}
    {%- endif -%}
{% endmacro %}
