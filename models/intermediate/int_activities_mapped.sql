-- One row per activity of any CRM in canonical values.
with activities as (
    {{ union_crms('activities') }}
),

value_mappings as (
    select * from {{ ref('value_mappings') }}
),

mapped as (
    select
        activities.activity_id,
        activities.owner_id,
        activities.lead_id,
        activities.opportunity_id,
        activities.contact_id,
        coalesce(types.canonical_value, activities.activity_type) as activity_type,
        coalesce(directions.canonical_value, activities.direction) as direction,
        activities.is_automated,
        activities.is_completed,
        activities.is_deleted,
        activities.occurred_at,
        activities.occurred_on
    from activities
    left join value_mappings as types
        on types.field = 'activity_type' and {{ spelling('activities.activity_type') }} = types.spelling
    left join value_mappings as directions
        on directions.field = 'direction' and {{ spelling('activities.direction') }} = directions.spelling
)

select * from mapped
