-- One row per target: none, what HubSpot has as goals is not in its CRM's objects. Targets come from a source that adds to it.
with source as (
    select * from {{ source('raw_hubspot', 'account') }}
),

renamed as (
    select
        {{ source_id('portalid') }} as rep_id,
        {{ source_id('portalid') }} as team_id,
        cast(null as string) as period_type,
        companycurrency as currency,
        cast(null as decimal(18, 2)) as target_amount,
        cast(null as date) as period_start
    from source
    where false
)

select * from renamed
