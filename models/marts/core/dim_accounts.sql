-- One row per account, and one for `unknown`.
with accounts as (
    {{ union_crms('accounts') }}
),

described as (
    select
        account_id,
        account_name,
        coalesce(industry, 'unknown') as industry,
        country
    from accounts
    union all
    select 'unknown' as account_id, 'Unknown' as account_name, 'unknown' as industry, null as country
)

select * from described
