-- One row per period, level and breakdown value: what was open and qualified at the period's end, or at the run's instant, and how
-- the pipeline moved there from the period before.
{% set moves_in = ['created_amount', 'reopened_amount'] %}
{% set moves_out = ['won_amount', 'lost_amount', 'removed_amount'] %}
with cut as (
    select * from {{ ref('int_open_pipeline_by_period') }}
),

movement as (
    select * from {{ ref('int_pipeline_movement_by_period') }}
),

gathered as (
    {{ kpi_rows(
        {
            'cut': [
                'open_opportunities', 'open_amount', 'weighted_amount', 'age_days', 'stale_opportunities', 'overdue_opportunities',
                'opportunities_without_amount', 'reconstructed_opportunities',
            ],
            'movement': ['created_amount', 'reopened_amount', 'won_amount', 'lost_amount', 'removed_amount'],
        },
        compared={'opening_amount': ['cut', 'open_amount', 'previous_no']},
    ) }}
),

measured as (
    select
        {{ shared_kpi_columns() }},
        -- which stage or month a past value came from is not asked
        breakdown not in ('stage', 'expected_close_month') as is_balanced,
        coalesce(open_opportunities, 0) as open_opportunities,
        {{ money_or_zero('open_amount') }} as open_amount,
        {{ money_or_zero('weighted_amount') }} as weighted_amount,
        {{ ratio('age_days', 'open_opportunities') }} as mean_age_days,
        coalesce(stale_opportunities, 0) as stale_opportunities,
        coalesce(overdue_opportunities, 0) as overdue_opportunities,
        coalesce(opportunities_without_amount, 0) as opportunities_without_amount,
        {{ money_or_zero('opening_amount') }} as opening_amount,
        {%- for column in moves_in + moves_out %}
        {{ money_or_zero(column) }} as {{ column }},
        {%- endfor %}
        coalesce(reconstructed_opportunities, 0) > 0 as is_reconstructed
    from gathered
),

balanced as (
    select
        {{ shared_kpi_columns() }},
        open_opportunities,
        open_amount,
        weighted_amount,
        mean_age_days,
        stale_opportunities,
        overdue_opportunities,
        opportunities_without_amount,
        case when is_balanced then opening_amount end as opening_amount,
        {%- for column in moves_in %}
        case when is_balanced then {{ column }} end as {{ column }},
        {%- endfor %}
        case
            when is_balanced
                then cast(open_amount - opening_amount - {{ moves_in | join(' - ') }} + {{ moves_out | join(' + ') }} as decimal(18, 2))
        end as changed_amount,
        {%- for column in moves_out %}
        case when is_balanced then {{ column }} end as {{ column }},
        {%- endfor %}
        is_reconstructed
    from measured
)

select * from balanced
