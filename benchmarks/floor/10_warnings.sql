-- What a reader should know of, from one look at the activities.
create table data_warnings as
with activities as (
    select
        types.canonical_value as activity_type,
        directions.canonical_value as direction,
        count(*) as records,
        count(*) filter (where occurred_at > run.as_of and coalesce(is_completed, true)) as later
    from newest_activities as activities
    cross join stg_zeven__run as run
    inner join activity_types as types on activities.activity_type = types.activity_type
    inner join activity_directions as directions on activities.direction is not distinct from directions.direction
    group by all
),

found as (
    select 'leads_left_out' as code, 'leads' as entity, reason as value, 'not counted' as consequence, count(*) as records
    from lead_left_out group by all
    union all
    select 'unmapped_value', 'leads', 'status ' || status, 'kept as spelt', count(*) from lead where is_unmapped group by all
    union all
    select 'unmapped_value', 'activities', 'activity_type ' || activity_type, 'no contact moments', sum(records)
    from activities where activity_type not in ('call', 'email', 'meeting', 'message', 'task', 'note') group by all
    union all
    select 'unmapped_value', 'activities', 'direction ' || direction, 'taken as not outbound', sum(records)
    from activities where direction not in ('outbound', 'inbound') group by all
    union all
    select 'after_as_of', 'activities', 'occurred after as_of', 'not counted', sum(later) from activities having sum(later) > 0
    union all
    select 'unknown_stage', 'opportunities', 'stage ' || deals.stage, 'counted as qualified', count(*)
    from fct_opportunities as deals
    left join stage_map on spelling(deals.stage) = stage_map.stage
    where stage_map.stage is null and deals.outcome is null
    group by all
    union all
    select 'after_as_of', 'opportunities', 'created after as_of', 'not counted', count(*)
    from newest_opportunities as deals, stg_zeven__run as run
    where deals.created_at > run.as_of and not coalesce(deals.is_deleted, false)
    having count(*) > 0
    union all
    select 'closed_without_date', 'opportunities', outcome, 'in no period and never open', count(*)
    from fct_opportunities where outcome is not null and closed_on is null group by all
    union all
    select 'without_amount', 'opportunities', 'no amount', 'counted with value 0', count(*)
    from fct_opportunities where not has_amount having count(*) > 0
    union all
    select 'unassigned', 'opportunities', 'owner unknown', 'under the rep unassigned', count(*)
    from fct_opportunities where rep_id = 'unassigned' having count(*) > 0
    union all
    select 'tied_to_nothing', 'contact_moments', 'no lead and no opportunity', 'counted as unknown', count(*)
    from moment where lead_no is null and deal_no is null having count(*) > 0
)

select
    code,
    entity,
    value,
    records::bigint as records,
    replace(entity, '_', ' ') || ' (' || value || '): ' || records::bigint || ' ' || consequence as message
from found;
