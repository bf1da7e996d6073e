{# Generic tests of our own: dbt packages come from a hub that an installation may not reach. #}

{# Values that more than one row has, and null where a row has none. One question instead of `unique` and `not_null`. #}
{% test is_key(model, column_name) %}
select
    {{ column_name }},
    count(*) as row_count
from {{ model }}
group by {{ column_name }}
having count(*) > 1 or {{ column_name }} is null
{% endtest %}

{# Rows whose value lies outside the range; a null is no value. #}
{% test is_between(model, column_name, minimum=none, maximum=none) %}
select {{ column_name }}
from {{ model }}
where
    false
    {% if minimum is not none %}or {{ column_name }} < {{ minimum }}{% endif %}
    {% if maximum is not none %}or {{ column_name }} > {{ maximum }}{% endif %}
{% endtest %}

{# Texts that do not have the form of a regular expression; a null is no value. #}
{% test has_form(model, column_name, form) %}
select {{ column_name }}
from {{ model }}
where regexp_extract({{ column_name }}, '^({{ form }})$') = ''
{% endtest %}

{# Keys that occur more than once; nulls count as equal. #}
{% test is_unique_on(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}

{# Fan-out: keys of `model` that another relation, which must keep the grain, holds another number of times. #}
{% test keeps_the_rows_of(model, column_name, other) %}
select coalesce(here.{{ column_name }}, there.{{ column_name }}) as {{ column_name }}
from (select {{ column_name }}, count(*) as row_count from {{ model }} group by {{ column_name }}) as here
full outer join (select {{ column_name }}, count(*) as row_count from {{ other }} group by {{ column_name }}) as there
    on here.{{ column_name }} = there.{{ column_name }}
where here.row_count is distinct from there.row_count
{% endtest %}
