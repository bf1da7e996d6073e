-- One row per opportunity: its newest version. The one date it has is the expected close, and the close once it is closed.
with opportunities_source as (
    select * from {{ source('raw_salesforce', 'Opportunity') }}
),

leads_source as (
    select * from {{ source('raw_salesforce', 'Lead') }}
),

lines_source as (
    select * from {{ source('raw_salesforce', 'OpportunityLineItem') }}
),

organizations_source as (
    select * from {{ source('raw_salesforce', 'Organization') }}
),

opportunities as (
    {{ newest_version('opportunities_source', ['id']) }}
),

leads as (
    {{ newest_version('leads_source', ['id']) }}
),

lines as (
    {{ newest_version('lines_source', ['id']) }}
),

organizations as (
    {{ newest_version('organizations_source', ['id']) }}
),

converted_leads as (
    select _source, convertedopportunityid, min(id) as lead_id
    from leads
    where convertedopportunityid is not null
    group by _source, convertedopportunityid
),

counted_lines as (
    {{ salesforce_lines('lines', 'opportunities') }}
),

ranked_lines as (
    select
        _source,
        opportunityid,
        product2id,
        row_number() over (
            partition by _source, opportunityid order by totalprice desc nulls last, id asc
        ) as line_rank
    from counted_lines
),

renamed as (
    select
        -- ids
        opportunities._source || ':' || opportunities.id as opportunity_id,
        opportunities._source || ':' || converted_leads.lead_id as lead_id,
        opportunities._source || ':' || opportunities.accountid as account_id,
        opportunities._source || ':' || opportunities.ownerid as owner_id,
        opportunities._source || ':' || ranked_lines.product2id as product_id,
        -- text
        opportunities.stagename as stage,
        opportunities.leadsource as source,
        opportunities.lostreason_z as lost_reason,
        coalesce(opportunities.currencyisocode, organizations.defaultcurrencyisocode, '{{ var("currency") }}') as currency,
        -- numerics
        cast(opportunities.amount as decimal(18, 2)) as amount,
        opportunities.probability / 100e0 as probability,
        -- booleans
        case when opportunities.isclosed then coalesce(opportunities.iswon, false) end as is_won,
        opportunities._is_deleted or coalesce(opportunities.isdeleted, false) as is_deleted,
        -- moments
        opportunities.createddate as created_at,
        cast({{ local_time('opportunities.createddate') }} as date) as created_on,
        opportunities.closedate as expected_close_on,
        case when opportunities.isclosed then opportunities.closedate end as closed_on,
        opportunities.systemmodstamp as updated_at,
        cast({{ local_time('opportunities.systemmodstamp') }} as date) as updated_on
    from opportunities
    left join converted_leads
        on opportunities._source = converted_leads._source and opportunities.id = converted_leads.convertedopportunityid
    left join ranked_lines
        on opportunities._source = ranked_lines._source and opportunities.id = ranked_lines.opportunityid and ranked_lines.line_rank = 1
    left join organizations on opportunities._source = organizations._source
)

select * from renamed
