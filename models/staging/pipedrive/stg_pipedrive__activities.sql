-- One row per activity: its newest version.
with newest as (
    {{ newest_version(source('raw_pipedrive', 'activities'), ['id']) }}
),

-- What was entered as done tells by its due date when it happened; what was planned, by when it was ticked off.
dated as (
    select
        *,
        coalesce(done and marked_as_done_time <= add_time + interval 1 minute, false) as is_entered_done,
        cast({{ local_time('add_time') }} as date) as added_on
    from newest
),

happened as (
    select
        *,
        case
            when is_entered_done and due_at < add_time - interval 1 minute then due_at
            when is_entered_done and due_at is null and due_date < added_on then null
            when done then coalesce(marked_as_done_time, due_at, case when due_date is null then add_time end)
            else coalesce(due_at, case when due_date is null then add_time end)
        end as occurred_at
    from dated
),

renamed as (
    select
        -- ids
        {{ source_id('id') }} as activity_id,
        {{ source_id('owner_id') }} as owner_id,
        {{ source_id('lead_id') }} as lead_id,
        {{ source_id('deal_id') }} as opportunity_id,
        {{ source_id('person_id') }} as contact_id,
        -- text
        type as activity_type,
        -- Pipedrive knows none: a company that tells them apart has types of its own for what comes in
        case
            when lower(type) like 'inbound%' or lower(type) like 'incoming%' or lower(type) like 'inkomend%' then 'inbound'
            else 'outbound'
        end as direction,
        -- booleans
        false as is_automated,
        coalesce(done, false) as is_completed,
        _is_deleted or coalesce(is_deleted, false) as is_deleted,
        -- moments
        occurred_at,
        coalesce(cast({{ local_time('occurred_at') }} as date), due_date) as occurred_on
    from happened
)

select * from renamed
