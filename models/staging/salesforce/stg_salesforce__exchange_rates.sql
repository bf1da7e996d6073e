-- One row per currency and first day of validity: company currency per unit. Salesforce keeps units per unit of the corporate
-- currency, dated or, without dates, as they are now.
with types_source as (
    select * from {{ source('raw_salesforce', 'CurrencyType') }}
),

rates_source as (
    select * from {{ source('raw_salesforce', 'DatedConversionRate') }}
),

types as (
    {{ newest_version('types_source', ['id']) }}
),

dated as (
    {{ newest_version('rates_source', ['id']) }}
),

per_corporate as (
    select _source, upper(isocode) as currency, conversionrate as units, startdate as valid_from
    from dated
    where not _is_deleted and conversionrate > 0
    union all
    select types._source, upper(types.isocode) as currency, types.conversionrate as units, date '1900-01-01' as valid_from
    from types
    where
        not types._is_deleted
        and types.conversionrate > 0
        and not exists (
            select 1 from dated where dated._source = types._source and upper(dated.isocode) = upper(types.isocode)
        )
),

bounded as (
    select
        *,
        coalesce(
            lead(valid_from) over (partition by _source, currency order by valid_from), date '9999-12-31'
        ) as valid_to
    from per_corporate
),

companys as (
    select * from bounded where currency = '{{ var("currency") }}'
),

starts as (
    select _source, currency, valid_from from per_corporate
    union
    select bounded._source, bounded.currency, companys.valid_from
    from bounded
    inner join companys on bounded._source = companys._source
),

renamed as (
    select
        starts._source as rate_source,
        starts.currency,
        cast(companys.units / bounded.units as decimal(18, 8)) as rate,
        starts.valid_from
    from starts
    inner join bounded
        on starts._source = bounded._source
        and starts.currency = bounded.currency
        and starts.valid_from >= bounded.valid_from
        and starts.valid_from < bounded.valid_to
    inner join companys
        on starts._source = companys._source
        and starts.valid_from >= companys.valid_from
        and starts.valid_from < companys.valid_to
    where starts.currency <> '{{ var("currency") }}'
)

select * from renamed
