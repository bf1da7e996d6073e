-- One row per lead: a contact, or a lead object where the settings say so; its newest version, merged ones too.
with account as (
    select * from {{ source('raw_hubspot', 'account') }}
),

contacts as (
    select * from {{ source('raw_hubspot', 'contacts') }}
),

leads as (
    select * from {{ source('raw_hubspot', 'leads') }}
),

contact_history as (
    select * from {{ source('raw_hubspot', 'contact_history') }}
),

lead_history as (
    select * from {{ source('raw_hubspot', 'lead_history') }}
),

pipeline_stages as (
    select * from {{ source('raw_hubspot', 'pipeline_stages') }}
),

associations as (
    select * from {{ source('raw_hubspot', 'associations') }}
),

all_merges as (
    select _source, 'contacts' as object_type, id, into_id, _is_deleted from {{ source('raw_hubspot', 'merged_contacts') }}
    union all
    select _source, 'leads' as object_type, id, into_id, _is_deleted from {{ source('raw_hubspot', 'merged_leads') }}
),

modes as (
    {{ newest_version('account', ['1']) }}
),

newest_contacts as (
    {{ newest_version('contacts', ['id']) }}
),

newest_leads as (
    {{ newest_version('leads', ['id']) }}
),

newest_links as (
    {{ newest_version('associations', ['parent', 'to_id']) }}
),

stages as (
    {{ newest_version('pipeline_stages', ['object_type', 'pipeline_id', 'id']) }}
),

merges as (
    select _source, object_type, id, max(into_id) as into_id
    from all_merges
    where not _is_deleted
    group by _source, object_type, id
),

since as (
    select _source, 'contacts' as object_type, id, value, max(timestamp) as changed_at
    from contact_history
    where property = 'hs_lead_status' and not _is_deleted
    group by _source, id, value
    union all
    select _source, 'leads' as object_type, id, value, max(timestamp) as changed_at
    from lead_history
    where property = 'hs_pipeline_stage' and not _is_deleted
    group by _source, id, value
),

first_qualified as (
    select lead_history._source, lead_history.id, min(lead_history.timestamp) as qualified_at
    from lead_history
    inner join stages
        on lead_history._source = stages._source
        and lead_history.value = stages.id
        and stages.object_type = 'leads'
        and {{ spelling('stages.label') }} = 'converted'
    group by lead_history._source, lead_history.id
),

lead_contacts as (
    select
        _source,
        from_id,
        to_id,
        -- type 578 is the primary contact
        row_number() over (
            partition by _source, from_id order by case when types like '%,578,%' then 1 else 2 end, to_id
        ) as link_rank
    from newest_links
    where from_type = 'leads' and to_type = 'contacts' and not _is_deleted
),

of_contacts as (
    select
        newest_contacts._source,
        'contacts' as object_type,
        newest_contacts.id,
        newest_contacts.hubspot_owner_id,
        newest_contacts.associatedcompanyid,
        cast(null as string) as person_id,
        newest_contacts.lead_source,
        newest_contacts.lead_campaign,
        newest_contacts.industry,
        newest_contacts.hs_lead_status as status_value,
        case
            when modes.disqualified like '%;' || upper(newest_contacts.hs_lead_status) || ';%' then 'disqualified'
            when newest_contacts.lifecyclestage in ('opportunity', 'customer', 'evangelist', 'salesqualifiedlead')
                then newest_contacts.lifecyclestage
            else coalesce(newest_contacts.hs_lead_status, newest_contacts.lifecyclestage)
        end as status,
        newest_contacts._is_deleted or coalesce(newest_contacts.archived, false) as is_gone,
        newest_contacts.createdate as created_at,
        coalesce(newest_contacts.hs_v2_date_entered_opportunity, newest_contacts.hs_lifecyclestage_opportunity_date) as converted_at,
        coalesce(newest_contacts.hs_v2_date_entered_customer, newest_contacts.hs_lifecyclestage_customer_date) as became_customer_at
    from newest_contacts
    inner join modes on newest_contacts._source = modes._source
    where modes.leads = 'contacts'
),

of_leads as (
    select
        newest_leads._source,
        'leads' as object_type,
        newest_leads.id,
        newest_leads.hubspot_owner_id,
        newest_contacts.associatedcompanyid,
        newest_contacts.id as person_id,
        coalesce(newest_leads.lead_source, newest_contacts.lead_source) as lead_source,
        coalesce(newest_leads.lead_campaign, newest_contacts.lead_campaign) as lead_campaign,
        newest_contacts.industry,
        newest_leads.hs_pipeline_stage as status_value,
        case
            when stages.leadstate = 'UNQUALIFIED' then 'disqualified'
            when stages.leadstate = 'QUALIFIED' then stages.label
            else coalesce(stages.leadstate, stages.label, newest_leads.hs_pipeline_stage)
        end as status,
        newest_leads._is_deleted or coalesce(newest_leads.archived, false) as is_gone,
        newest_leads.hs_createdate as created_at,
        first_qualified.qualified_at as converted_at,
        cast(null as timestamp) as became_customer_at
    from newest_leads
    inner join modes on newest_leads._source = modes._source
    left join lead_contacts
        on newest_leads._source = lead_contacts._source and newest_leads.id = lead_contacts.from_id and lead_contacts.link_rank = 1
    left join newest_contacts on lead_contacts._source = newest_contacts._source and lead_contacts.to_id = newest_contacts.id
    left join stages
        on newest_leads._source = stages._source and newest_leads.hs_pipeline = stages.pipeline_id
        and newest_leads.hs_pipeline_stage = stages.id and stages.object_type = 'leads'
    left join first_qualified on newest_leads._source = first_qualified._source and newest_leads.id = first_qualified.id
    where modes.leads = 'leads'
),

together as (
    select * from of_contacts
    union all
    select * from of_leads
),

described as (
    select
        together.*,
        merges.into_id,
        case when together.status = 'disqualified' then since.changed_at end as disqualified_at
    from together
    left join merges
        on together._source = merges._source and together.object_type = merges.object_type and together.id = merges.id
    left join since
        on together._source = since._source and together.object_type = since.object_type and together.id = since.id
        and together.status_value = since.value
),

renamed as (
    select
        -- ids
        {{ source_id('id') }} as lead_id,
        {{ source_id('hubspot_owner_id') }} as owner_id,
        {{ source_id('associatedcompanyid') }} as account_id,
        {{ source_id('person_id') }} as contact_id,
        {{ source_id('into_id') }} as duplicate_of,
        -- text
        lead_source as source,
        lead_campaign as campaign,
        industry,
        status,
        -- booleans: what was merged is gone, and not deleted
        is_gone and into_id is null as is_deleted,
        -- moments
        created_at,
        cast({{ local_time('created_at') }} as date) as created_on,
        converted_at,
        cast({{ local_time('converted_at') }} as date) as converted_on,
        disqualified_at,
        cast({{ local_time('disqualified_at') }} as date) as disqualified_on,
        became_customer_at,
        cast({{ local_time('became_customer_at') }} as date) as became_customer_on
    from described
)

select * from renamed
