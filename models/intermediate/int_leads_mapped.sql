-- One row per lead of any CRM, deleted and merged ones too, in canonical values, with what had happened by the run's instant.
with run as (
    select * from {{ ref('stg_zeven__run') }}
),

value_mappings as (
    select * from {{ ref('value_mappings') }}
),

leads as (
    {{ union_crms('leads') }}
),

mapped as (
    select
        leads.*,
        coalesce(value_mappings.canonical_value, leads.status, 'new') as canonical_status,
        leads.status is not null and value_mappings.canonical_value is null as has_unmapped_status,
        {{ has_happened('leads.created') }} as is_created,
        coalesce({{ has_happened('leads.converted') }}, false) as is_converted_by_then,
        coalesce({{ has_happened('leads.disqualified') }}, false) as is_disqualified_by_then,
        coalesce({{ has_happened('leads.became_customer') }}, false) as is_customer_by_then
    from leads
    cross join run
    left join value_mappings
        on value_mappings.field = 'lead_status' and {{ spelling('leads.status') }} = value_mappings.spelling
),

known_by_then as (
    select
        lead_id,
        owner_id,
        account_id,
        contact_id,
        duplicate_of,
        email_hash,
        source,
        campaign,
        industry,
        -- a status that the lead got after the run's instant is not known yet
        case
            when canonical_status = 'converted' and converted_on is not null and not is_converted_by_then then 'working'
            when canonical_status = 'disqualified' and disqualified_on is not null and not is_disqualified_by_then then 'working'
            else canonical_status
        end as status,
        is_deleted,
        is_created,
        has_unmapped_status,
        created_at,
        created_on,
        case when is_converted_by_then then converted_at end as converted_at,
        case when is_converted_by_then then converted_on end as converted_on,
        case when is_disqualified_by_then then disqualified_at end as disqualified_at,
        case when is_disqualified_by_then then disqualified_on end as disqualified_on,
        case when is_customer_by_then then became_customer_at end as became_customer_at,
        case when is_customer_by_then then became_customer_on end as became_customer_on
    from mapped
)

select * from known_by_then
