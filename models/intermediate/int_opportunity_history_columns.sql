-- One row per source with a history of opportunities, and which columns it tells: one that no row of it ever fills is not told.
{% set columns = ['owner_id', 'currency', 'amount', 'probability', 'expected_close_on'] %}
with history as (
    select * from {{ ref('int_opportunity_history_gathered') }}
),

told_columns as (
    select
        {{ id_source('opportunity_id') }} as id_source,
        {%- for column in columns %}
        bool_or({{ column }} is not null) as tells_{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from history
    group by {{ id_source('opportunity_id') }}
)

select * from told_columns
