-- Leads and opportunities as they were known at the run's instant, by number (rowid) instead of by id.

create temp table team_numbers as select row_number() over (order by team_id) - 1 as team_no, team_id from dim_teams;
create temp table rep_numbers as
select row_number() over (order by dim_reps.rep_id) - 1 as rep_no, dim_reps.rep_id, dim_reps.team_id, team_numbers.team_no
from dim_reps
inner join team_numbers on dim_reps.team_id = team_numbers.team_id;

create temp table lead_statuses as
select statuses.status, coalesce(mappings.canonical_value, statuses.status, 'new') as canonical_status,
    statuses.status is not null and mappings.canonical_value is null as is_unmapped
from (select distinct status from raw_leads) as statuses
left join value_mappings_seed as mappings on mappings.field = 'lead_status' and spelling(statuses.status) = mappings.spelling;

create temp table lead as
select
    leads.lead_id,
    leads.owner_id,
    leads.account_id,
    leads.contact_id,
    leads.duplicate_of,
    leads.source,
    leads.campaign,
    leads.industry,
    case
        when canonical_status = 'converted' and converted_at > run.as_of then 'working'
        when canonical_status = 'disqualified' and disqualified_at > run.as_of then 'working'
        else canonical_status
    end as status,
    is_unmapped,
    coalesce(is_deleted, false) as is_deleted,
    created_at <= run.as_of as is_created,
    created_at,
    {{ local_day('created') }} as created_on,
    case when converted_at <= run.as_of then {{ local_day('converted') }} end as converted_on,
    case when disqualified_at <= run.as_of then disqualified_at end as disqualified_at,
    case when disqualified_at <= run.as_of then {{ local_day('disqualified') }} end as disqualified_on,
    case when became_customer_at <= run.as_of then became_customer_at end as became_customer_at,
    case when became_customer_at <= run.as_of then cast(local_time(became_customer_at) as date) end as became_customer_on,
    -- of what lies after the run's instant only the first day of all asks
    least(created_at, converted_at, disqualified_at, became_customer_at) as first_at
from newest_leads as leads
cross join stg_zeven__run as run
left join lead_statuses on leads.status is not distinct from lead_statuses.status
{{ hour_of('created') }}
{{ hour_of('converted') }}
{{ hour_of('disqualified') }};

-- merges: only the few that were merged, and what they point to, are followed
create temp table merged as
with recursive pairs as (
    select here.lead_id as from_id, there.lead_id as to_id
    from lead as here
    inner join lead as there on here.duplicate_of = there.lead_id
    where here.duplicate_of <> here.lead_id
),

reached as (
    select from_id, to_id, least(from_id, to_id) as lowest_id, 1 as hops from pairs
    union all
    select reached.from_id, pairs.to_id, least(reached.lowest_id, pairs.to_id), reached.hops + 1
    from reached
    inner join pairs on reached.to_id = pairs.from_id
    where reached.hops < 64
),

ended as (
    select from_id, arg_max(to_id, hops) as end_id, arg_max(lowest_id, hops) as lowest_id, max(hops) as hops
    from reached
    group by from_id
)

-- whoever still points on after all hops goes round in a circle, of which the lowest id stays
select ended.from_id as lead_id, case when ended.hops < 64 then ended.end_id else circle.lowest_id end as survivor_lead_id
from ended
left join ended as circle on ended.end_id = circle.from_id;

create temp table lead_left_out as
select
    lead.rowid as lead_no,
    case
        when not lead.is_created then 'created after as_of'
        when merged.survivor_lead_id <> lead.lead_id then 'merged'
        when lead.is_deleted then 'deleted'
    end as reason
from lead
left join merged on lead.lead_id = merged.lead_id
where not lead.is_created or lead.is_deleted or merged.survivor_lead_id <> lead.lead_id;

create temp table counted_lead as
select
    lead.rowid as lead_no,
    lead.lead_id,
    coalesce(rep_numbers.rep_no, (select rep_no from rep_numbers where rep_id = 'unassigned')) as rep_no,
    lead.account_id,
    coalesce(lead.source, 'unknown') as source,
    coalesce(lead.campaign, 'unknown') as campaign,
    coalesce(lead.industry, dim_accounts.industry, 'unknown') as industry,
    lead.status,
    lead.created_at,
    lead.created_on,
    lead.converted_on,
    lead.disqualified_at,
    lead.disqualified_on,
    lead.became_customer_at,
    lead.became_customer_on
from lead
left join rep_numbers on '{{ source }}:' || lead.owner_id = rep_numbers.rep_id
left join dim_accounts on '{{ source }}:' || lead.account_id = dim_accounts.account_id
anti join lead_left_out on lead.rowid = lead_left_out.lead_no;

-- which lead that counts a link to a lead means
create temp table lead_links as
select lead_id, lead_no from counted_lead
union all
select merged.lead_id, counted_lead.lead_no
from merged
inner join counted_lead on merged.survivor_lead_id = counted_lead.lead_id
where merged.lead_id <> counted_lead.lead_id;

-- what the history tells, and which of its columns it ever fills
create temp table told as
select opportunity_id, changed_at, stage, owner_id, upper(currency) as currency, amount, probability, expected_close_on
from ({{ newest('opportunity_history', 'opportunity_id, changed_at') }});

create temp table tells as
select
    {%- for column in ['owner_id', 'currency', 'amount', 'probability', 'expected_close_on'] %}
    bool_or({{ column }} is not null) as tells_{{ column }},
    {%- endfor %}
from told;

create temp table opportunity as
with last_changes as (
    select opportunity_id, max(changed_at) as changed_at
    from told, stg_zeven__run as run
    where told.changed_at <= run.as_of
    group by opportunity_id
),

described as (
    select
        deals.opportunity_id,
        counted_lead.lead_no,
        deals.account_id,
        deals.owner_id,
        counted_lead.rep_no as lead_rep_no,
        coalesce('{{ source }}:' || deals.product_id, 'unknown') as product_id,
        coalesce(deals.source, counted_lead.source, 'unknown') as source,
        coalesce(nullif(dim_accounts.industry, 'unknown'), counted_lead.industry, 'unknown') as industry,
        deals.stage,
        deals.lost_reason,
        coalesce(upper(deals.currency), '{{ currency }}') as currency,
        deals.amount,
        deals.probability,
        deals.created_at,
        cast(local_time(deals.created_at) as date) as created_on,
        deals.expected_close_on,
        deals.closed_on,
        case when deals.is_won then 'won' when not deals.is_won then 'lost' else stage_map.outcome end as outcome,
        -- the record of today comes after all that the history tells; this is the first run that sees it
        greatest(coalesce(deals.updated_at, run.as_of), last_changes.changed_at) as told_at,
        coalesce(deals.is_deleted, false) and coalesce(greatest(deals.updated_at, last_changes.changed_at) <= run.as_of, true) as is_deleted,
        case when deals.is_deleted and deals.updated_at is not null then greatest(deals.updated_at, last_changes.changed_at) end as deleted_at,
        run.closed_through
    from newest_opportunities as deals
    cross join stg_zeven__run as run
    left join last_changes on deals.opportunity_id = last_changes.opportunity_id
    left join lead_links on deals.lead_id = lead_links.lead_id
    left join counted_lead on lead_links.lead_no = counted_lead.lead_no
    left join dim_accounts on '{{ source }}:' || deals.account_id = dim_accounts.account_id
    left join stage_map on spelling(deals.stage) = stage_map.stage
    where deals.created_at <= run.as_of
)

select
    * exclude (closed_through),
    outcome is not null and coalesce(closed_on <= closed_through, false) as is_closed,
    outcome is null or coalesce(closed_on > closed_through, false) as is_open
from described;

-- the first day of all: the local day grows with the instant, so one conversion is enough
create temp table int_record_bounds as
select least(cast(local_time(least(leads.first_at, deals.first_at, calls.first_at)) as date), deals.first_closed_on, run.as_of_on) as first_on
from (select min(first_at) as first_at from lead) as leads,
    (select min(created_at) as first_at, min(closed_on) as first_closed_on from newest_opportunities) as deals,
    (select min(occurred_at) as first_at from newest_activities) as calls,
    stg_zeven__run as run;

-- the parts of an opportunity's amount that its products have
create temp table product_shares as
with lines as (
    select opportunity_id, '{{ source }}:' || product_id as product_id, greatest(coalesce(amount, 0), 0) as amount
    from ({{ newest('opportunity_products', 'opportunity_id, product_id') }})
),

weighted as (
    select
        opportunity.rowid as deal_no,
        lines.product_id,
        lines.amount,
        sum(lines.amount) over deal as whole,
        sum(lines.amount) over running as through,
        row_number() over running as line_number,
        count(*) over deal as line_count
    from lines
    inner join opportunity on lines.opportunity_id = opportunity.opportunity_id
    window deal as (partition by opportunity.rowid), running as (partition by opportunity.rowid order by lines.product_id rows unbounded preceding)
)

select
    deal_no,
    product_id,
    case when whole > 0 then cast((through - amount) as double) / whole else cast(line_number - 1 as double) / line_count end as share_from,
    case when whole > 0 then cast(through as double) / whole else cast(line_number as double) / line_count end as share_to
from weighted
union all
select opportunity.rowid, opportunity.product_id, 0::double, 1::double
from opportunity
anti join weighted on opportunity.rowid = weighted.deal_no;

create temp view int_opportunities_gathered as
select distinct '{{ source }}:' || product_id as product_id from newest_opportunities;

create temp view stg_files__opportunity_products as
select distinct '{{ source }}:' || product_id as product_id from raw_opportunity_products;
