{#
    Instants and days. A timestamp is UTC; a day is a date in company time. A moment of a CRM record is a pair
    `<base>_at` (instant, null where the source knows only the day) and `<base>_on` (day, filled in staging).
#}

{# The company's wall clock at a UTC instant. Spark's functions of time zones give its other type of timestamp, that with a zone. #}
{% macro local_time(instant) %}{{ return(adapter.dispatch('local_time')(instant)) }}{% endmacro %}
{% macro duckdb__local_time(instant) -%}
    timezone('{{ var("time_zone") }}', timezone('UTC', {{ instant }}))
{%- endmacro %}
{% macro spark__local_time(instant) -%}
    cast(from_utc_timestamp({{ instant }}, '{{ var("time_zone") }}') as timestamp)
{%- endmacro %}

{#
    The UTC instant at which the company's wall clock shows a local timestamp: of one that it shows twice, when clocks go back, the later.
    Spark takes the earlier, so it is also asked by way of the time three hours on, which no clock shows twice.
#}
{% macro utc_from_local(local) %}{{ return(adapter.dispatch('utc_from_local')(local)) }}{% endmacro %}
{% macro duckdb__utc_from_local(local) -%}
    timezone('UTC', timezone('{{ var("time_zone") }}', cast({{ local }} as timestamp)))
{%- endmacro %}
{% macro spark__utc_from_local(local) -%}
    {%- set zone = var("time_zone") -%}
    {%- set wall = 'cast(' ~ local ~ ' as timestamp)' -%}
    {%- set first = "to_utc_timestamp(" ~ wall ~ ", '" ~ zone ~ "')" -%}
    {%- set last = "to_utc_timestamp(" ~ wall ~ " + interval 3 hours, '" ~ zone ~ "') - interval 3 hours" -%}
    cast(case when from_utc_timestamp({{ last }}, '{{ zone }}') = {{ wall }} then {{ last }} else {{ first }} end as timestamp)
{%- endmacro %}

{# The UTC instant at which a local day is over: its last second. #}
{% macro end_of_day(day) -%}
    {{ utc_from_local(day ~ ' + interval 86399 second') }}
{%- endmacro %}

{# The day of a moment: the source's own date where it gave one (no time zone touches it), else the company's date at the instant. #}
{% macro local_day(base) -%}
    coalesce({{ base }}_on, cast({{ local_time(base ~ '_at') }} as date))
{%- endmacro %}

{# Is moment `later` at or after moment `earlier`? By the instant where both have one, else by day. #}
{% macro is_at_or_after(later, earlier) -%}
    (case
        when {{ later }}_at is not null and {{ earlier }}_at is not null then {{ later }}_at >= {{ earlier }}_at
        else {{ later }}_on >= {{ earlier }}_on
    end)
{%- endmacro %}

{# Did the moment `base` happen at or before the run's instant? `run` is the alias of stg_zeven__run. #}
{% macro has_happened(base, run='run') -%}
    (case
        when {{ base }}_at is not null then {{ base }}_at <= {{ run }}.as_of
        else {{ base }}_on <= {{ run }}.as_of_on
    end)
{%- endmacro %}

{# Whole days from one date to a later one. #}
{% macro days_between(from_day, to_day) %}{{ return(adapter.dispatch('days_between')(from_day, to_day)) }}{% endmacro %}
{% macro duckdb__days_between(from_day, to_day) -%}
    cast({{ to_day }} - {{ from_day }} as bigint)
{%- endmacro %}
{% macro spark__days_between(from_day, to_day) -%}
    cast(datediff({{ to_day }}, {{ from_day }}) as bigint)
{%- endmacro %}

{# Minutes from one instant to a later one, as double. #}
{% macro minutes_between(from_instant, to_instant) %}{{ return(adapter.dispatch('minutes_between')(from_instant, to_instant)) }}{% endmacro %}
{% macro duckdb__minutes_between(from_instant, to_instant) -%}
    (epoch_us({{ to_instant }}) - epoch_us({{ from_instant }})) / 60000000.0
{%- endmacro %}
{% macro spark__minutes_between(from_instant, to_instant) -%}
    (unix_micros({{ to_instant }}) - unix_micros({{ from_instant }})) / 60000000.0D
{%- endmacro %}

{# 1 for Monday to 7 for Sunday. #}
{% macro iso_weekday(day) %}{{ return(adapter.dispatch('iso_weekday')(day)) }}{% endmacro %}
{% macro duckdb__iso_weekday(day) -%}
    cast(isodow({{ day }}) as integer)
{%- endmacro %}
{% macro spark__iso_weekday(day) -%}
    cast(weekday({{ day }}) + 1 as integer)
{%- endmacro %}

{# The month of a date as text, '2026-03'. #}
{% macro month_key(day) %}{{ return(adapter.dispatch('month_key')(day)) }}{% endmacro %}
{% macro duckdb__month_key(day) -%}
    strftime({{ day }}, '%Y-%m')
{%- endmacro %}
{% macro spark__month_key(day) -%}
    date_format({{ day }}, 'yyyy-MM')
{%- endmacro %}

{# First day of the fiscal quarter or year of a date: shift to the calendar, cut there, shift back. #}
{% macro fiscal_start(part, day) -%}
    {%- set shift = var('fiscal_year_start_month') - 1 -%}
    cast(date_trunc('{{ part }}', cast({{ day }} as timestamp) - interval {{ shift }} month) + interval {{ shift }} month as date)
{%- endmacro %}

{# One row per day from `first_day` to `last_day`, both inclusive, as column date_day; both are scalar expressions over `relation`. #}
{% macro date_spine(relation, first_day, last_day) %}{{ return(adapter.dispatch('date_spine')(relation, first_day, last_day)) }}{% endmacro %}
{% macro duckdb__date_spine(relation, first_day, last_day) -%}
    select cast(unnest(generate_series(cast({{ first_day }} as timestamp), cast({{ last_day }} as timestamp), interval 1 day)) as date) as date_day
    from {{ relation }}
{%- endmacro %}
{% macro spark__date_spine(relation, first_day, last_day) -%}
    select explode(sequence({{ first_day }}, {{ last_day }}, interval 1 day)) as date_day
    from {{ relation }}
{%- endmacro %}
