-- One row per deal: its newest version. Its lead is the lead or contact linked to it that is there the longest.
with
{%- for table in ['account', 'deals', 'contacts', 'leads', 'line_items', 'associations', 'deal_history', 'pipeline_stages', 'merged_deals'] %}
{{ table }} as (
    select * from {{ source('raw_hubspot', table) }}
),
{% endfor %}
modes as (
    {{ newest_version('account', ['1']) }}
),

newest as (
    {{ newest_version('deals', ['id']) }}
),

items as (
    {{ newest_version('line_items', ['id']) }}
),

merged as (
    {{ newest_version('merged_deals', ['id']) }}
),

linked as (
    {{ hubspot_linked() }}
),

stages as (
    {{ hubspot_stage_labels() }}
),

changes as (
    {{ hubspot_deal_changes() }}
),

last_changes as (
    select _source, id, max_by(close_on, changed_at) as close_on from changes group by _source, id
),

deal_products as (
    {{ hubspot_main_products() }}
),

joined as (
    select
        newest.*,
        case when modes.leads = 'leads' then linked.linked_lead_id else linked.linked_contact_id end as person_id,
        linked.linked_company_id,
        deal_products.hs_product_id,
        coalesce(stages.stage, newest.dealstage) as stage_label,
        coalesce(stages.is_closed, false) as stage_is_closed,
        coalesce(stages.probability, newest.hs_deal_stage_probability) as stage_probability,
        last_changes.close_on as last_close_on,
        merged.id is not null as is_merged,
        cast({{ local_time('newest.closedate') }} as date) as close_on
    from newest
    left join modes on newest._source = modes._source
    left join linked on newest._source = linked._source and newest.id = linked.from_id and linked.from_type = 'deals'
    left join deal_products on newest._source = deal_products._source and newest.id = deal_products.linked_deal_id and deal_products.product_rank = 1
    left join stages on newest._source = stages._source and newest.dealstage = stages.id
    left join last_changes on newest._source = last_changes._source and newest.id = last_changes.id
    left join merged on newest._source = merged._source and newest.id = merged.id
),

renamed as (
    select
        -- ids
        {{ source_id('id') }} as opportunity_id,
        {{ source_id('person_id') }} as lead_id,
        {{ source_id('linked_company_id') }} as account_id,
        {{ source_id('hubspot_owner_id') }} as owner_id,
        {{ source_id('hs_product_id') }} as product_id,
        -- text
        stage_label as stage,
        lead_source as source,
        case when stage_is_closed and stage_probability = 0 then closed_lost_reason end as lost_reason,
        coalesce(upper(deal_currency_code), '{{ var("currency") }}') as currency,
        -- numerics
        amount,
        case when stage_is_closed then stage_probability else coalesce(hs_forecast_probability, stage_probability) end as probability,
        -- booleans
        case when stage_is_closed then stage_probability = 1 end as is_won,
        _is_deleted or coalesce(archived, false) or is_merged as is_deleted,
        -- moments
        createdate as created_at,
        cast({{ local_time('createdate') }} as date) as created_on,
        case when stage_is_closed then coalesce(last_close_on, close_on) else close_on end as expected_close_on,
        case when stage_is_closed then close_on end as closed_on,
        coalesce(archivedat, hs_lastmodifieddate) as updated_at,
        cast({{ local_time('coalesce(archivedat, hs_lastmodifieddate)') }} as date) as updated_on
    from joined
)

select * from renamed
