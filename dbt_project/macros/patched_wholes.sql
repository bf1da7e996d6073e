{#
    How a cut of what does not add up, such as a median, is patched (patches.sql): computed anew at the periods and members that have a
    changed record, whatever their breakdown values.

    `meta: wholes_of: {<relation>: <select of rep_id and day>}` tells for each fact that is cut whose records change with it, and on which
    day they count; its SQL is that of `touched_by` (patched_ids.sql). What `changed` has twice in all columns that the cut reads, as it is
    and as it was, has not changed for it.
#}

{# False where the model does not say how, or something else than these facts changed. #}
{% macro find_by_wholes(relation, compiled, key, known) %}
    {%- set wholes_of, keys, days = config.get('meta', {}).get('wholes_of', {}), changes_of(this.name, '__keys'), [] -%}
    {%- if not wholes_of or not reads_only(wholes_of, known) or not numbers_hold(known) -%}
        {{ return(false) }}
    {%- endif -%}
    {%- for name, select in wholes_of.items() -%}{% do days.append('select rep_id, day from ' ~ told(select, name, relation)) %}{%- endfor -%}
    {% call statement('keys_found') -%}
    create or replace table {{ keys }} as
    with placed as (
        select
            unnest([days.week_no, days.month_no, days.quarter_no, days.year_no]) as period_no,
            [0, members.wider_no, members.member_no] as members
        from (
            {{ days | join(' union ') }}
        ) as touched
        inner join {{ ref('int_members') }} as members on members.level = 'rep' and touched.rep_id = members.rep_id
        inner join {{ ref('int_period_days') }} as days on touched.day = days.date_day
    )

    select distinct period_no, unnest(members) as member_no from placed where period_no is not null
    {%- endcall %}
    {%- set part = ' semi join ' ~ keys ~ ' as touched on touched.period_no = records_numbered.\\1 and touched.member_no = ' -%}
    {%- set narrowed = namespace(sql=compiled) -%}
    {%- set narrowed.sql = modules.re.sub('-- at every (\\w+) of 0\\n', part ~ '0\n', narrowed.sql) -%}
    {%- set narrowed.sql = modules.re.sub('-- at every (\\w+) of (\\w+)\\n', part ~ 'records_numbered.\\2\n', narrowed.sql) -%}
    {%- set narrowed.sql = 'select * from (' ~ narrowed.sql ~ '\n) as at_touched semi join ' ~ keys ~ ' using (period_no, member_no)' -%}
    {% do find_by_comparing(relation, narrowed.sql, key, placed(rows_of_ids(relation, keys, 'period_no, member_no'))) %}
    {% do run_query('drop table ' ~ keys) %}
    {{ return(true) }}
{% endmacro %}
