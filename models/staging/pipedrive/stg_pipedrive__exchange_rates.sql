-- One row per currency and first day of validity: as the settings say, Pipedrive tells none.
with source as (
    select * from {{ source('raw_pipedrive', 'exchange_rates') }}
),

newest as (
    {{ newest_version('source', ['upper(currency)', 'valid_from']) }}
),

renamed as (
    select
        _source as rate_source,
        upper(currency) as currency,
        cast(rate as decimal(18, 8)) as rate,
        valid_from
    from newest
    where not _is_deleted
)

select * from renamed
