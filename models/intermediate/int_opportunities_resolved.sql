-- One row per opportunity that counts: made by the run's instant and not deleted.
with opportunities as (
    select * from {{ ref('int_opportunities_described') }}
),

counted as (
    select * from opportunities where not is_deleted
)

select * from counted
