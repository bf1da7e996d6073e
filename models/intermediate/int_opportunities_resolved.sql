-- One row per opportunity that counts: made by the run's instant and not deleted.
with opportunities as (
    select * from {{ ref('int_opportunities_described') }}
),

counted as (
    select
        opportunity_id,
        lead_id,
        account_id,
        owner_id,
        lead_rep_id,
        product_id,
        source,
        industry,
        stage,
        outcome,
        created_at,
        created_on,
        closed_on,
        is_closed,
        is_open
    from opportunities
    where not is_deleted
)

select * from counted
