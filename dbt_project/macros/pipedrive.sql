{# What several staging models of Pipedrive have in common. #}

{# The fields of a deal whose changes are read from its changelog. #}
{% macro pipedrive_history_fields() -%}
    {{ return(['stage_id', 'status', 'value', 'currency', 'probability', 'expected_close_date', 'owner_id']) }}
{%- endmacro %}

{#
    CTEs up to `carried`, over `newest_deals`, `newest_changes` and `followed` (the deals whose changelog was read): one row per
    deal and change, and one for how it was made, with all fields as they were from then on.
#}
{% macro pipedrive_carried_changes() -%}
{%- set fields = pipedrive_history_fields() -%}
changes as (
    select
        *,
        row_number() over (partition by _source, deal_id, field_key order by number) as change_rank
    from newest_changes
    where not _is_deleted
),

-- before its first change a field was what that change replaced; without any change it is what it was
first_values as (
    select
        _source,
        deal_id,
        {%- for field in fields %}
        bool_or(field_key = '{{ field }}') as has_changed_{{ field }},
        max(case when field_key = '{{ field }}' and change_rank = 1 then old_value end) as first_{{ field }}{{ ',' if not loop.last }}
        {%- endfor %}
    from changes
    group by _source, deal_id
),

made as (
    select
        newest_deals._source,
        newest_deals.id as deal_id,
        newest_deals.add_time,
        {%- for field in fields %}
        case
            when coalesce(first_values.has_changed_{{ field }}, false) then first_values.first_{{ field }}
            else cast(newest_deals.{{ field }} as string)
        end as {{ field }}{{ ',' if not loop.last }}
        {%- endfor %}
    from newest_deals
    inner join followed
        on newest_deals._source = followed._source
        and newest_deals.id = followed.deal_id
    left join first_values
        on newest_deals._source = first_values._source
        and newest_deals.id = first_values.deal_id
),

moments as (
    select _source, deal_id, add_time as changed_at, -1 as number, 'made' as field_key, cast(null as string) as new_value
    from made
    union all
    select _source, deal_id, time as changed_at, number, field_key, new_value
    from changes
),

versioned as (
    select
        *,
        {%- for field in fields %}
        count(case when field_key = '{{ field }}' then 1 end)
            over (partition by _source, deal_id order by number rows unbounded preceding) as version_of_{{ field }},
        {%- endfor %}
        row_number() over (partition by _source, deal_id, changed_at order by number desc) as moment_rank
    from moments
),

carried as (
    select
        versioned._source,
        versioned.deal_id,
        versioned.changed_at,
        versioned.moment_rank,
        {%- for field in fields %}
        case
            when versioned.version_of_{{ field }} = 0 then made.{{ field }}
            else max(case when versioned.field_key = '{{ field }}' then versioned.new_value end)
                over (partition by versioned._source, versioned.deal_id, versioned.version_of_{{ field }})
        end as {{ field }}{{ ',' if not loop.last }}
        {%- endfor %}
    from versioned
    inner join made
        on versioned._source = made._source
        and versioned.deal_id = made.deal_id
)
{%- endmacro %}
