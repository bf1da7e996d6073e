-- One row per opportunity and product: its lines together.
with lines_source as (
    select * from {{ source('raw_salesforce', 'OpportunityLineItem') }}
),

opportunities_source as (
    select * from {{ source('raw_salesforce', 'Opportunity') }}
),

lines as (
    {{ newest_version('lines_source', ['id']) }}
),

opportunities as (
    {{ newest_version('opportunities_source', ['id']) }}
),

counted_lines as (
    {{ salesforce_lines('lines', 'opportunities') }}
),

summed as (
    select
        {{ source_id('opportunityid') }} as opportunity_id,
        {{ source_id('product2id') }} as product_id,
        sum(quantity) as quantity,
        cast(sum(totalprice) as decimal(18, 2)) as amount
    from counted_lines
    group by _source, opportunityid, product2id
)

select * from summed
