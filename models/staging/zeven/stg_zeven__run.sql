-- One row: the instant this run describes. No model reads a clock; all of them read this row.
with source as (
    select * from {{ source('zeven', 'run') }}
),

renamed as (
    select
        run_id,
        as_of,
        cast({{ local_time('as_of') }} as date) as as_of_on,
        -- a day is over with its last second: a deal closed on this day or before counts as closed
        cast({{ local_time("as_of + interval 1 second") }} as date) - 1 as closed_through,
        observed_at
    from source
)

select * from renamed
