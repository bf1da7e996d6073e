{# What is known of a column at each change of an opportunity. #}

{#
    The value that was told last; before it was ever told, the first that was told; if it never was, that of today. Null is a
    value, so what was told is wrapped: a null without a wrapping was not told. Wants rows `numbered` with tells_<column>, `opportunities`,
    and the windows `so_far` and `from_here` over the changes of an opportunity, which all columns share: one sort for all.
#}
{% macro value_told_last(column) %}{{ return(adapter.dispatch('value_told_last')(column)) }}{% endmacro %}
{% macro duckdb__value_told_last(column) -%}
    {%- set told = 'case when numbered.tells_' ~ column ~ ' then struct_pack(told := numbered.' ~ column ~ ') end' -%}
    struct_extract(
        coalesce(
            last_value({{ told }} ignore nulls) over so_far,
            first_value({{ told }} ignore nulls) over from_here,
            struct_pack(told := opportunities.{{ column }})
        ),
        'told'
    )
{%- endmacro %}
{% macro spark__value_told_last(column) -%}
    {%- set told = "case when numbered.tells_" ~ column ~ " then named_struct('told', numbered." ~ column ~ ") end" -%}
    coalesce(
        last({{ told }}, true) over so_far,
        first({{ told }}, true) over from_here,
        named_struct('told', opportunities.{{ column }})
    ).told
{%- endmacro %}
