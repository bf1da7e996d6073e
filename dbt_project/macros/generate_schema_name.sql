{# Schemas have the names of the layers, the same in every environment: the database file is what separates environments. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
