-- One row per opportunity and known change, numbered, with the full values after it. The record of today is the last change, unless
-- it was edited after as_of.
with opportunities as (
    select * from {{ ref('int_opportunities_resolved') }}
),

history as (
    select * from {{ ref('int_opportunity_history_filled') }}
),

run as (
    select * from {{ ref('stg_zeven__run') }}
),

last_told as (
    select
        opportunity_id,
        max(told_at) as told_at
    from history
    group by opportunity_id
),

today as (
    select
        opportunities.opportunity_id,
        greatest(opportunities.updated_at, last_told.told_at) as told_at,
        2 as told_order,
        opportunities.stage,
        opportunities.owner_id,
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
    select
        opportunity_id,
        told_at,
        1 as told_order,
        stage,
        owner_id,
        currency,
        amount,
        probability,
        expected_close_on
    from history
    union all
    select * from today
),

numbered as (
    select
        *,
        row_number() over (partition by opportunity_id order by told_at, told_order, stage) as change_number,
        -- a deal always has a stage: one that is not told is the one before
        count(stage) over (partition by opportunity_id order by told_at, told_order, stage rows unbounded preceding) as stage_version
    from all_told
),

carried as (
    select
        opportunity_id,
        told_at,
        change_number,
        max(stage) over (partition by opportunity_id, stage_version) as stage,
        owner_id,
        currency,
        amount,
        probability,
        expected_close_on
    from numbered
)

select * from carried
