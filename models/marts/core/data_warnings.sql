-- One row per thing that a reader of the numbers should know of: what was left out, not understood or not complete, and how often.
with run as (
    select * from {{ ref('stg_zeven__run') }}
),

leads as (
    select * from {{ ref('int_leads_mapped') }}
),

left_out as (
    select * from {{ ref('int_leads_left_out') }}
),

matches as (
    select * from {{ ref('int_lead_matches') }}
),

activities as (
    select * from {{ ref('int_activities_mapped') }}
),

contact_moments as (
    select * from {{ ref('fct_contact_moments') }}
),

opportunities as (
    select * from {{ ref('fct_opportunities') }}
),

stages as (
    select * from {{ ref('stage_map') }}
),

all_opportunities as (
    select * from {{ ref('int_opportunities_gathered') }}
),

found as (
    select 'leads_left_out' as code, 'leads' as entity, reason as value, 'not counted' as consequence
    from left_out
    union all
    select 'not_matched' as code, 'leads' as entity, 'e-mail address of many' as value, 'counted in every source' as consequence
    from matches where matched_lead_id is null
    union all
    select 'unmapped_value' as code, 'leads' as entity, 'status ' || status as value, 'kept as spelt' as consequence
    from leads where has_unmapped_status
    union all
    select 'unmapped_value' as code, 'activities' as entity, 'activity_type ' || activity_type as value, 'no contact moments' as consequence
    from activities where activity_type not in ('call', 'email', 'meeting', 'message', 'task', 'note')
    union all
    select 'unmapped_value' as code, 'activities' as entity, 'direction ' || direction as value, 'taken as not outbound' as consequence
    from activities where direction not in ('outbound', 'inbound')
    union all
    select 'unknown_stage' as code, 'opportunities' as entity, 'stage ' || opportunities.stage as value, 'counted as qualified' as consequence
    from opportunities
    left join stages on {{ spelling('opportunities.stage') }} = stages.stage
    where stages.stage is null and opportunities.outcome is null
    union all
    select 'after_as_of' as code, 'activities' as entity, 'occurred after as_of' as value, 'not counted' as consequence
    from activities
    cross join run
    where not {{ has_happened('activities.occurred') }} and activities.is_completed
    union all
    select 'after_as_of' as code, 'opportunities' as entity, 'created after as_of' as value, 'not counted' as consequence
    from all_opportunities
    cross join run
    where not {{ has_happened('all_opportunities.created') }} and not all_opportunities.is_deleted
    union all
    select 'closed_without_date' as code, 'opportunities' as entity, outcome as value, 'in no period and never open' as consequence
    from opportunities where outcome is not null and closed_on is null
    union all
    select 'without_amount' as code, 'opportunities' as entity, 'no amount' as value, 'counted with value 0' as consequence
    from opportunities where not has_amount
    union all
    select 'unassigned' as code, 'opportunities' as entity, 'owner unknown' as value, 'under the rep unassigned' as consequence
    from opportunities where rep_id = 'unassigned'
    union all
    select 'tied_to_nothing' as code, 'contact_moments' as entity, 'no lead and no opportunity' as value, 'counted as unknown' as consequence
    from contact_moments where lead_id is null and opportunity_id is null
),

counted as (
    select
        code,
        entity,
        value,
        count(*) as records,
        replace(entity, '_', ' ') || ' (' || value || '): ' || cast(count(*) as {{ dbt.type_string() }}) || ' ' || consequence as message
    from found
    group by code, entity, value, consequence
)

select * from counted
