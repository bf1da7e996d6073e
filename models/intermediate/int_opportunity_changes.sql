-- One row per opportunity and thing known of it by as_of, numbered in time, with all its values from then on.
-- Each column is as it was told last; before it was ever told, as it was told first; if it never was, as it is now. Where the
-- source's history tells a column of an opportunity, what we saw of that column counts only for today.
{% set columns = ['owner_id', 'stage', 'currency', 'amount', 'probability', 'expected_close_on'] %}
with opportunities as (
    select *, source_amount as amount from {{ ref('int_opportunities_described') }}
),

history as (
    select * from {{ ref('int_opportunity_history_told') }}
),

observations as (
    select * from {{ ref('int_opportunity_observations') }}
),

run as (
    select * from {{ ref('stg_zeven__run') }}
),

with_history as (
    select
        opportunity_id,
        {%- for column in columns %}
        bool_or(tells_{{ column }}) as tells_{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from history
    group by opportunity_id
),

all_told as (
    select
        opportunity_id,
        told_at,
        told_order,
        cast(null as timestamp) as observed_at,
        {{ columns | join(', ') }},
        tells_{{ columns | join(', tells_') }}
    from history
    union all
    select
        observations.opportunity_id,
        observations.told_at,
        2 as told_order,
        observations.observed_at,
        {%- for column in columns %}
        observations.{{ column }},
        {%- endfor %}
        {%- for column in columns %}
        observations.is_newest or not coalesce(with_history.tells_{{ column }}, false) as tells_{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from observations
    cross join run
    left join with_history on observations.opportunity_id = with_history.opportunity_id
    where observations.told_at <= run.as_of
),

numbered as (
    select
        *,
        -- of what we saw edited at one moment, what we saw last
        row_number() over (partition by opportunity_id order by told_at, told_order, observed_at) as change_number
    from all_told
),

carried as (
    select
        numbered.opportunity_id,
        numbered.told_at,
        numbered.change_number,
        {%- for column in columns %}
        {{ value_told_last(column) }} as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from numbered
    inner join opportunities on numbered.opportunity_id = opportunities.opportunity_id
    window
        so_far as (
            partition by numbered.opportunity_id order by numbered.change_number
            rows between unbounded preceding and current row
        ),
        from_here as (
            partition by numbered.opportunity_id order by numbered.change_number
            rows between current row and unbounded following
        )
)

select * from carried
