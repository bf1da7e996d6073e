-- One row per currency and interval of validity [valid_from, valid_to): company currency per unit. The company's own is always 1.
with rates as (
    {{ union_crms('exchange_rates') }}
),

ranked as (
    select
        *,
        row_number() over (partition by currency, valid_from order by rate_source) as source_rank
    from rates
    where currency <> '{{ var("currency") }}'
),

bounded as (
    select
        currency,
        rate,
        valid_from,
        coalesce(lead(valid_from) over (partition by currency order by valid_from), date '9999-12-31') as valid_to
    from ranked
    where source_rank = 1
    union all
    select
        '{{ var("currency") }}' as currency,
        cast(1 as decimal(18, 8)) as rate,
        date '0001-01-01' as valid_from,
        date '9999-12-31' as valid_to
)

select * from bounded
