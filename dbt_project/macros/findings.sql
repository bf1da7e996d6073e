{# What the rules of kpi_signals share. #}

{#
    The columns of one finding. `variant` tells apart texts of one signal; `value` and `reference` are of one unit: number, ratio, change,
    minutes or currency; `extra` is a further number of that unit; `sample` says of how many records they tell.
#}
{% macro finding(signal, kpi, severity, unit, value, reference, variant="'any'", extra='null', sample='null') -%}
    '{{ signal }}' as signal,
        {{ variant }} as variant,
        '{{ kpi }}' as kpi,
        level,
        team_id,
        rep_id,
        breakdown,
        breakdown_value,
        period_start,
        moment,
        {{ severity }} as severity,
        '{{ unit }}' as unit,
        cast({{ value }} as double) as value,
        cast({{ reference }} as double) as reference_value,
        cast({{ extra }} as double) as extra_value,
        cast({{ sample }} as double) as sample
{%- endmacro %}

{# An alert asks a group to act now; of one rep nothing is more than a warning, which is for a talk and not for a siren. #}
{% macro alert_where(condition) -%}
    case when {{ condition }} and level <> 'rep' then 'alert' else 'warn' end
{%- endmacro %}

{# Texts that differ by whom or what they are about. #}
{% macro group_or_rep() -%}
    case when level = 'rep' then 'rep' else 'group' end
{%- endmacro %}
{% macro group_or_rep_or_source() -%}
    case when breakdown = 'source' then 'source' when level = 'rep' then 'rep' else 'group' end
{%- endmacro %}
{% macro up_or_down(change) -%}
    case when {{ change }} > 0 then 'up' else 'down' end
{%- endmacro %}

{# A source is judged over the whole company, and only one that is known: nobody can act on another. #}
{% macro is_total_or_source_of_the_company(front='') -%}
    ({{ front }}breakdown = 'total' or ({{ front }}breakdown = 'source' and {{ front }}level = 'company' and {{ front }}breakdown_value <> 'unknown'))
{%- endmacro %}

{#
    Do two counts differ by more than two counts of one process do in 95 of 100 cases? (Poisson: the variance of the difference is their
    sum.) `variance` is the factor by which a correction of the counts widens that.
#}
{% macro is_more_than_chance(count, other_count, variance=1) -%}
    abs({{ count }} - {{ other_count }}) > 1.959963984540054 * sqrt({{ variance }} * ({{ count }} + {{ other_count }}))
{%- endmacro %}
