{# Is a column one of the texts of a setting? False for an empty list, which `in ()` cannot say. #}
{% macro is_one_of(column, texts) -%}
    {%- if texts -%}
    coalesce({{ column }} in ({% for text in texts %}{{ text_literal(text) }}{{ ', ' if not loop.last }}{% endfor %}), false)
    {%- else -%}
    false
    {%- endif -%}
{%- endmacro %}

{# A text of a setting in SQL. To Spark a backslash says that what follows is no ordinary character. #}
{% macro text_literal(text) %}{{ return(adapter.dispatch('text_literal')(text)) }}{% endmacro %}
{% macro duckdb__text_literal(text) -%}
    '{{ text | replace("'", "''") }}'
{%- endmacro %}
{% macro spark__text_literal(text) -%}
    '{{ text | replace("\\", "\\\\") | replace("'", "\\'") }}'
{%- endmacro %}
