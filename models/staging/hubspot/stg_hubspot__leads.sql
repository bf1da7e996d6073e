-- One row per lead: a contact, or a lead object where the settings say so; its newest version, merged ones too.
{%- set tables = [
    'account', 'contacts', 'leads', 'contact_history', 'lead_history',
    'pipeline_stages', 'associations', 'merged_contacts', 'merged_leads',
] %}
with
{%- for table in tables %}
{{ table }} as (
    select * from {{ source('raw_hubspot', table) }}
),
{% endfor %}
all_merges as (
    {{ hubspot_merges() }}
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

stages as (
    {{ newest_version('pipeline_stages', ['object_type', 'pipeline_id', 'id']) }}
),

linked as (
    {{ hubspot_linked() }}
),

since as (
    {{ hubspot_status_since() }}
),

first_qualified as (
    {{ hubspot_leads_converted() }}
),

together as (
    {{ hubspot_contacts_as_leads() }}
    union all
    {{ hubspot_lead_objects_as_leads() }}
),

described as (
    select
        together.*,
        all_merges.into_id,
        case when together.status = 'disqualified' then since.changed_at end as disqualified_at
    from together
    left join all_merges
        on together._source = all_merges._source and together.object_type = all_merges.object_type and together.id = all_merges.id
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
        {{ hashed_address('email') }} as email_hash,
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
