-- One row per opportunity and change that the source's history tells by as_of. Nothing told is a value too (no owner, no amount),
-- unless the source never tells that column: then it is today's.
{% set columns = ['owner_id', 'currency', 'amount', 'probability', 'expected_close_on'] %}
with opportunities as (
    select * from {{ ref('int_opportunities_resolved') }}
),

history as (
    {{ union_crms('opportunity_history') }}
),

run as (
    select * from {{ ref('stg_zeven__run') }}
),

told_columns as (
    select
        {{ id_source('opportunity_id') }} as id_source,
        {%- for column in columns %}
        bool_or({{ column }} is not null) as tells_{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from history
    group by {{ id_source('opportunity_id') }}
),

told as (
    select
        history.opportunity_id,
        -- a change known by its day alone counts from the start of that day
        coalesce(history.changed_at, {{ utc_from_local('history.changed_on') }}) as told_at,
        history.stage,
        case when told_columns.tells_owner_id then history.owner_id else opportunities.owner_id end as owner_id,
        case when told_columns.tells_currency then coalesce(history.currency, '{{ var("currency") }}') else opportunities.currency end as currency,
        case when told_columns.tells_amount then history.amount else opportunities.source_amount end as amount,
        case when told_columns.tells_probability then history.probability else opportunities.probability end as probability,
        case when told_columns.tells_expected_close_on then history.expected_close_on else opportunities.expected_close_on end
            as expected_close_on
    from history
    inner join opportunities on history.opportunity_id = opportunities.opportunity_id
    inner join told_columns on {{ id_source('history.opportunity_id') }} = told_columns.id_source
    cross join run
    where {{ has_happened('history.changed') }}
)

select * from told
