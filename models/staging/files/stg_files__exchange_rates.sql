-- One row per currency and first day of validity: the rate loaded last.
with source as (
    select * from {{ source('raw_files', 'exchange_rates') }}
),

newest as (
    {{ newest_version('source', ['upper(currency)', 'valid_from']) }}
),

renamed as (
    select
        _source as rate_source,
        upper(currency) as currency,
        rate,
        valid_from
    from newest
)

select * from renamed
