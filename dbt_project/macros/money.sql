{# The one place that converts money and that divides an amount into parts. #}

{#
    An amount in company currency, rounded half away from zero to cents; 0 where there is no amount. `rates` is the alias of the
    int_exchange_rates row that rate_valid_on found. Without one the run stops and names the currency: never a silent 1.0.
#}
{% macro converted(amount, currency, day, rates='rates') -%}
    case
        when {{ amount }} is null then cast(0 as decimal(18, 2))
        -- widened first: DuckDB keeps the product of two decimals of 18 digits in 18 digits, which end at a hundred million. By one digit:
        -- from 20 on, Spark would cut the product behind the point, and round twice
        else cast(round(cast({{ amount }} as decimal(19, 2)) * coalesce({{ rates }}.rate, {{ stop_without_rate(currency, day) }}), 2) as decimal(18, 2))
    end
{%- endmacro %}

{% macro stop_without_rate(currency, day) %}{{ return(adapter.dispatch('stop_without_rate')(currency, day)) }}{% endmacro %}
{% macro duckdb__stop_without_rate(currency, day) -%}
    cast(error({{ missing_rate_message(currency, day) }}) as decimal(18, 8))
{%- endmacro %}
{% macro spark__stop_without_rate(currency, day) -%}
    cast(raise_error({{ missing_rate_message(currency, day) }}) as decimal(18, 8))
{%- endmacro %}
{% macro missing_rate_message(currency, day) -%}
    'Currency ' || {{ currency }} || ' has no exchange rate valid on ' || cast({{ day }} as {{ dbt.type_string() }})
        || ': add one to exchange_rates that is valid from that day or before.'
{%- endmacro %}

{#
    A double as an amount, half a cent away from zero. By way of six decimals: the double of 2.505 lies a hair below it, and half a
    cent would be lost.
#}
{% macro to_cents(expression) -%}
    cast(round(cast({{ expression }} as decimal(28, 6)), 2) as decimal(18, 2))
{%- endmacro %}

{# An amount times a part / whole, to the cent; null where there is no whole. #}
{% macro share_of(amount, part, whole) -%}
    {{ to_cents('cast(' ~ amount ~ ' as double) * (' ~ part ~ ') / nullif(' ~ whole ~ ', 0)') }}
{%- endmacro %}

{# An amount of a cut, 0.00 where the key does not occur in it. #}
{% macro money_or_zero(amount) -%}
    cast(coalesce({{ amount }}, 0) as decimal(18, 2))
{%- endmacro %}

{#
    The part of an amount between two cumulative shares (0 to 1). Parts are differences of rounded running totals,
    so the parts of one amount add up to it to the cent, whatever the shares.
#}
{% macro part_of(amount, share_from, share_to) -%}
    cast({{ to_cents(amount ~ ' * ' ~ share_to) }} - {{ to_cents(amount ~ ' * ' ~ share_from) }} as decimal(18, 2))
{%- endmacro %}

{# Join condition: the rate of `currency` that is valid on `day`; `rates` is the alias of int_exchange_rates. #}
{% macro rate_valid_on(currency, day, rates='rates') -%}
    {{ rates }}.currency = {{ currency }}
        and {{ rates }}.valid_from <= {{ day }}
        and {{ rates }}.valid_to > {{ day }}
{%- endmacro %}
