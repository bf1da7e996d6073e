-- One row per opportunity: a deal, archived or not, in its newest version.
with newest_deals as (
    {{ newest_version(source('raw_pipedrive', 'deals'), ['id']) }}
),

newest_stages as (
    {{ newest_version(source('raw_pipedrive', 'stages'), ['id']) }}
),

newest_pipelines as (
    {{ newest_version(source('raw_pipedrive', 'pipelines'), ['id']) }}
),

newest_lines as (
    {{ newest_version(source('raw_pipedrive', 'deal_products'), ['id']) }}
),

newest_options as (
    {{ newest_version(source('raw_pipedrive', 'field_options'), ['part', 'id']) }}
),

largest_lines as (
    select
        *,
        row_number() over (partition by _source, deal_id order by sum desc nulls last, cast(id as bigint)) as line_rank
    from newest_lines
    where not _is_deleted and coalesce(is_enabled, true)
),

described as (
    select
        newest_deals.*,
        largest_lines.product_id,
        coalesce(newest_options.label, newest_deals.part_source) as source,
        -- won and lost are no stages of Pipedrive: such a deal keeps the stage that it was in
        case
            when newest_deals.status in ('won', 'lost') then newest_deals.status
            else coalesce(newest_stages.name, newest_deals.stage_id)
        end as stage,
        -- a pipeline that reckons without probabilities has 100 % in every stage
        case
            when newest_deals.status = 'won' then 1.0
            when newest_deals.status = 'lost' then 0.0
            when coalesce(newest_pipelines.is_deal_probability_enabled, false)
                then coalesce(newest_deals.probability, newest_stages.deal_probability) / 100
        end as likelihood,
        case newest_deals.status
            when 'won' then coalesce(newest_deals.won_time, newest_deals.close_time)
            when 'lost' then coalesce(newest_deals.lost_time, newest_deals.close_time)
        end as closed_at
    from newest_deals
    left join newest_stages
        on newest_deals._source = newest_stages._source
        and newest_deals.stage_id = newest_stages.id
    left join newest_pipelines
        on newest_deals._source = newest_pipelines._source
        and newest_deals.pipeline_id = newest_pipelines.id
    left join largest_lines
        on newest_deals._source = largest_lines._source
        and newest_deals.id = largest_lines.deal_id
        and largest_lines.line_rank = 1
    left join newest_options
        on newest_deals._source = newest_options._source
        and newest_options.part = 'source'
        and newest_deals.part_source = newest_options.id
),

renamed as (
    select
        {{ source_id('id') }} as opportunity_id,
        {{ source_id('source_lead_id') }} as lead_id,
        {{ source_id('org_id') }} as account_id,
        {{ source_id('owner_id') }} as owner_id,
        {{ source_id('product_id') }} as product_id,
        stage,
        source,
        case when status = 'lost' then lost_reason end as lost_reason,
        coalesce(upper(currency), '{{ var("currency") }}') as currency,
        -- numerics: a deal without a value has the value 0
        nullif(value, 0) as amount,
        cast(likelihood as double) as probability,
        -- booleans
        case status when 'won' then true when 'lost' then false end as is_won,
        _is_deleted or coalesce(is_deleted, false) or coalesce(status = 'deleted', false) as is_deleted,
        -- moments
        add_time as created_at,
        cast({{ local_time('add_time') }} as date) as created_on,
        expected_close_date as expected_close_on,
        cast({{ local_time('closed_at') }} as date) as closed_on,
        update_time as updated_at,
        cast({{ local_time('update_time') }} as date) as updated_on
    from described
)

select * from renamed
