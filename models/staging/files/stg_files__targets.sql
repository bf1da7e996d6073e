-- One row per target period and its rep, team or the company: the target loaded last.
with source as (
    select * from {{ source('raw_files', 'targets') }}
),

newest as (
    {{ newest_version('source', ['period_type', 'period_start', 'rep_id', 'team_id']) }}
),

renamed as (
    select
        {{ added_id('rep_id') }} as rep_id,
        {{ added_id('team_id') }} as team_id,
        lower(trim(period_type)) as period_type,
        coalesce(upper(currency), '{{ var("currency") }}') as currency,
        target_amount,
        period_start
    from newest
)

select * from renamed
