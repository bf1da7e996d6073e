-- Detects opportunities whose intervals leave a gap, overlap, or do not reach from creation to the end of time.
-- Likely cause: changes at one instant that were not reduced to the last. A row is an interval whose end is not the next one's start.
{{ config(tags=['asked_by_publishing'], meta={'dagster': {'ref': {'name': 'fct_opportunity_history'}}}) }}
with intervals as (
    select
        opportunity_id,
        valid_from,
        valid_to,
        lead(valid_from) over (partition by opportunity_id order by valid_from) as next_valid_from
    from {{ ref('fct_opportunity_history') }}
)

select * from intervals
where valid_to <> coalesce(next_valid_from, timestamp '9999-12-31 00:00:00')
