-- One row per opportunity and time at which we saw something new of it, with the instant since which what we saw was true.
-- That is the record's own updated_at where it lies between this sight and the one before, else the run that saw it. The record of
-- today is the one seen last, however often it was seen again: it comes after all that the source's history tells.
{% set columns = ['stage', 'owner_id', 'currency', 'amount', 'probability', 'expected_close_on', 'is_deleted', 'updated_at'] %}
with run as (
    select * from {{ ref('stg_zeven__run') }}
),

-- with what this run sees that is new
sightings as (
    select * from {{ ref('int_opportunity_sightings') }}
),

history as (
    select * from {{ ref('int_opportunity_history_told') }}
),

ordered as (
    select
        sightings.*,
        lag(sightings.observed_at) over (partition by sightings.opportunity_id order by sightings.observed_at) as seen_before_at,
        -- this run's sight is the newest, also where the clock of an earlier run was ahead
        row_number() over (
            partition by sightings.opportunity_id
            order by case when sightings.run_id = run.run_id then 1 else 2 end, sightings.observed_at desc
        ) = 1 as is_newest
    from sightings
    cross join run
),

last_changes as (
    select opportunity_id, max(told_at) as told_at
    from history
    group by opportunity_id
),

dated as (
    select
        ordered.*,
        last_changes.told_at as last_change_at,
        case
            when ordered.updated_at > coalesce(ordered.seen_before_at, timestamp '0001-01-01 00:00:00') then ordered.updated_at
            -- first seen and without a date: an export of the instant that the run describes
            when ordered.is_newest and ordered.seen_before_at is null then least(ordered.observed_at, run.as_of)
            else ordered.observed_at
        end as seen_true_since
    from ordered
    cross join run
    left join last_changes on ordered.opportunity_id = last_changes.opportunity_id
),

observed as (
    select
        opportunity_id,
        observed_at,
        seen_before_at,
        is_newest,
        {{ columns | join(', ') }},
        case
            when is_newest then greatest(seen_true_since, coalesce(last_change_at, seen_true_since))
            else seen_true_since
        end as told_at
    from dated
)

select * from observed
