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
    Business minutes between two instants; `from_dates` and `to_dates` are the aliases of their days in dim_dates, which count the minutes
    before each day. Whole minutes are subtracted from whole ones: the difference of two sums of years and a fraction of a minute has a rest in
    the tenth place, by which an answer in exactly the agreed time would be late.
#}
{% macro business_minutes_between(from_instant, from_dates, to_instant, to_dates) -%}
    {{ rounded(
        to_dates ~ '.business_minutes_before - ' ~ from_dates ~ '.business_minutes_before + '
        ~ business_minutes_of_day(to_instant, to_dates) ~ ' - ' ~ business_minutes_of_day(from_instant, from_dates), 9
    ) }}
{%- endmacro %}

{# Business minutes of the day of an instant that have passed before it. #}
{% macro business_minutes_of_day(instant, dates) -%}
    case
        when not {{ dates }}.is_working_day or {{ instant }} <= {{ dates }}.opens_at then 0
        when {{ instant }} >= {{ dates }}.closes_at then {{ dates }}.business_minutes
        else {{ minutes_between(dates ~ '.opens_at', instant) }}
    end
{%- endmacro %}
