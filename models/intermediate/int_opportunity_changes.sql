-- One row per opportunity and known change, with the full values after it: what the change does not tell is carried forward from the
-- one before. The record of today is the last change, unless it was edited after the run's instant.
{% set columns = ['owner_id', 'stage', 'currency', 'amount', 'probability', 'expected_close_on'] %}
with opportunities as (
    select * from {{ ref('int_opportunities_resolved') }}
),

history as (
    {{ union_crms('opportunity_history') }}
),

run as (
    select * from {{ ref('stg_zeven__run') }}
),

told as (
    select
        history.opportunity_id,
        -- a change known by its day alone counts from the start of that day
        coalesce(history.changed_at, {{ utc_from_local('history.changed_on') }}) as told_at,
        1 as told_order,
        {%- for column in columns %}
        history.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from history
    inner join opportunities on history.opportunity_id = opportunities.opportunity_id
    cross join run
    where {{ has_happened('history.changed') }}
),

last_told as (
    select
        opportunity_id,
        max(told_at) as told_at
    from told
    group by opportunity_id
),

today as (
    select
        opportunities.opportunity_id,
        greatest(opportunities.updated_at, last_told.told_at) as told_at,
        2 as told_order,
        opportunities.owner_id,
        opportunities.stage,
        opportunities.currency,
        opportunities.source_amount as amount,
        opportunities.probability,
        opportunities.expected_close_on
    from opportunities
    inner join last_told on opportunities.opportunity_id = last_told.opportunity_id
    cross join run
    where opportunities.updated_at is null or opportunities.updated_at <= run.as_of
),

all_told as (
    select * from told
    union all
    select * from today
),

numbered as (
    select
        *,
        {%- for column in columns %}
        count({{ column }}) over (partition by opportunity_id order by told_at, told_order, stage rows unbounded preceding) as {{ column }}_version,
        {%- endfor %}
        row_number() over (partition by opportunity_id order by told_at, told_order, stage) as change_number
    from all_told
),

carried as (
    select
        opportunity_id,
        told_at,
        change_number,
        {%- for column in columns %}
        max({{ column }}) over (partition by opportunity_id, {{ column }}_version) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from numbered
)

select * from carried
