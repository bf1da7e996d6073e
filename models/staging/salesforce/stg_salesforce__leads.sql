-- One row per lead: its newest version. Only its history knows when it was disqualified, and the hour of a conversion.
with leads_source as (
    select * from {{ source('raw_salesforce', 'Lead') }}
),

history as (
    select distinct _source, leadid, field, oldvalue, newvalue, createddate from {{ source('raw_salesforce', 'LeadHistory') }}
),

contacts_source as (
    select * from {{ source('raw_salesforce', 'Contact') }}
),

members_source as (
    select * from {{ source('raw_salesforce', 'CampaignMember') }}
),

campaigns_source as (
    select * from {{ source('raw_salesforce', 'Campaign') }}
),

value_mappings as (
    select * from {{ ref('value_mappings') }} where field = 'lead_status' and canonical_value = 'disqualified'
),

leads as (
    {{ newest_version('leads_source', ['id']) }}
),

contacts as (
    {{ newest_version('contacts_source', ['id']) }}
),

members as (
    {{ newest_version('members_source', ['id']) }}
),

campaigns as (
    {{ newest_version('campaigns_source', ['id']) }}
),

conversions as (
    select _source, leadid, max(createddate) as converted_at
    from history
    where field = 'leadConverted'
    group by _source, leadid
),

disqualifications as (
    select history._source, history.leadid, max(history.createddate) as disqualified_at
    from history
    inner join value_mappings as after on {{ spelling('history.newvalue') }} = after.spelling
    left join value_mappings as before on {{ spelling('history.oldvalue') }} = before.spelling
    where history.field = 'Status' and before.spelling is null
    group by history._source, history.leadid
),

first_members as (
    select
        members._source,
        members.leadid,
        campaigns.name as campaign,
        row_number() over (
            partition by members._source, members.leadid order by members.createddate, members.id
        ) as member_rank
    from members
    inner join campaigns on members._source = campaigns._source and members.campaignid = campaigns.id
    where members.leadid is not null and not members._is_deleted and not coalesce(members.isdeleted, false)
),

{{ salesforce_lead_columns('leads', 'conversions', 'disqualifications', 'first_members', 'contacts') }}

select * from renamed
