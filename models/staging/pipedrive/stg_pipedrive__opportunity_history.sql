-- One row per opportunity and instant of change, with the values after the change; the first is how it was made.
-- Only of deals whose changelog was read: of the others nobody knows how they were made.
with newest_deals as (
    {{ newest_version(source('raw_pipedrive', 'deals'), ['id']) }}
),

newest_changes as (
    {{ newest_version(source('raw_pipedrive', 'deal_changes'), ['entry']) }}
),

newest_stages as (
    {{ newest_version(source('raw_pipedrive', 'stages'), ['id']) }}
),

newest_pipelines as (
    {{ newest_version(source('raw_pipedrive', 'pipelines'), ['id']) }}
),

followed as (
    select distinct _source, deal_id
    from {{ source('raw_pipedrive', 'deals_followed') }}
    where what = 'changes'
),

{{ pipedrive_carried_changes() }},

renamed as (
    select
        -- ids
        carried._source || ':' || carried.deal_id as opportunity_id,
        carried._source || ':' || carried.owner_id as owner_id,
        -- text
        case
            when carried.status in ('won', 'lost') then carried.status
            else coalesce(newest_stages.name, carried.stage_id)
        end as stage,
        upper(carried.currency) as currency,
        -- numerics
        nullif(try_cast(carried.value as decimal(18, 2)), 0) as amount,
        cast(
            case
                when carried.status = 'won' then 1.0
                when carried.status = 'lost' then 0.0
                when coalesce(newest_pipelines.is_deal_probability_enabled, false)
                    then coalesce(try_cast(carried.probability as double), newest_stages.deal_probability) / 100
            end as double
        ) as probability,
        -- moments
        carried.changed_at,
        cast({{ local_time('carried.changed_at') }} as date) as changed_on,
        try_cast(carried.expected_close_date as date) as expected_close_on
    from carried
    left join newest_stages
        on carried._source = newest_stages._source
        and carried.stage_id = newest_stages.id
    left join newest_pipelines
        on newest_stages._source = newest_pipelines._source
        and newest_stages.pipeline_id = newest_pipelines.id
    where carried.moment_rank = 1
)

select * from renamed
