-- One row per deal: its newest version. Its lead is the lead or contact linked to it that is there the longest.
{%- set lead_link = "newest_links.to_type = case when modes.leads = 'leads' then 'leads' else 'contacts' end" %}
with account as (
    select * from {{ source('raw_hubspot', 'account') }}
),

deals as (
    select * from {{ source('raw_hubspot', 'deals') }}
),

contacts as (
    select * from {{ source('raw_hubspot', 'contacts') }}
),

leads as (
    select * from {{ source('raw_hubspot', 'leads') }}
),

line_items as (
    select * from {{ source('raw_hubspot', 'line_items') }}
),

associations as (
    select * from {{ source('raw_hubspot', 'associations') }}
),

deal_history as (
    select * from {{ source('raw_hubspot', 'deal_history') }}
),

pipeline_stages as (
    select * from {{ source('raw_hubspot', 'pipeline_stages') }}
),

merged_deals as (
    select * from {{ source('raw_hubspot', 'merged_deals') }}
),

merged as (
    select distinct _source, id from merged_deals where not _is_deleted
),

modes as (
    {{ newest_version('account', ['1']) }}
),

newest as (
    {{ newest_version('deals', ['id']) }}
),

people as (
    select _source, 'contacts' as object_type, id, min(createdate) as created_at from contacts group by _source, id
    union all
    select _source, 'leads' as object_type, id, min(hs_createdate) as created_at from leads group by _source, id
),

items as (
    {{ newest_version('line_items', ['id']) }}
),

newest_links as (
    {{ newest_version('associations', ['parent', 'to_id']) }}
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

deal_leads as (
    select
        newest_links._source,
        newest_links.from_id,
        newest_links.to_id,
        row_number() over (
            partition by newest_links._source, newest_links.from_id
            order by people.created_at nulls last, newest_links.to_id
        ) as link_rank
    from newest_links
    inner join modes on newest_links._source = modes._source
    left join people
        on newest_links._source = people._source and newest_links.to_type = people.object_type and newest_links.to_id = people.id
    where newest_links.from_type = 'deals' and not newest_links._is_deleted and {{ lead_link }}
),

deal_companies as (
    select
        _source,
        from_id,
        to_id,
        -- type 5 is the primary company
        row_number() over (
            partition by _source, from_id order by case when types like '%,5,%' then 1 else 2 end, to_id
        ) as link_rank
    from newest_links
    where from_type = 'deals' and to_type = 'companies' and not _is_deleted
),

deal_products as (
    select
        newest_links._source,
        newest_links.to_id,
        items.hs_product_id,
        row_number() over (
            partition by newest_links._source, newest_links.to_id order by items.amount desc nulls last, items.id
        ) as product_rank
    from newest_links
    inner join items on newest_links._source = items._source and newest_links.from_id = items.id
    where
        newest_links.from_type = 'line_items' and newest_links.to_type = 'deals' and not newest_links._is_deleted
        and not items._is_deleted and not coalesce(items.archived, false) and items.hs_product_id is not null
),

joined as (
    select
        newest.*,
        deal_leads.to_id as linked_lead_id,
        deal_companies.to_id as linked_company_id,
        deal_products.hs_product_id,
        coalesce(stages.stage, newest.dealstage) as stage_label,
        coalesce(stages.is_closed, false) as stage_is_closed,
        coalesce(stages.probability, newest.hs_deal_stage_probability) as stage_probability,
        last_changes.close_on as last_close_on,
        merged.id is not null as is_merged,
        cast({{ local_time('newest.closedate') }} as date) as close_on
    from newest
    left join deal_leads on newest._source = deal_leads._source and newest.id = deal_leads.from_id and deal_leads.link_rank = 1
    left join deal_companies
        on newest._source = deal_companies._source and newest.id = deal_companies.from_id and deal_companies.link_rank = 1
    left join deal_products on newest._source = deal_products._source and newest.id = deal_products.to_id and deal_products.product_rank = 1
    left join stages on newest._source = stages._source and newest.dealstage = stages.id
    left join last_changes on newest._source = last_changes._source and newest.id = last_changes.id
    left join merged on newest._source = merged._source and newest.id = merged.id
),

renamed as (
    select
        -- ids
        {{ source_id('id') }} as opportunity_id,
        {{ source_id('linked_lead_id') }} as lead_id,
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
