{# What every staging model does the same way: ids, versions, spellings. #}

{# An id with its source in front, `demo:L000123`, so that several CRMs live side by side; null stays null. #}
{% macro source_id(column) -%}
    (_source || ':' || {{ column }})
{%- endmacro %}

{# As source_id, of an id that belongs to the source that this one only adds to (var `added_to`), where there is one. #}
{% macro added_id(column) -%}
    {%- set added_to = var('added_to') -%}
    {%- if added_to -%}
    (
        case _source
            {%- for source, other in added_to.items() %}
            when '{{ source }}' then '{{ other }}'
            {%- endfor %}
            else _source
        end || ':' || {{ column }}
    )
    {%- else -%}
    {{ source_id(column) }}
    {%- endif -%}
{%- endmacro %}

{# The source in front of an id. #}
{% macro id_source(column) -%}
    split_part({{ column }}, ':', 1)
{%- endmacro %}

{# The hash of an e-mail address, SHA-256 in small letters of hex as raw has it; null for what a CRM keeps there instead of an address. #}
{% macro hashed_address(column) -%}
    nullif(regexp_extract({{ column }}, '^[0-9a-f]{64}$', 0), '')
{%- endmacro %}

{# When a record was edited last; a day without time counts from its start. #}
{% macro edited_at(front='') -%}
    coalesce({{ front }}updated_at, {{ utc_from_local(front ~ 'updated_on') }})
{%- endmacro %}

{#
    The rows of `relation` that are the newest version of their record: the newest `updated` wins, then the last loaded.
    `key` is a list of columns; `updated` is an expression or none where the format has no such column.
#}
{% macro newest_version(relation, key, updated=none) -%}
    select * from (
        select
            *,
            row_number() over (
                partition by _source, {{ key | join(', ') }}
                order by {% if updated %}{{ updated }} desc nulls last, {% endif %}_batch_number desc, _source_row desc
            ) as version_rank
        from {{ relation }}
    ) as ranked
    where version_rank = 1
{%- endmacro %}

{# How two spellings of one value are compared: without case, outer and doubled space. #}
{% macro spelling(column) -%}
    lower(trim(replace({{ column }}, '_', ' ')))
{%- endmacro %}

{# The rows of an entity from every CRM of the project (var `crms`), as one relation. #}
{% macro union_crms(entity) -%}
    {%- for crm in var('crms') %}
    select * from {{ ref('stg_' ~ crm ~ '__' ~ entity) }}
    {%- if not loop.last %}
    union all{% endif %}
    {%- endfor %}
{%- endmacro %}
