-- One row per product: its newest version.
with newest as (
    {{ newest_version(source('raw_pipedrive', 'products'), ['id']) }}
),

newest_options as (
    {{ newest_version(source('raw_pipedrive', 'field_options'), ['part', 'id']) }}
),

renamed as (
    select
        newest._source || ':' || newest.id as product_id,
        newest.name as product_name,
        coalesce(newest_options.label, newest.category) as product_family
    from newest
    left join newest_options
        on newest._source = newest_options._source
        and newest_options.part = 'product_category'
        and newest.category = newest_options.id
)

select * from renamed
