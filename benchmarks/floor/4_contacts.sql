-- Contact moments, the role that each plays for its lead, and what became of the leads.

create temp table lead_outcomes as
select
    lead_no,
    count(*) as opportunities,
    count(*) filter (where outcome = 'won' and not is_open) as won_opportunities,
    count(*) filter (where outcome = 'lost' and not is_open) as lost_opportunities,
    min(closed_on) filter (where outcome = 'won' and is_closed) as won_on,
    count(*) filter (where outcome = 'lost' and is_closed) as dated_losses,
    max(closed_on) filter (where outcome = 'lost' and is_closed) as last_lost_on,
    arg_min(deal_no, (case when outcome = 'won' and not is_open then 1 else 2 end, created_on, created_at, opportunity_id)) as deal_no
from deal
where lead_no is not null and not is_deleted
group by lead_no;

create temp table lead_end as
with judged as (
    select
        counted_lead.*,
        lead_outcomes.deal_no,
        coalesce(opportunities, 0) as opportunities,
        coalesce(won_opportunities, 0) as won_opportunities,
        case when lead_outcomes.lead_no is null then became_customer_at end as customer_at,
        case when lead_outcomes.lead_no is null then became_customer_on else won_on end as customer_on,
        coalesce(won_opportunities > 0, became_customer_on is not null) as is_customer,
        coalesce(opportunities = lost_opportunities, false) as is_lost,
        case when opportunities = dated_losses then last_lost_on end as lost_on,
        status = 'disqualified' or disqualified_on is not null as is_disqualified
    from counted_lead
    left join lead_outcomes on counted_lead.lead_no = lead_outcomes.lead_no
),

ended as (
    select
        *,
        least(customer_on, lost_on, disqualified_on) as ended_on,
        case
            when customer_on <= least(customer_on, lost_on, disqualified_on) then 'won'
            when lost_on <= least(lost_on, disqualified_on) then 'lost'
            when disqualified_on is not null then 'disqualified'
            when is_customer then 'won'
            when is_lost then 'lost'
            when is_disqualified then 'disqualified'
        end as end_reason,
        is_customer or is_lost or is_disqualified or status = 'converted' or converted_on is not null as has_left_workload
    from judged
)

select
    * exclude (became_customer_at, became_customer_on, customer_at, customer_on, lost_on, is_lost),
    customer_on as became_customer_on,
    case end_reason when 'won' then customer_at when 'disqualified' then disqualified_at end as ended_at,
    status in ('qualified', 'converted') or opportunities > 0 as is_qualified,
    case when has_left_workload then coalesce(least(converted_on, disqualified_on, customer_on, lost_on), created_on) end as left_workload_on
from ended;

-- which lead an activity with a contact belongs to: of several leads each has the days until the next came in
create temp table contact_links as
with converted as (
    select distinct lead.contact_id, counted_lead.lead_no, counted_lead.created_at, counted_lead.lead_id, counted_lead.created_on
    from lead
    inner join lead_links on lead.lead_id = lead_links.lead_id
    inner join counted_lead on lead_links.lead_no = counted_lead.lead_no
    where lead.contact_id is not null
)

select
    contact_id,
    lead_no,
    case when row_number() over in_time = 1 then date '0001-01-01' else created_on end as valid_from,
    lead(created_on, 1, date '9999-12-31') over in_time as valid_to
from converted
window in_time as (partition by contact_id order by created_at, lead_id);

create temp table activity_types as
select types.activity_type, coalesce(mappings.canonical_value, types.activity_type) as canonical_value
from (select distinct activity_type from raw_activities) as types
left join value_mappings_seed as mappings on mappings.field = 'activity_type' and spelling(types.activity_type) = mappings.spelling;

create temp table activity_directions as
select directions.direction, coalesce(mappings.canonical_value, coalesce(directions.direction, 'outbound')) as canonical_value
from (select distinct direction from raw_activities) as directions
left join value_mappings_seed as mappings
    on mappings.field = 'direction' and spelling(coalesce(directions.direction, 'outbound')) = mappings.spelling;

create temp table linked as
with counted as (
    select
        activities.activity_id, activities.owner_id, activities.lead_id, activities.opportunity_id, activities.contact_id,
        activities.occurred_at, types.canonical_value as channel
    from newest_activities as activities
    cross join stg_zeven__run as run
    inner join activity_types as types on activities.activity_type = types.activity_type
    inner join activity_directions as directions on activities.direction is not distinct from directions.direction
    where
        types.canonical_value in ('call', 'email', 'meeting', 'message')
        and (directions.canonical_value = 'outbound' or types.canonical_value = 'meeting')
        and coalesce(activities.is_completed, true)
        and not coalesce(activities.is_automated, false)
        and not coalesce(activities.is_deleted, false)
        and activities.occurred_at <= run.as_of
),

related as (
    select
        counted.activity_id,
        counted.owner_id,
        counted.channel,
        counted.occurred_at,
        {{ local_day('occurred') }} as occurred_on,
        coalesce(lead_links.lead_no, deals.lead_no) as lead_no,
        case when lead_links.lead_no is null and deals.lead_no is null then counted.contact_id end as contact_id,
        deals.deal_no
    from counted
    {{ hour_of('occurred') }}
    left join lead_links on counted.lead_id = lead_links.lead_id
    left join (select opportunity_id, deal_no, lead_no from deal where not is_deleted) as deals on counted.opportunity_id = deals.opportunity_id
)

select
    related.activity_id,
    related.occurred_at,
    related.occurred_on,
    related.channel,
    coalesce(related.lead_no, contact_links.lead_no) as lead_no,
    related.deal_no,
    coalesce(rep_numbers.rep_no, (select rep_no from rep_numbers where rep_id = 'unassigned')) as rep_no
from related
left join contact_links
    on related.contact_id = contact_links.contact_id
    and related.occurred_on >= contact_links.valid_from
    and related.occurred_on < contact_links.valid_to
left join rep_numbers on '{{ source }}:' || related.owner_id = rep_numbers.rep_id;

-- the first response: the earliest one since the lead came in; of several at one instant the lowest id
create temp table first_response as
with earliest as (
    select linked.lead_no, min(linked.occurred_at) as occurred_at
    from linked
    inner join counted_lead on linked.lead_no = counted_lead.lead_no
    where linked.occurred_at >= counted_lead.created_at
    group by linked.lead_no
)

select
    linked.lead_no,
    min(linked.activity_id) as activity_id,
    any_value(linked.occurred_at) as responded_at,
    any_value(linked.occurred_on) as responded_on,
    arg_min(linked.channel, linked.activity_id) as channel,
    arg_min(linked.rep_no, linked.activity_id) as rep_no
from linked
inner join earliest on linked.lead_no = earliest.lead_no and linked.occurred_at = earliest.occurred_at
group by linked.lead_no;

-- on deals of several products number k goes to the product in whose share the fraction of k times the golden ratio lies
create temp table moment_products as
with shared_deals as (
    select deal_no from product_shares group by deal_no having count(*) > 1
),

numbered as (
    select
        linked.activity_id,
        coalesce(linked.deal_no, lead_end.deal_no) as deal_no,
        row_number() over (partition by coalesce(linked.deal_no, lead_end.deal_no) order by linked.occurred_at, linked.activity_id)
            * 0.6180339887498949e0 as golden
    from linked
    left join lead_end on linked.lead_no = lead_end.lead_no
    where coalesce(linked.deal_no, lead_end.deal_no) in (from shared_deals)
)

select numbered.activity_id, product_shares.product_id
from numbered
inner join product_shares
    on numbered.deal_no = product_shares.deal_no
    and golden - floor(golden) >= product_shares.share_from
    and golden - floor(golden) < product_shares.share_to;

create temp table moment as
select
    linked.activity_id,
    linked.lead_no,
    linked.deal_no,
    linked.rep_no,
    linked.channel,
    linked.occurred_at,
    linked.occurred_on,
    case
        when lead_end.lead_no is null then 'no_lead'
        when linked.activity_id = first_response.activity_id then 'first_response'
        when linked.occurred_at < lead_end.created_at then 'before_lead'
        when case when lead_end.ended_at is not null then lead_end.ended_at < linked.occurred_at else lead_end.ended_on < linked.occurred_on end
            then 'after_end'
        else 'follow_up'
    end as contact_role,
    coalesce(lead_end.source, deal.source, 'unknown') as source,
    coalesce(lead_end.industry, deal.industry, 'unknown') as industry,
    coalesce(moment_products.product_id, single_products.product_id, 'unknown') as product_id
from linked
left join lead_end on linked.lead_no = lead_end.lead_no
left join first_response on linked.lead_no = first_response.lead_no
left join deal on linked.deal_no = deal.deal_no
left join moment_products on linked.activity_id = moment_products.activity_id
left join (select deal_no, min(product_id) as product_id from product_shares group by deal_no having count(*) = 1) as single_products
    on coalesce(linked.deal_no, lead_end.deal_no) = single_products.deal_no;

create table fct_contact_moments as
select
    '{{ source }}:' || moment.activity_id as activity_id,
    '{{ source }}:' || lead.lead_id as lead_id,
    '{{ source }}:' || opportunity.opportunity_id as opportunity_id,
    rep_numbers.rep_id,
    rep_numbers.team_id,
    moment.channel,
    moment.contact_role,
    moment.source,
    moment.industry,
    moment.product_id,
    moment.occurred_at,
    moment.occurred_on
from moment
inner join rep_numbers on moment.rep_no = rep_numbers.rep_no
left join lead on moment.lead_no = lead.rowid
left join opportunity on moment.deal_no = opportunity.rowid;

create temp table lead_fact as
with contacted as (
    select
        lead_no,
        count(*) filter (where contact_role in ('first_response', 'follow_up')) as contact_moments,
        count(*) filter (where contact_role = 'follow_up') as follow_ups
    from moment
    where lead_no is not null
    group by lead_no
),

largest_products as (
    select deal_no, arg_min(product_id, (-round(share_to - share_from, 12), product_id)) as product_id
    from product_shares
    group by deal_no
),

waited as (
    select
        lead_end.*,
        coalesce(largest_products.product_id, 'unknown') as product_id,
        coalesce(contacted.contact_moments, 0) as contact_moments,
        coalesce(contacted.follow_ups, 0) as follow_ups,
        not {{ is_excluded }} as has_response_clock,
        first_response.lead_no is not null as is_answered,
        first_response.responded_at,
        first_response.responded_on,
        first_response.channel as first_channel,
        first_response.rep_no as first_rep_no,
        case
            when first_response.lead_no is not null then first_response.responded_at
            else greatest(
                lead_end.created_at,
                least(
                    coalesce(lead_end.ended_at, timezone('UTC', timezone('{{ time_zone }}', lead_end.ended_on + interval 86399 second)), run.as_of),
                    run.as_of
                )
            )
        end as until_at,
        coalesce(first_response.responded_on, greatest(lead_end.created_on, coalesce(lead_end.ended_on, run.as_of_on))) as until_on
    from lead_end
    cross join stg_zeven__run as run
    left join first_response on lead_end.lead_no = first_response.lead_no
    left join contacted on lead_end.lead_no = contacted.lead_no
    left join largest_products on lead_end.deal_no = largest_products.deal_no
),

timed as (
    select
        waited.*,
        (epoch_us(until_at) - epoch_us(created_at)) / 60000000.0 as waiting_minutes,
        round(
            until_dates.business_minutes_before - created_dates.business_minutes_before
            + {{ minutes_of_day('until_at', 'until_dates') }} - {{ minutes_of_day('created_at', 'created_dates') }}, 9
        ) as business_waiting_minutes
    from waited
    left join dim_dates as created_dates on waited.created_on = created_dates.date_day
    left join dim_dates as until_dates on waited.until_on = until_dates.date_day
)

select
    timed.* exclude (waiting_minutes, business_waiting_minutes),
    case when has_response_clock then waiting_minutes end as waiting_minutes,
    case when has_response_clock then business_waiting_minutes end as business_waiting_minutes,
    case when has_response_clock and is_answered then waiting_minutes end as response_minutes,
    case when has_response_clock and is_answered then business_waiting_minutes end as business_response_minutes,
    has_response_clock and (is_answered or business_waiting_minutes > {{ sla_minutes }}) as is_sla_eligible,
    has_response_clock and is_answered and business_waiting_minutes <= {{ sla_minutes }} as is_within_sla,
    coalesce(end_reason in ('lost', 'disqualified') and contact_moments < {{ minimum_contact_moments }}, false) as is_abandoned
from timed;

create table fct_leads as
select
    '{{ source }}:' || lead_fact.lead_id as lead_id,
    reps.rep_id,
    reps.team_id,
    '{{ source }}:' || lead_fact.account_id as account_id,
    source,
    campaign,
    industry,
    product_id,
    status,
    lead_fact.created_at,
    lead_fact.created_on,
    is_qualified,
    is_disqualified,
    is_customer,
    not has_left_workload as is_open,
    has_response_clock,
    is_answered,
    responded_at as first_response_at,
    responded_on as first_response_on,
    first_channel as first_response_channel,
    first_reps.rep_id as first_response_rep_id,
    converted_on,
    disqualified_on,
    became_customer_on,
    cast(became_customer_on - lead_fact.created_on as bigint) as days_to_customer,
    ended_at,
    ended_on,
    end_reason,
    left_workload_on,
    contact_moments,
    follow_ups,
    is_abandoned,
    '{{ source }}:' || deals.opportunity_id as deal_id,
    opportunities,
    won_opportunities,
    response_minutes,
    business_response_minutes,
    waiting_minutes,
    business_waiting_minutes,
    is_sla_eligible,
    is_within_sla
from lead_fact
inner join rep_numbers as reps on lead_fact.rep_no = reps.rep_no
left join rep_numbers as first_reps on lead_fact.first_rep_no = first_reps.rep_no
left join (select rowid as deal_no, opportunity_id from opportunity) as deals on lead_fact.deal_no = deals.deal_no;

create table dim_sources as
select source, source <> 'unknown' as is_known, not {{ is_excluded }} as has_response_clock
from (select source from counted_lead union select source from deal where not is_deleted union select 'unknown');
