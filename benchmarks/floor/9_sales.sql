-- The kpi tables about opportunities.
create temp table closed_deals as
select
    deal.deal_no,
    deal.rep_no,
    rep_numbers.team_no,
    outcome = 'won' as is_won,
    deal.amount,
    source_amount is not null as has_amount,
    cast(closed_on - created_on as double) as cycle_days,
    week_no, month_no, quarter_no, year_no,
    source_values.value_no as source_no,
    industry_values.value_no as industry_no,
    owner_values.value_no as owner_no
from deal
inner join rep_numbers on deal.rep_no = rep_numbers.rep_no
left join rep_numbers as lead_reps on deal.lead_rep_no = lead_reps.rep_no
inner join day_numbers on deal.closed_on = day_numbers.date_day
{{ numbered('source', 'deal.source', 'source') }}
{{ numbered('industry', 'deal.industry', 'industry') }}
{{ numbered('lead_owner', "coalesce(lead_reps.rep_id, 'unknown')", 'owner') }}
where deal.is_closed and not deal.is_deleted;

create temp table share_numbers as
select product_shares.deal_no, product_shares.share_from, product_shares.share_to, product_values.value_no as product_no
from product_shares
{{ numbered('product', 'product_shares.product_id', 'product') }};

create temp table closed_parts as
select closed_deals.* exclude (amount), product_no, part_of(closed_deals.amount, share_from, share_to) as amount
from closed_deals
inner join share_numbers on closed_deals.deal_no = share_numbers.deal_no;

{% set won_and_lost = {
    'won_opportunities': 'count(*) filter (where is_won)',
    'closed_amount': 'cast(coalesce(sum(amount) filter (where is_won), 0) as decimal(18, 2))',
    'lost_opportunities': 'count(*) filter (where not is_won)',
    'lost_amount': 'cast(coalesce(sum(amount) filter (where not is_won), 0) as decimal(18, 2))',
    'won_without': 'count(*) filter (where is_won and not has_amount)',
} %}
{% set medians = {'median_deal_amount': 'median(amount::double)', 'median_sales_cycle_days': 'median(cycle_days)'} %}
{{ sums('deals_closed', [
    {'as': 'deals', 'table': 'closed_deals', 'values': ['source_no', 'industry_no', 'owner_no'], 'total': true},
    {'as': 'parts', 'table': 'closed_parts', 'values': ['product_no'], 'total': false},
], won_and_lost) }}
{{ wholes('deal_medians', '(select * from closed_deals where is_won) as won', medians, ['source_no', 'industry_no', 'owner_no']) }}
{{ wholes('part_medians', '(select * from closed_parts where is_won) as won', medians, ['product_no'], total=false) }}

create temp view int_closed_sales_by_period as
select period_no, member_no, value_no, closed_amount
from {{ with_texts('(select * from deals_closed where key & 1048575 = 0)') }};

{{ joined_as_written() }};

create table kpi_closed_sales as
with medians as (
    select * from deal_medians
    union all
    select * from part_medians
)

select
    {{ key_texts() }},
    coalesce(cut.won_opportunities, 0) as won_opportunities,
    coalesce(cut.closed_amount, 0)::decimal(18, 2) as closed_amount,
    ratio(cut.closed_amount, cut.won_opportunities) as mean_deal_amount,
    median_deal_amount,
    coalesce(cut.lost_opportunities, 0) as lost_opportunities,
    coalesce(cut.lost_amount, 0)::decimal(18, 2) as lost_amount,
    ratio(cut.won_opportunities, cut.won_opportunities + cut.lost_opportunities) as win_ratio,
    median_sales_cycle_days,
    coalesce(cut.won_without, 0) as won_without_amount,
    case when previous_no is not null then coalesce(previous.closed_amount, 0)::decimal(18, 2) end as previous_closed_amount,
    case when last_year_no is not null then coalesce(last_year.closed_amount, 0)::decimal(18, 2) end as same_period_last_year_closed_amount
from {{ with_texts(all_keys(['deals_closed'])) }}
left join deals_closed as cut on keys.key = cut.key
left join medians on keys.key = medians.key
{{ earlier('deals_closed', 'previous', 'previous_no') }}
{{ earlier('deals_closed', 'last_year', 'last_year_no') }};

{{ joined_as_estimated() }};

-- the last contact with an opportunity on a day, of its own or of its lead
create temp table deal_contacts as
select deal_no, occurred_on from moment where deal_no is not null
union
select opportunity.rowid, moment.occurred_on
from moment inner join opportunity on moment.lead_no = opportunity.lead_no;

create temp table open_deals as
with stocks as (
    select *, period_end = max(period_end) over (partition by period_type) as is_running from period_numbers
),

open_then as (
    select
        stocks.period_no, stocks.period_start, stocks.period_end, stocks.stock_on,
        open_states.* exclude (valid_from, valid_to, is_reconstructed),
        open_states.is_reconstructed and not stocks.is_running as is_reconstructed
    from stocks
    inner join (select * from history where status = 'open' and is_qualified) as open_states
        on open_states.valid_from < stocks.stock_before and open_states.valid_to >= stocks.stock_before
),

valued as (
    select
        open_then.*,
        case
            when source_amount is null then 0::decimal(18, 2)
            else cast(round(source_amount * coalesce(rates.rate, cast(error('no rate of ' || open_then.currency) as decimal(18, 8))), 2) as decimal(18, 2))
        end as amount,
        deal_contacts.occurred_on as contacted_on
    from open_then
    left join int_exchange_rates as rates
        on open_then.currency = rates.currency and rates.valid_from <= open_then.stock_on and rates.valid_to > open_then.stock_on
    asof left join deal_contacts on open_then.deal_no = deal_contacts.deal_no and open_then.stock_on >= deal_contacts.occurred_on
)

select
    valued.period_no,
    valued.deal_no,
    deal.rep_no,
    source_values.value_no as source_no,
    industry_values.value_no as industry_no,
    stage_values.value_no as stage_no,
    month_values.value_no as close_month_no,
    coalesce(valued.expected_close_on between valued.period_start and valued.period_end, false) as is_expected,
    valued.amount,
    cents(valued.amount * valued.probability) as weighted_amount,
    valued.source_amount is not null as has_amount,
    cast(valued.stock_on - deal.created_on as bigint) as age_days,
    valued.stock_on - greatest(coalesce(valued.contacted_on, deal.created_on), deal.created_on) > {{ stale_after_days }} as is_stale,
    coalesce(valued.expected_close_on < valued.stock_on, false) as is_overdue,
    valued.is_reconstructed
from valued
inner join deal on valued.deal_no = deal.deal_no
{{ numbered('source', 'deal.source', 'source') }}
{{ numbered('industry', 'deal.industry', 'industry') }}
{{ numbered('stage', 'valued.stage', 'stage') }}
{{ numbered('expected_close_month', "coalesce(strftime(valued.expected_close_on, '%Y-%m'), 'unknown')", 'month') }};

create temp table open_parts as
select
    open_deals.* exclude (amount, weighted_amount),
    product_no,
    part_of(open_deals.amount, share_from, share_to) as amount,
    part_of(open_deals.weighted_amount, share_from, share_to) as weighted_amount
from open_deals
inner join share_numbers on open_deals.deal_no = share_numbers.deal_no;

{{ sums('deals_open', [
    {'as': 'deals', 'table': 'open_deals', 'values': ['stage_no', 'source_no', 'industry_no', 'close_month_no'], 'total': true},
    {'as': 'parts', 'table': 'open_parts', 'values': ['product_no'], 'total': false},
], {
    'open_opportunities': 'count(*)',
    'open_amount': 'sum(amount)::decimal(18, 2)',
    'weighted_amount': 'coalesce(sum(weighted_amount), 0)::decimal(18, 2)',
    'age_days': 'sum(age_days)::bigint',
    'stale_opportunities': 'count(*) filter (where is_stale)',
    'overdue_opportunities': 'count(*) filter (where is_overdue)',
    'without_opportunities': 'count(*) filter (where not has_amount)',
    'reconstructed_opportunities': 'count(*) filter (where is_reconstructed)',
}, stock=true) }}

create temp table expected_deals as select * from open_deals where is_expected;
{{ sums('deals_expected', [{'as': 'deals', 'table': 'expected_deals', 'values': [], 'total': true}], {
    'open_amount': 'sum(amount)::decimal(18, 2)', 'weighted_amount': 'sum(weighted_amount)::decimal(18, 2)'
}, stock=true) }}

create temp view int_expected_pipeline_by_period as
select period_no, member_no, value_no, open_amount, weighted_amount
from {{ with_texts('deals_expected') }};

-- how opportunities came into the pipeline and left it
create temp table moves as
with compared as (
    select
        *,
        status = 'open' and is_qualified as is_in,
        coalesce(lag(status = 'open' and is_qualified) over in_time, false) as was_in,
        lag(case when is_taken_back then 'taken back' else status end) over in_time as status_before,
        lag(currency) over in_time as currency_before,
        lag(source_amount) over in_time as source_amount_before
    from history
    window in_time as (partition by deal_no order by valid_from)
),

turned as (
    select *, status = 'won' and not is_taken_back and coalesce(status_before <> 'won', true) as is_win
    from compared
    where is_in <> was_in or status = 'won'
),

moved as (
    select
        deal_no,
        case when status_before in ('taken back', 'won', 'lost') then 'reopened' else 'created' end as move,
        valid_from, is_win as is_close, currency, source_amount
    from turned
    where not was_in and (is_in or is_win)
    union all
    select
        deal_no,
        case when is_win then 'won' when status = 'lost' then 'lost' else 'removed' end,
        valid_from, is_win or (status = 'lost' and not is_taken_back), currency_before, source_amount_before
    from turned
    where (was_in and not is_in) or is_win
),

dated as (
    select moved.*, cast(local_time(valid_from) as date) as turned_on from moved
)

select
    dated.deal_no,
    deal.rep_no,
    dated.move,
    day_numbers.week_no,
    day_numbers.month_no,
    source_values.value_no as source_no,
    industry_values.value_no as industry_no,
    case
        when dated.is_close then case when not deal.is_deleted then deal.amount end
        when dated.source_amount is null then 0::decimal(18, 2)
        else cast(round(dated.source_amount * coalesce(rates.rate, cast(error('no rate of ' || dated.currency) as decimal(18, 8))), 2) as decimal(18, 2))
    end as amount
from dated
inner join deal on dated.deal_no = deal.deal_no
left join int_exchange_rates as rates
    on dated.currency = rates.currency and rates.valid_from <= dated.turned_on and rates.valid_to > dated.turned_on
inner join day_numbers on case when dated.is_close then case when not deal.is_deleted then deal.closed_on end else dated.turned_on end = day_numbers.date_day
{{ numbered('source', 'deal.source', 'source') }}
{{ numbered('industry', 'deal.industry', 'industry') }};

create temp table move_parts as
select moves.* exclude (amount), product_no, part_of(moves.amount, share_from, share_to) as amount
from moves
inner join share_numbers on moves.deal_no = share_numbers.deal_no;

{% set moved = {} %}
{% for move in ['created', 'reopened', 'won', 'lost', 'removed'] %}
{% do moved.update({move ~ '_amount': "coalesce(sum(amount) filter (where move = '" ~ move ~ "'), 0)::decimal(18, 2)"}) %}
{% endfor %}
{{ sums('pipeline_moves', [
    {'as': 'deals', 'table': 'moves', 'values': ['source_no', 'industry_no'], 'total': true},
    {'as': 'parts', 'table': 'move_parts', 'values': ['product_no'], 'total': false},
], moved) }}

{{ joined_as_written() }};

create table kpi_open_pipeline as
with measured as (
    select
        {{ key_texts() }},
        breakdown not in ('stage', 'expected_close_month') as is_balanced,
        coalesce(cut.open_opportunities, 0) as open_opportunities,
        coalesce(cut.open_amount, 0)::decimal(18, 2) as open_amount,
        coalesce(cut.weighted_amount, 0)::decimal(18, 2) as weighted_amount,
        ratio(cut.age_days, cut.open_opportunities) as mean_age_days,
        coalesce(cut.stale_opportunities, 0) as stale_opportunities,
        coalesce(cut.overdue_opportunities, 0) as overdue_opportunities,
        coalesce(cut.without_opportunities, 0) as opportunities_without_amount,
        coalesce(previous.open_amount, 0)::decimal(18, 2) as opening_amount,
        {%- for move in moved %}
        coalesce({{ move }}, 0)::decimal(18, 2) as {{ move }},
        {%- endfor %}
        coalesce(cut.reconstructed_opportunities, 0) > 0 as is_reconstructed
    from {{ with_texts(all_keys(['deals_open', 'pipeline_moves'])) }}
    left join deals_open as cut on keys.key = cut.key
    {{ earlier('deals_open', 'previous', 'previous_no') }}
    left join pipeline_moves on keys.key = pipeline_moves.key
)

select
    {{ key_texts() }},
    open_opportunities,
    open_amount,
    weighted_amount,
    mean_age_days,
    stale_opportunities,
    overdue_opportunities,
    opportunities_without_amount,
    case when is_balanced then opening_amount end as opening_amount,
    case when is_balanced then created_amount end as created_amount,
    case when is_balanced then reopened_amount end as reopened_amount,
    case
        when is_balanced
            then cast(open_amount - opening_amount - created_amount - reopened_amount + won_amount + lost_amount + removed_amount as decimal(18, 2))
    end as changed_amount,
    case when is_balanced then won_amount end as won_amount,
    case when is_balanced then lost_amount end as lost_amount,
    case when is_balanced then removed_amount end as removed_amount,
    is_reconstructed
from measured;

{{ joined_as_estimated() }};
