-- One row per close period, level and breakdown value: what was won and lost, by the rep who owned it at the close.
with spine as (
    select * from {{ ref('int_kpi_spine') }}
),

periods as (
    select * from {{ ref('int_periods') }}
),

cut as (
    select * from {{ ref('int_closed_sales_by_period') }}
),

keys as (
    {{ kpi_keys(['cut']) }}
),

compared as (
    select
        {{ shared_kpi_columns('keys') }},
        coalesce(cut.won_opportunities, 0) as won_opportunities,
        coalesce(cut.closed_amount, 0) as closed_amount,
        {{ ratio('cut.closed_amount', 'cut.won_opportunities') }} as mean_deal_amount,
        cut.median_deal_amount,
        coalesce(cut.lost_opportunities, 0) as lost_opportunities,
        coalesce(cut.lost_amount, 0) as lost_amount,
        {{ ratio('cut.won_opportunities', 'cut.won_opportunities + cut.lost_opportunities') }} as win_ratio,
        cut.median_sales_cycle_days,
        coalesce(cut.won_without_amount, 0) as won_without_amount,
        {{ compared_with('previous.closed_amount', 'keys.previous_period_start') }} as previous_closed_amount,
        {{ compared_with('last_year.closed_amount', 'keys.last_year_period_start') }} as same_period_last_year_closed_amount
    from keys
    left join cut on {{ same_kpi_key('keys', 'cut') }}
    left join cut as previous on {{ same_kpi_key('keys', 'previous', period='previous_period_start') }}
    left join cut as last_year on {{ same_kpi_key('keys', 'last_year', period='last_year_period_start') }}
)

select * from compared
