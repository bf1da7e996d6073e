{# What is known of a column at each change of an opportunity. #}

{#
    The value that was told last; before it was ever told, the first that was told; if it never was, that of today. Null is a
    value. Wants rows `versioned` with tells_<column> and version_of_<column> (how often it was told so far), and `opportunities`.
#}
{% macro value_told_last(column) -%}
    {%- set told = 'case when versioned.tells_' ~ column ~ ' then versioned.' ~ column ~ ' end' -%}
    {%- set version = 'versioned.version_of_' ~ column -%}
    case
        when max({{ version }}) over (partition by versioned.opportunity_id) = 0 then opportunities.{{ column }}
        when {{ version }} = 0
            then max(case when {{ version }} = 1 then {{ told }} end) over (partition by versioned.opportunity_id)
        else max({{ told }}) over (partition by versioned.opportunity_id, {{ version }})
    end
{%- endmacro %}
