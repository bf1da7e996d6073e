{# Sentences, and numbers and months in them, in the languages that signals are written in. #}

{# What differs between the languages. #}
{% macro wordings(language) -%}
    {{ return({
        'en': {
            'hours': ' h',
            'so_far': ' so far',
            'months': ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'],
        },
        'nl': {
            'hours': ' uur',
            'so_far': ' tot nu toe',
            'months': ['januari', 'februari', 'maart', 'april', 'mei', 'juni', 'juli', 'augustus', 'september', 'oktober', 'november', 'december'],
        },
    }[language]) }}
{%- endmacro %}

{# What fills the placeholders of a text, as columns <placeholder>_<language>. #}
{% macro fillings(language) -%}
    coalesce({{ in_words('value', 'unit', language) }}, '') as value_{{ language }},
        coalesce({{ in_words('reference_value', 'unit', language) }}, '') as reference_{{ language }},
        coalesce({{ in_words('extra_value', 'unit', language) }}, '') as extra_{{ language }},
        coalesce({{ in_words('sample', "'number'", language) }}, '') as sample_{{ language }},
        {{ month_in_words('period_start', language) }} as month_{{ language }},
        {{ month_in_words('period_start', language) }}
        || case when moment = 'running' then '{{ wordings(language)["so_far"] }}' else '' end as period_{{ language }}
{%- endmacro %}

{# A text with its placeholders filled. What people typed (names, sources) goes in last: it may look like a placeholder. #}
{% macro worded(text, finding, language) -%}
    {%- set fillings = {
        'value': finding ~ '.value_' ~ language,
        'reference': finding ~ '.reference_' ~ language,
        'extra': finding ~ '.extra_' ~ language,
        'sample': finding ~ '.sample_' ~ language,
        'month': finding ~ '.month_' ~ language,
        'period': finding ~ '.period_' ~ language,
        'minimum_contact_moments': "'" ~ var('minimum_contact_moments') ~ "'",
        'stale_after_days': "'" ~ var('stale_after_days') ~ "'",
        'source': finding ~ '.breakdown_value',
        'who': finding ~ '.name_' ~ language,
    } -%}
    {%- set sentence = namespace(sql=text) -%}
    {%- for placeholder, filling in fillings.items() -%}
    {%- set sentence.sql = "replace(" ~ sentence.sql ~ ", '{" ~ placeholder ~ "}', " ~ filling ~ ")" -%}
    {%- endfor -%}
    {{ sentence.sql }}
{%- endmacro %}

{# A number as a person writes it: 1,234 or 1.234; 12 % or 3.1 %; 2 h 5 min or 2 uur 5 min; € 1,234. `unit` is an expression. #}
{% macro in_words(number, unit, language) -%}
    {%- set minutes = 'cast(round(' ~ number ~ ') as bigint)' -%}
    {%- set symbol = {'EUR': '€', 'USD': '$', 'GBP': '£'}.get(var('currency'), var('currency')) -%}
    case {{ unit }}
        when 'number' then case when {{ number }} = round({{ number }}) then {{ grouped(number, 0, language) }} else {{ grouped(number, 1, language) }} end
        when 'ratio' then {{ percent_in_words(number, language) }}
        when 'change' then {{ percent_in_words('abs(' ~ number ~ ')', language) }}
        when 'currency' then '{{ symbol }} ' || {{ grouped(number, 0, language) }}
        when 'minutes' then
            case when {{ minutes }} < 60 then '' else {{ grouped('floor(' ~ minutes ~ ' / 60)', 0, language) }} || '{{ wordings(language)["hours"] }}' end
            || case when {{ minutes }} >= 60 and mod({{ minutes }}, 60) > 0 then ' ' else '' end
            || case when {{ minutes }} < 60 or mod({{ minutes }}, 60) > 0 then {{ grouped('mod(' ~ minutes ~ ', 60)', 0, language) }} || ' min' else '' end
    end
{%- endmacro %}

{% macro percent_in_words(number, language) -%}
    case
        when {{ number }} > 0 and {{ number }} < 0.0995 then {{ grouped('100 * ' ~ number, 1, language) }}
        else {{ grouped('100 * ' ~ number, 0, language) }}
    end || ' %'
{%- endmacro %}

{# A rounded number with separators; Dutch swaps point and comma. #}
{% macro grouped(number, decimals, language) -%}
    {%- set english = grouped_in_english(rounded('cast(' ~ number ~ ' as double)', decimals), decimals) -%}
    {{ "translate(" ~ english ~ ", ',.', '.,')" if language == 'nl' else english }}
{%- endmacro %}

{% macro grouped_in_english(number, decimals) %}{{ return(adapter.dispatch('grouped_in_english')(number, decimals)) }}{% endmacro %}
{% macro duckdb__grouped_in_english(number, decimals) -%}
    format('{:,.{{ decimals }}f}', {{ number }})
{%- endmacro %}
{% macro spark__grouped_in_english(number, decimals) -%}
    format_number({{ number }}, {{ decimals }})
{%- endmacro %}

{# Month and year of a date; engines do not agree on the names of months. #}
{% macro month_in_words(day, language) -%}
    case extract(month from {{ day }}){% for name in wordings(language)['months'] %} when {{ loop.index }} then '{{ name }}'{% endfor %} end
    || ' ' || cast(extract(year from {{ day }}) as {{ dbt.type_string() }})
{%- endmacro %}
