{# The one division: a double, null when the denominator is 0 or null. #}
{% macro ratio(numerator, denominator) -%}
    (cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro %}

{#
    A double rounded to `decimals` places behind the point, half away from zero. Shifted and rounded to a whole: to places behind the point
    each engine rounds in its own way (100 * 0.0185 is 1.8499999999999999, which is 1.9 to the one and 1.8 to the other).
#}
{% macro rounded(number, decimals) -%}
    {%- set shift = 10 ** decimals -%}
    (round(({{ number }}) * {{ shift }}) / {{ shift }})
{%- endmacro %}

{#
    The one mean of what is not whole: summed as decimals, so that it does not depend on the order in which threads deliver rows.
    A mean of doubles differs in its last digits from run to run. `decimals` for small numbers that others are divided by.
#}
{% macro mean(expression, decimals=9) -%}
    (cast(sum(cast({{ expression }} as decimal(28, {{ decimals }}))) as double) / nullif(count({{ expression }}), 0))
{%- endmacro %}

{#
    A bound of the interval in which the true ratio lies with 95 % certainty (Wilson, without continuity correction): `low` or `high`;
    null when nothing was tried. 1 of 2 is not 50 % but 9 to 91 %.
#}
{% macro wilson_bound(which, successes, trials) -%}
    {%- set z = '1.959963984540054e0' -%}
    {%- set spread = z ~ ' * sqrt(' ~ ratio(successes ~ ' * (' ~ trials ~ ' - ' ~ successes ~ ')', trials) ~ ' + ' ~ z ~ ' * ' ~ z ~ ' / 4)' -%}
    {%- set sign = '-' if which == 'low' else '+' -%}
    case
        when {{ trials }} > 0
            then least(greatest({{ ratio(successes ~ ' + ' ~ z ~ ' * ' ~ z ~ ' / 2 ' ~ sign ~ ' ' ~ spread, trials ~ ' + ' ~ z ~ ' * ' ~ z) }}, 0), 1)
    end
{%- endmacro %}

{#
    Percentiles of a column, such as [0.5, 0.9], as a list; percentile(list, 1) is the first of them. One by one they keep and sort all
    values each: at every key of 100,000 leads the list took half the time.
#}
{% macro percentiles(column, shares) %}{{ return(adapter.dispatch('percentiles')(column, shares)) }}{% endmacro %}
{% macro duckdb__percentiles(column, shares) -%}
    quantile_cont({{ column }}, {{ shares }})
{%- endmacro %}
{% macro spark__percentiles(column, shares) -%}
    percentile({{ column }}, array({{ shares | join(', ') }}))
{%- endmacro %}

{% macro percentile(list, place) %}{{ return(adapter.dispatch('percentile')(list, place)) }}{% endmacro %}
{% macro duckdb__percentile(list, place) -%}
    {{ list }}[{{ place }}]
{%- endmacro %}
{% macro spark__percentile(list, place) -%}
    element_at({{ list }}, {{ place }})
{%- endmacro %}
