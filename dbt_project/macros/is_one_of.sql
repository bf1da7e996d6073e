{# Is a column one of the texts of a setting? False for an empty list, which `in ()` cannot say. #}
{% macro is_one_of(column, texts) -%}
    {%- if texts -%}
    coalesce({{ column }} in ({% for text in texts %}'{{ text | replace("'", "''") }}'{{ ', ' if not loop.last }}{% endfor %}), false)
    {%- else -%}
    false
    {%- endif -%}
{%- endmacro %}
