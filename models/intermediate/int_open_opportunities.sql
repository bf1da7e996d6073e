-- One row per period and opportunity that was open and qualified when the period's stock was taken, as it stood at that instant.
with periods as (
    select * from {{ ref('int_periods') }}
),

states as (
    select * from {{ ref('fct_opportunity_history') }}
),

opportunities as (
    select * from {{ ref('int_opportunities_as_of') }}
),

contacts as (
    select * from {{ ref('int_opportunity_contacts') }}
),

rates as (
    select * from {{ ref('int_exchange_rates') }}
),

open_at_instant as (
    select
        periods.period_no,
        periods.period_start,
        periods.period_end,
        periods.stock_on,
        opportunities.opportunity_id,
        opportunities.rep_id,
        opportunities.source,
        opportunities.industry,
        states.stage,
        states.currency,
        states.source_amount,
        states.probability,
        states.expected_close_on,
        opportunities.created_on,
        states.is_reconstructed and not periods.is_running as is_reconstructed
    from (select *, period_end = max(period_end) over (partition by period_type) as is_running from periods) as periods
    inner join states on states.valid_from < periods.stock_before and states.valid_to >= periods.stock_before
    inner join opportunities on states.opportunity_id = opportunities.opportunity_id
    where states.status = 'open' and states.is_qualified
),

valued as (
    select
        open_at_instant.*,
        {{ converted('open_at_instant.source_amount', 'open_at_instant.currency', 'open_at_instant.stock_on') }} as amount,
        coalesce(contacts.contacted_on, open_at_instant.created_on) as last_touched_on
    from open_at_instant
    left join rates on {{ rate_valid_on('open_at_instant.currency', 'open_at_instant.stock_on') }}
    left join contacts
        on open_at_instant.opportunity_id = contacts.opportunity_id
        and open_at_instant.stock_on >= contacts.contacted_on
        and open_at_instant.stock_on < contacts.next_contacted_on
),

judged as (
    select
        period_no,
        opportunity_id,
        rep_id,
        source,
        industry,
        stage,
        coalesce({{ month_key('expected_close_on') }}, 'unknown') as expected_close_month,
        coalesce(expected_close_on between period_start and period_end, false) as is_expected_in_period,
        amount,
        {{ to_cents('amount * probability') }} as weighted_amount,
        source_amount is not null as has_amount,
        {{ days_between('created_on', 'stock_on') }} as age_days,
        {{ days_between('greatest(last_touched_on, created_on)', 'stock_on') }} > {{ var('stale_after_days') }} as is_stale,
        coalesce(expected_close_on < stock_on, false) as is_overdue,
        is_reconstructed
    from valued
)

select * from judged
