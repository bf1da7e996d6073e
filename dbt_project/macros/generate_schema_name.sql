{#
    Schemas have the names of the layers, the same in every environment: the database file is what separates environments.
    The marts are a database of their own, so that a release can take its file; in it they stand in `main`, where readers look.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ 'main' if custom_schema_name == 'marts' else (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
