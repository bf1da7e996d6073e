-- One row per lead source that a lead or an opportunity names, and one for `unknown`.
with leads as (
    select * from {{ ref('int_leads_counted') }}
),

opportunities as (
    select * from {{ ref('int_opportunities_resolved') }}
),

named as (
    select source from leads
    union
    select source from opportunities
    union
    select 'unknown' as source
),

described as (
    select
        source,
        source <> 'unknown' as is_known,
        not {{ is_one_of('source', var('response_exclude_sources')) }} as has_response_clock
    from named
)

select * from described
