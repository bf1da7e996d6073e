-- One row per opportunity and instant of change, with the values after the change.
with source as (
    select * from {{ source('raw_files', 'opportunity_history') }}
),

newest as (
    {{ newest_version('source', ['opportunity_id', 'changed_at', 'changed_on']) }}
),

renamed as (
    select
        -- ids
        {{ source_id('opportunity_id') }} as opportunity_id,
        {{ source_id('owner_id') }} as owner_id,
        -- text
        stage,
        upper(currency) as currency,
        -- numerics
        amount,
        probability,
        -- moments
        changed_at,
        {{ local_day('changed') }} as changed_on,
        {{ local_day('expected_close') }} as expected_close_on
    from newest
)

select * from renamed
