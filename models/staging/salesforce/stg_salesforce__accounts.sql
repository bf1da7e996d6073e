-- One row per account: its newest version. Of an account that is a person no name is kept.
with source as (
    select * from {{ source('raw_salesforce', 'Account') }}
),

newest as (
    {{ newest_version('source', ['id']) }}
),

renamed as (
    select
        {{ source_id('id') }} as account_id,
        case when not coalesce(ispersonaccount, false) then name end as account_name,
        -- an alias also gives the column its small letters
        nullif(industry, '') as industry,
        coalesce(billingcountrycode, billingcountry) as country
    from newest
    where not _is_deleted and not coalesce(isdeleted, false)
)

select * from renamed
