{# The one division: a double, null when the denominator is 0 or null. #}
{% macro ratio(numerator, denominator) -%}
    (cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro %}

{#
    The one mean of what is not whole: summed as decimals, so that it does not depend on the order in which threads deliver rows.
    A mean of doubles differs in its last digits from run to run.
#}
{% macro mean(expression) -%}
    (cast(sum(cast({{ expression }} as decimal(28, 9))) as double) / nullif(count({{ expression }}), 0))
{%- endmacro %}
