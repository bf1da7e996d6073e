-- One row per opportunity and interval between changes [valid_from, valid_to), without gap or overlap from its creation on: the state
-- it was in, whatever happened later. Deleted ones are in it, where it is known since when. The pipeline of any past instant follows from it.
with opportunities as (
    select
        *,
        coalesce(
            least(
                case when is_closed then {{ end_of_day('closed_on') }} when not is_open then born_at end,
                case when is_deleted then deleted_at end
            ),
            timestamp '9999-12-31 00:00:00'
        ) as over_from
    from {{ ref('int_opportunities_described') }}
    where not is_deleted or deleted_at is not null
),

states as (
    select * from {{ ref('int_opportunity_stages') }}
),

reps as (
    select * from {{ ref('dim_reps') }}
),

bounded as (
    select
        states.*,
        opportunities.over_from,
        case when opportunities.is_deleted then 'deleted' else opportunities.outcome end as last_status,
        max(case when states.stage_outcome is null and states.valid_from < opportunities.over_from then states.valid_from end)
            over (partition by states.opportunity_id) as last_open_from
    from states
    inner join opportunities on states.opportunity_id = opportunities.opportunity_id
),

-- an interval in which the opportunity was closed or deleted becomes two
cut as (
    select
        *,
        valid_from as starts_at,
        least(valid_to, over_from) as ends_at,
        -- won or lost by its stage, and open again later; the close that holds is the opportunity's own
        stage_outcome is not null and coalesce(valid_from < last_open_from, false) as is_taken_back,
        false as is_over
    from bounded
    where valid_from < over_from
    union all
    select
        *,
        greatest(valid_from, over_from) as starts_at,
        valid_to as ends_at,
        false as is_taken_back,
        true as is_over
    from bounded
    where valid_to > over_from
),

described as (
    select
        cut.opportunity_id,
        cut.starts_at as valid_from,
        cut.ends_at as valid_to,
        coalesce(reps.rep_id, 'unassigned') as rep_id,
        cut.stage,
        cut.is_qualified,
        case when cut.is_over then cut.last_status when cut.is_taken_back then cut.stage_outcome else 'open' end as status,
        cut.is_taken_back,
        cut.currency,
        cut.amount as source_amount,
        cut.likely_probability as probability,
        cut.expected_close_on,
        cut.is_reconstructed
    from cut
    left join reps on cut.owner_id = reps.rep_id
)

select * from described
