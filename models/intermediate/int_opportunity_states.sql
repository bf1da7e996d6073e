-- One row per opportunity and interval between changes [valid_from, valid_to), without gap or overlap, from its creation on.
-- Before the first known change stands what that change tells, without any change what is true today; both are reconstructed.
{% set columns = ['owner_id', 'stage', 'currency', 'amount', 'probability', 'expected_close_on'] %}
with opportunities as (
    select *, source_amount as amount from {{ ref('int_opportunities_described') }}
),

changes as (
    select * from {{ ref('int_opportunity_changes') }}
),

starts as (
    select
        opportunities.opportunity_id,
        opportunities.born_at as valid_from,
        0 as change_number,
        {%- for column in columns %}
        case when changes.opportunity_id is null then opportunities.{{ column }} else changes.{{ column }} end as {{ column }},
        {%- endfor %}
        true as is_reconstructed
    from opportunities
    left join changes on opportunities.opportunity_id = changes.opportunity_id and changes.change_number = 1
    union all
    select
        changes.opportunity_id,
        greatest(changes.told_at, opportunities.born_at) as valid_from,
        changes.change_number,
        {%- for column in columns %}
        changes.{{ column }},
        {%- endfor %}
        false as is_reconstructed
    from changes
    inner join opportunities on changes.opportunity_id = opportunities.opportunity_id
),

ranked as (
    select
        *,
        -- of several changes at one instant the last one holds
        row_number() over (partition by opportunity_id, valid_from order by change_number desc) as change_rank
    from starts
),

compared as (
    select
        *,
        {%- for column in columns + ['is_reconstructed'] %}
        lag({{ column }}) over (partition by opportunity_id order by valid_from) as {{ column }}_before{{ ',' if not loop.last }}
        {%- endfor %}
    from ranked
    where change_rank = 1
),

bounded as (
    select
        opportunity_id,
        valid_from,
        coalesce(lead(valid_from) over (partition by opportunity_id order by valid_from), timestamp '9999-12-31 00:00:00') as valid_to,
        owner_id,
        coalesce(stage, 'unknown') as stage,
        currency,
        amount,
        probability,
        expected_close_on,
        is_reconstructed
    from compared
    -- what is told once more is no change; the first has nothing before it
    where
        is_reconstructed is distinct from is_reconstructed_before
        {%- for column in columns %}
        or {{ column }} is distinct from {{ column }}_before
        {%- endfor %}
)

select * from bounded
