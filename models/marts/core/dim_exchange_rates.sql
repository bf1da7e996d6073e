-- One row per currency and interval of validity [valid_from, valid_to): company currency per unit. The company's own is always 1.
with rates as (
    select * from {{ ref('int_exchange_rates') }}
),

described as (
    select
        currency,
        valid_from,
        valid_to,
        rate
    from rates
)

select * from described
