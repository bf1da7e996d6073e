{#
    Schemas have the names of the layers, the same in every environment: the database file, or the Spark, is what separates environments.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (schema_of_marts() if custom_schema_name == 'marts' else custom_schema_name or target.schema) | trim }}
{%- endmacro %}

{# On DuckDB the marts are a database of their own, so that a release can take its file; in it they stand in `main`, where readers look. #}
{% macro schema_of_marts() %}{{ return(adapter.dispatch('schema_of_marts')()) }}{% endmacro %}
{% macro duckdb__schema_of_marts() %}{{ return('main') }}{% endmacro %}
{% macro spark__schema_of_marts() %}{{ return('marts') }}{% endmacro %}

{# Whether a relation is one of the marts. #}
{% macro is_of_the_marts(relation) %}
    {{ return('marts' in (relation.database, relation.schema)) }}
{% endmacro %}
