{# The one place that converts money and that divides an amount into parts. #}

{# An amount in company currency, rounded half away from zero to cents. #}
{% macro converted(amount, rate) -%}
    cast(round({{ amount }} * {{ rate }}, 2) as decimal(18, 2))
{%- endmacro %}

{#
    The part of an amount between two cumulative shares (0 to 1). Parts are differences of rounded running totals,
    so the parts of one amount add up to it to the cent, whatever the shares.
#}
{% macro part_of(amount, share_from, share_to) -%}
    cast(round({{ amount }} * {{ share_to }}, 2) - round({{ amount }} * {{ share_from }}, 2) as decimal(18, 2))
{%- endmacro %}

{# Join condition: the rate of `currency` that is valid on `day`; `rates` is the alias of int_exchange_rates. #}
{% macro rate_valid_on(currency, day, rates='rates') -%}
    {{ rates }}.currency = {{ currency }}
        and {{ rates }}.valid_from <= {{ day }}
        and {{ rates }}.valid_to > {{ day }}
{%- endmacro %}
