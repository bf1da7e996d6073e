-- One row per close period, level and breakdown value: what was won and lost, by the rep who owned it at the close.
with cut as (
    select * from {{ ref('int_closed_sales_by_period') }}
),

gathered as (
    {{ kpi_rows(
        {'cut': [
            'won_opportunities', 'closed_amount', 'median_deal_amount', 'lost_opportunities', 'lost_amount',
            'median_sales_cycle_days', 'won_without_amount',
        ]},
        compared={
            'previous_closed_amount': ['cut', 'closed_amount', 'previous_no'],
            'same_period_last_year_closed_amount': ['cut', 'closed_amount', 'last_year_no'],
        },
    ) }}
),

compared as (
    select
        {{ shared_kpi_columns() }},
        coalesce(won_opportunities, 0) as won_opportunities,
        coalesce(closed_amount, 0) as closed_amount,
        {{ ratio('closed_amount', 'won_opportunities') }} as mean_deal_amount,
        median_deal_amount,
        coalesce(lost_opportunities, 0) as lost_opportunities,
        coalesce(lost_amount, 0) as lost_amount,
        {{ ratio('won_opportunities', 'won_opportunities + lost_opportunities') }} as win_ratio,
        median_sales_cycle_days,
        coalesce(won_without_amount, 0) as won_without_amount,
        {{ compared_with('previous_closed_amount', 'previous_no') }} as previous_closed_amount,
        {{ compared_with('same_period_last_year_closed_amount', 'last_year_no') }} as same_period_last_year_closed_amount
    from gathered
)

select * from compared
