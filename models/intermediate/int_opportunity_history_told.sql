-- One row per opportunity and change that the source's own history tells by as_of, and which columns that source's history tells.
-- A column that no history row of a source ever fills is not told by it.
{% set columns = ['owner_id', 'currency', 'amount', 'probability', 'expected_close_on'] %}
with history as (
    select * from {{ ref('int_opportunity_history_gathered') }}
),

run as (
    select * from {{ ref('stg_zeven__run') }}
),

told_columns as (
    select * from {{ ref('int_opportunity_history_columns') }}
),

told as (
    select
        history.opportunity_id,
        -- a change known by its day alone counts from the start of that day
        coalesce(history.changed_at, {{ utc_from_local('history.changed_on') }}) as told_at,
        -- of two rows at one moment the one that knows the time is the later one
        case when history.changed_at is null then 0 else 1 end as told_order,
        history.stage,
        history.owner_id,
        coalesce(history.currency, '{{ var("currency") }}') as currency,
        history.amount,
        history.probability,
        history.expected_close_on,
        -- a deal always has a stage: one that is not told is the one before
        history.stage is not null as tells_stage,
        {%- for column in columns %}
        told_columns.tells_{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from history
    inner join told_columns on {{ id_source('history.opportunity_id') }} = told_columns.id_source
    cross join run
    where {{ has_happened('history.changed') }}
)

select * from told
