-- One row per opportunity and time at which we saw it, now and in earlier runs, with the instant since which what we saw was true.
-- That is the record's own updated_at where it lies between this sight and the one before, else the run that saw it. What
-- was seen first and has no updated_at is as old as the last change that the source's history tells.
{% set columns = ['stage', 'owner_id', 'currency', 'amount', 'probability', 'expected_close_on', 'is_deleted', 'updated_at'] %}
with run as (
    select * from {{ ref('stg_zeven__run') }}
),

opportunities as (
    {{ union_crms('opportunities') }}
),

sightings as (
    select * from {{ ref('int_opportunity_sightings') }}
),

history as (
    select * from {{ ref('int_opportunity_history_told') }}
),

seen as (
    select opportunity_id, observed_at, false as is_newest, {{ columns | join(', ') }}
    from sightings
    where observed_at < (select max(run.observed_at) from run)
    union all
    select opportunities.opportunity_id, run.observed_at, true as is_newest, {{ columns | join(', ') }}
    from opportunities
    cross join run
),

ordered as (
    select
        *,
        lag(observed_at) over (partition by opportunity_id order by observed_at) as seen_before_at
    from seen
),

last_changes as (
    select
        ordered.opportunity_id,
        ordered.observed_at,
        max(history.told_at) as any_told_at,
        max(case when history.told_at <= ordered.observed_at then history.told_at end) as told_at
    from ordered
    inner join history on ordered.opportunity_id = history.opportunity_id
    group by ordered.opportunity_id, ordered.observed_at
),

dated as (
    select
        ordered.*,
        case
            when ordered.updated_at > ordered.seen_before_at then ordered.updated_at
            when ordered.seen_before_at is not null then ordered.observed_at
            else coalesce(ordered.updated_at, last_changes.told_at, ordered.observed_at)
        end as seen_true_since,
        last_changes.any_told_at
    from ordered
    left join last_changes
        on ordered.opportunity_id = last_changes.opportunity_id and ordered.observed_at = last_changes.observed_at
),

observed as (
    select
        *,
        -- the record of today comes after all that the history tells
        case when is_newest then greatest(seen_true_since, coalesce(any_told_at, seen_true_since)) else seen_true_since end as told_at
    from dated
)

select * from observed
