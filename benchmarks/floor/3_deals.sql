-- The past of the opportunities, from three sorts by number instead of one for every column.
create temp table stage_meanings as
select stages.stage, coalesce(stage_map.is_qualified, true) as is_qualified, stage_map.outcome, stage_map.probability
from (select stage from told union select stage from opportunity union select 'unknown') as stages
left join stage_map on spelling(stages.stage) = stage_map.stage;

create temp table state as
with known as (
    -- before the first thing known it was as that says
    select rowid as deal_no, created_at as born_at, timestamp '-infinity' as told_at, 0 as told_order, false as is_told,
        owner_id, stage, currency, amount, probability, expected_close_on
    from opportunity
    union all
    select
        opportunity.rowid, opportunity.created_at, told.changed_at, 1, true,
        {%- for column in ['owner_id', 'stage', 'currency', 'amount', 'probability', 'expected_close_on'] %}
        {%- if column == 'stage' %}
        told.stage,
        {%- else %}
        case when tells_{{ column }} then {{ "coalesce(told.currency, '" ~ currency ~ "')" if column == 'currency' else 'told.' ~ column }} else opportunity.{{ column }} end{{ ',' if not loop.last }}
        {%- endif %}
        {%- endfor %}
    from told
    cross join tells
    cross join stg_zeven__run as run
    inner join opportunity on told.opportunity_id = opportunity.opportunity_id
    where told.changed_at <= run.as_of
    union all
    select opportunity.rowid, created_at, told_at, 2, true, owner_id, stage, currency, amount, probability, expected_close_on
    from opportunity, stg_zeven__run as run
    where told_at <= run.as_of
),

valued as (
    select
        deal_no,
        greatest(told_at, born_at) as valid_from,
        lead(greatest(told_at, born_at)) over following as next_from,
        not is_told as is_reconstructed,
        {%- for column in ['owner_id', 'currency', 'amount', 'probability', 'expected_close_on'] %}
        case when is_told then {{ column }} else lead({{ column }}, 1, {{ column }}) over following end as {{ column }},
        {%- endfor %}
        coalesce(
            last_value(case when is_told then stage end ignore nulls) over following,
            first_value(case when is_told then stage end ignore nulls) over (following rows between current row and unbounded following),
            stage
        ) as stage
    from known
    window following as (partition by deal_no order by told_at, told_order)
),

compared as (
    select *
    from valued
    where next_from is distinct from valid_from
    window in_time as (partition by deal_no order by valid_from)
    qualify
        {%- for column in ['is_reconstructed', 'owner_id', 'stage', 'currency', 'amount', 'probability', 'expected_close_on'] %}
        {{ 'or ' if not loop.first }}{{ column }} is distinct from lag({{ column }}) over in_time
        {%- endfor %}
)

select
    compared.deal_no,
    compared.valid_from,
    lead(compared.valid_from, 1, timestamp '9999-12-31') over in_time as valid_to,
    compared.owner_id,
    compared.stage,
    compared.currency,
    compared.amount,
    coalesce(compared.probability, stage_meanings.probability) as probability,
    compared.expected_close_on,
    compared.is_reconstructed,
    stage_meanings.outcome as stage_outcome,
    coalesce(
        last_value(case when stage_meanings.outcome is null then stage_meanings.is_qualified end ignore nulls) over in_time, true
    ) as is_qualified
from compared
left join stage_meanings on compared.stage = stage_meanings.stage
window in_time as (partition by compared.deal_no order by compared.valid_from);

-- each opportunity as it was at the run's instant, with the rep whose it is
create temp table deal as
with stated as (
    select
        opportunity.rowid as deal_no,
        opportunity.* exclude (owner_id, stage, currency, amount, probability, expected_close_on),
        greatest(timezone('UTC', timezone('{{ time_zone }}', opportunity.closed_on + interval 86399 second)), opportunity.created_at) as decided_at,
        at_instant.owner_id as owner_now,
        at_instant.stage,
        at_instant.is_qualified,
        at_instant.currency,
        at_instant.amount as source_amount,
        at_instant.probability,
        at_instant.expected_close_on,
        case when opportunity.is_closed then opportunity.closed_on else run.as_of_on end as rate_on
    from opportunity
    cross join stg_zeven__run as run
    left join (select state.* from state, stg_zeven__run as run where run.as_of >= state.valid_from and run.as_of < state.valid_to) as at_instant
        on opportunity.rowid = at_instant.deal_no
),

owned as (
    select stated.*, case when stated.is_closed then state.owner_id else stated.owner_now end as owner_id
    from stated
    left join state
        on case when stated.is_closed then stated.deal_no end = state.deal_no and stated.decided_at >= state.valid_from and stated.decided_at < state.valid_to
)

select
    owned.*,
    coalesce(rep_numbers.rep_no, (select rep_no from rep_numbers where rep_id = 'unassigned')) as rep_no,
    case
        when owned.source_amount is null then 0::decimal(18, 2)
        else cast(round(owned.source_amount * coalesce(rates.rate, cast(error('no rate of ' || owned.currency) as decimal(18, 8))), 2) as decimal(18, 2))
    end as amount
from owned
left join rep_numbers on '{{ source }}:' || owned.owner_id = rep_numbers.rep_id
left join int_exchange_rates as rates
    on owned.currency = rates.currency and rates.valid_from <= owned.rate_on and rates.valid_to > owned.rate_on;

create table fct_opportunities as
select
    '{{ source }}:' || opportunity_id as opportunity_id,
    '{{ source }}:' || counted_lead.lead_id as lead_id,
    '{{ source }}:' || deal.account_id as account_id,
    reps.rep_id,
    reps.team_id,
    coalesce(lead_reps.rep_id, 'unknown') as lead_rep_id,
    deal.source,
    deal.industry,
    coalesce(stage, 'unknown') as stage,
    is_qualified,
    deal.created_at,
    deal.created_on,
    expected_close_on,
    closed_on,
    outcome,
    is_open,
    is_closed,
    lost_reason,
    currency,
    source_amount,
    amount,
    source_amount is not null as has_amount,
    probability,
    cents(amount * probability) as weighted_amount,
    case when is_closed then cast(closed_on - deal.created_on as bigint) end as sales_cycle_days
from deal
inner join rep_numbers as reps on deal.rep_no = reps.rep_no
left join rep_numbers as lead_reps on deal.lead_rep_no = lead_reps.rep_no
left join counted_lead on deal.lead_no = counted_lead.lead_no
where not is_deleted;

create table fct_opportunity_products as
select '{{ source }}:' || opportunity.opportunity_id as opportunity_id, product_shares.product_id, share_from, share_to
from product_shares
inner join opportunity on product_shares.deal_no = opportunity.rowid;

-- an interval in which it was closed or deleted becomes two
create temp table history as
with bounded as (
    select
        state.*,
        deal.over_from,
        deal.last_status,
        max(state.valid_from) filter (where state.stage_outcome is null and state.valid_from < deal.over_from)
            over (partition by state.deal_no) as last_open_from
    from state
    inner join (
        select
            deal_no,
            case when is_deleted then 'deleted' else outcome end as last_status,
            coalesce(
                least(
                    case
                        when is_closed then timezone('UTC', timezone('{{ time_zone }}', closed_on + interval 86399 second))
                        when not is_open then created_at
                    end,
                    case when is_deleted then deleted_at end
                ),
                timestamp '9999-12-31'
            ) as over_from
        from deal
        where not is_deleted or deleted_at is not null
    ) as deal on state.deal_no = deal.deal_no
),

cut as (
    select * exclude (valid_from, valid_to), valid_from, least(valid_to, over_from) as valid_to,
        stage_outcome is not null and coalesce(valid_from < last_open_from, false) as is_taken_back, false as is_over
    from bounded
    where valid_from < over_from
    union all
    select * exclude (valid_from, valid_to), greatest(valid_from, over_from), valid_to, false, true
    from bounded
    where valid_to > over_from
)

select
    cut.deal_no,
    cut.valid_from,
    cut.valid_to,
    coalesce(rep_numbers.rep_id, 'unassigned') as rep_id,
    coalesce(cut.stage, 'unknown') as stage,
    cut.is_qualified,
    case when cut.is_over then cut.last_status when cut.is_taken_back then cut.stage_outcome else 'open' end as status,
    cut.is_taken_back,
    cut.currency,
    cut.amount as source_amount,
    cut.probability,
    cut.expected_close_on,
    cut.is_reconstructed
from cut
left join rep_numbers on '{{ source }}:' || cut.owner_id = rep_numbers.rep_id;

create table fct_opportunity_history as
select '{{ source }}:' || opportunity.opportunity_id as opportunity_id, history.* exclude (deal_no)
from history
inner join opportunity on history.deal_no = opportunity.rowid;
