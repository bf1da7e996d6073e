-- One row per time that an opportunity came into the open qualified pipeline or left it, with what it was worth on that day.
-- Every win passes through: one that was not in the pipeline comes in and leaves on the day of its close.
with history as (
    select * from {{ ref('fct_opportunity_history') }}
),

opportunities as (
    select * from {{ ref('fct_opportunities') }}
),

rates as (
    select * from {{ ref('int_exchange_rates') }}
),

compared as (
    select
        *,
        status = 'open' and is_qualified as is_in,
        coalesce(lag(status = 'open' and is_qualified) over opportunity, false) as was_in,
        lag(case when is_taken_back then 'taken back' else status end) over opportunity as status_before,
        lag(currency) over opportunity as currency_before,
        lag(source_amount) over opportunity as source_amount_before
    from history
    window opportunity as (partition by opportunity_id order by valid_from)
),

turned as (
    select
        *,
        status = 'won' and not is_taken_back and coalesce(status_before <> 'won', true) as is_win,
        cast({{ local_time('valid_from') }} as date) as turned_on
    from compared
),

moved as (
    select
        opportunity_id,
        case when status_before in ('taken back', 'won', 'lost') then 'reopened' else 'created' end as move,
        turned_on,
        is_win as is_close,
        currency,
        source_amount
    from turned
    where (is_in and not was_in) or (is_win and not was_in)
    union all
    select
        opportunity_id,
        case when is_win then 'won' when status = 'lost' then 'lost' else 'removed' end as move,
        turned_on,
        is_win or (status = 'lost' and not is_taken_back) as is_close,
        currency_before as currency,
        source_amount_before as source_amount
    from turned
    where (was_in and not is_in) or is_win
),

valued as (
    select
        moved.opportunity_id,
        moved.move,
        case when moved.is_close then opportunities.closed_on else moved.turned_on end as moved_on,
        -- a close is worth what closed sales count
        case
            when moved.is_close then opportunities.amount
            else {{ converted('moved.source_amount', 'moved.currency', 'moved.turned_on') }}
        end as amount
    from moved
    left join opportunities on moved.opportunity_id = opportunities.opportunity_id
    left join rates on {{ rate_valid_on('moved.currency', 'moved.turned_on') }}
)

select * from valued
