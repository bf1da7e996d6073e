{# The UTC instant at which business opens or closes on the day of the row; null on closed days and holidays. A holiday with hours of its own
   is a part day. Wants date_day, iso_weekday, holiday_name, holiday_hours. #}
{% macro business_hour(which) -%}
    case
        when holiday_hours is not null then {{ utc_from_local(part_day_hour(which)) }}
        when holiday_name is not null then null
        {%- for hours in var('business_hours') %}
        {%- set minutes = (hours[which][:2] | int) * 60 + (hours[which][3:] | int) %}
        when iso_weekday = {{ hours.iso_weekday }} then {{ utc_from_local("date_day + interval " ~ minutes ~ " minute") }}
        {%- endfor %}
    end
{%- endmacro %}

{# The local timestamp at which a part day opens or closes: its hours are written 09:00-13:00. #}
{% macro part_day_hour(which) -%}
    cast(cast(date_day as {{ dbt.type_string() }}) || ' ' || {{ 'left' if which == 'opens' else 'right' }}(holiday_hours, 5) || ':00' as timestamp)
{%- endmacro %}

{#
    Business minutes that have passed before an instant, counted from the first day of dim_dates: a running clock, so the business
    minutes between two instants are the difference of two readings. `dates` is the alias of the instant's day in dim_dates.
#}
{% macro business_clock(instant, dates) -%}
    (
        {{ dates }}.business_minutes_before
        + case
            when not {{ dates }}.is_working_day or {{ instant }} <= {{ dates }}.opens_at then 0
            when {{ instant }} >= {{ dates }}.closes_at then {{ dates }}.business_minutes
            else {{ minutes_between(dates ~ '.opens_at', instant) }}
        end
    )
{%- endmacro %}
