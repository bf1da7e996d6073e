-- One row per deal and instant at which a property changed, with the values after the change.
with deal_history as (
    select * from {{ source('raw_hubspot', 'deal_history') }}
),

deals as (
    select * from {{ source('raw_hubspot', 'deals') }}
),

pipeline_stages as (
    select * from {{ source('raw_hubspot', 'pipeline_stages') }}
),

newest_deals as (
    {{ newest_version('deals', ['id']) }}
),

stages as (
    {{ hubspot_stage_labels() }}
),

changes as (
    {{ hubspot_deal_changes() }}
),

renamed as (
    select
        -- ids
        changes._source || ':' || changes.id as opportunity_id,
        changes._source || ':' || changes.hubspot_owner_id as owner_id,
        -- text
        coalesce(stages.stage, changes.dealstage) as stage,
        upper(newest_deals.deal_currency_code) as currency,
        -- numerics
        changes.amount,
        changes.probability,
        -- moments
        changes.changed_at,
        cast({{ local_time('changes.changed_at') }} as date) as changed_on,
        changes.close_on as expected_close_on
    from changes
    left join stages on changes._source = stages._source and changes.dealstage = stages.id
    left join newest_deals on changes._source = newest_deals._source and changes.id = newest_deals.id
)

select * from renamed
