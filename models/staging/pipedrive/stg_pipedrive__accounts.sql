-- One row per account: an organization in its newest version.
with newest as (
    {{ newest_version(source('raw_pipedrive', 'organizations'), ['id']) }}
),

newest_options as (
    {{ newest_version(source('raw_pipedrive', 'field_options'), ['part', 'id']) }}
),

renamed as (
    select
        newest._source || ':' || newest.id as account_id,
        newest.name as account_name,
        coalesce(newest_options.label, newest.industry) as industry,
        newest.country
    from newest
    left join newest_options
        on newest._source = newest_options._source
        and newest_options.part = 'organization_industry'
        and newest.industry = newest_options.id
)

select * from renamed
