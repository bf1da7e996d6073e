-- One row per lead: one that Pipedrive shows or showed, or that became a deal before it was ever read.
-- Converting takes it away; its id is on the deal.
{%- set tables = {
    'leads': ['id'], 'deals': ['id'], 'deal_changes': ['entry'], 'persons': ['id'], 'field_options': ['part', 'id'],
} %}
with
{%- for table, key in tables.items() %}
newest_{{ table }} as (
    {{ newest_version(source('raw_pipedrive', table), key) }}
),
{% endfor %}
first_owners as (
    select _source, deal_id, min_by(old_value, number) as owner_id
    from newest_deal_changes
    where field_key = 'owner_id' and not _is_deleted
    group by _source, deal_id
),

-- the deal as it was made, with its first owner, is what the lead was in the end
converted as (
    select
        newest_deals.*,
        coalesce(first_owners.owner_id, newest_deals.owner_id) as first_owner_id,
        row_number() over (
            partition by newest_deals._source, newest_deals.source_lead_id order by newest_deals.add_time, newest_deals.id
        ) as deal_rank
    from newest_deals
    left join first_owners on newest_deals._source = first_owners._source and newest_deals.id = first_owners.deal_id
    where newest_deals.source_lead_id is not null
),

described as (
    select
        coalesce(newest_leads._source, converted._source) as _source,
        coalesce(newest_leads.id, converted.source_lead_id) as id,
        coalesce(newest_leads.owner_id, converted.first_owner_id) as owner_id,
        coalesce(newest_leads.organization_id, converted.org_id) as organization_id,
        coalesce(newest_leads.person_id, converted.person_id) as person_id,
        {%- for part in ['source', 'campaign', 'industry'] %}
        coalesce(newest_leads.part_{{ part }}, converted.part_{{ part }}) as part_{{ part }},
        {%- endfor %}
        newest_leads.part_status,
        coalesce(newest_leads.add_time, converted.source_lead_add_time, converted.add_time) as created_at,
        converted.add_time as converted_at,
        case when newest_leads.is_archived and converted.id is null then newest_leads.update_time end as disqualified_at,
        coalesce(newest_leads._is_deleted, false) and converted.id is null as is_deleted
    from newest_leads
    full outer join converted
        on newest_leads._source = converted._source
        and newest_leads.id = converted.source_lead_id
        and converted.deal_rank = 1
    where converted.id is null or converted.deal_rank = 1
),

renamed as (
    select
        described._source || ':' || described.id as lead_id,
        described._source || ':' || described.owner_id as owner_id,
        described._source || ':' || described.organization_id as account_id,
        described._source || ':' || described.person_id as contact_id,
        cast(null as string) as duplicate_of,
        {{ hashed_address('newest_persons.email') }} as email_hash,
        coalesce(sources.label, described.part_source) as source,
        coalesce(campaigns.label, described.part_campaign) as campaign,
        coalesce(industries.label, described.part_industry) as industry,
        case
            when described.converted_at is not null then 'converted'
            when described.disqualified_at is not null then 'disqualified'
            else coalesce(statuses.label, described.part_status)
        end as status,
        described.is_deleted,
        described.created_at,
        cast({{ local_time('described.created_at') }} as date) as created_on,
        described.converted_at,
        cast({{ local_time('described.converted_at') }} as date) as converted_on,
        described.disqualified_at,
        cast({{ local_time('described.disqualified_at') }} as date) as disqualified_on,
        cast(null as timestamp) as became_customer_at,
        cast(null as date) as became_customer_on
    from described
    left join newest_persons on described._source = newest_persons._source and described.person_id = newest_persons.id
    {%- for part, alias in [('source', 'sources'), ('campaign', 'campaigns'), ('industry', 'industries'), ('status', 'statuses')] %}
    left join newest_field_options as {{ alias }}
        on described._source = {{ alias }}._source
        and {{ alias }}.part = '{{ part }}'
        and described.part_{{ part }} = {{ alias }}.id
    {%- endfor %}
)

select * from renamed
