{#
    How tables get into Spark: as Parquet files of a schema whose folder is ours (ZEVEN_SPARK_FOLDER), so that DuckDB can read there what is
    to be published. Everything else is dbt-spark's own way.
#}

{% macro spark__create_schema(relation) -%}
    {%- set folder = env_var('ZEVEN_SPARK_FOLDER', '') -%}
    {% call statement('create_schema') -%}
    create schema if not exists {{ relation }}{% if folder %} location '{{ folder }}/{{ relation.schema }}'{% endif %}
    {%- endcall %}
{%- endmacro %}

{# As on DuckDB (materializations.sql), only what is described is published. Order says nothing here: readers of Parquet sort again. #}
{% macro spark__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- if temporary -%}
    {{ create_temporary_view(relation, compiled_code) }}
    {%- else -%}
    create table {{ relation }}
    {{ file_format_clause() }}
    {{ partition_cols(label='partitioned by') }}
    as
    select {{ described_columns() }} from (
        {{ compiled_code }}
    ) as made
    {%- endif -%}
{%- endmacro %}
