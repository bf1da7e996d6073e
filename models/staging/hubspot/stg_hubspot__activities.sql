-- One row per call, e-mail, meeting, task or message: its newest version, with the lead or contact and the deal linked to it.
{%- set kinds = {
    'calls': ("'call'", "hs_call_direction", "coalesce(hs_call_status, 'COMPLETED') = 'COMPLETED'", "hs_timestamp"),
    'emails': ("'email'", "hs_email_direction", "coalesce(hs_email_status, 'SENT') = 'SENT'", "hs_timestamp"),
    'meetings': (
        "'meeting'", "cast(null as string)", "coalesce(hs_meeting_outcome not in ('CANCELED', 'NO_SHOW', 'RESCHEDULED'), true)",
        "coalesce(hs_meeting_start_time, hs_timestamp)"
    ),
    'tasks': ("'task'", "cast(null as string)", "coalesce(hs_task_status = 'COMPLETED', false)", "hs_timestamp"),
    'communications': ("hs_communication_channel_type", "cast(null as string)", "true", "hs_timestamp"),
} %}
with
{%- for table in ['account', 'associations', 'contacts', 'leads'] %}
{{ table }} as (
    select * from {{ source('raw_hubspot', table) }}
),
{% endfor %}
{% for object_type in kinds %}
newest_{{ object_type }} as (
    {{ newest_version(source('raw_hubspot', object_type), ['id']) }}
),

{% endfor %}
modes as (
    {{ newest_version('account', ['1']) }}
),

linked as (
    {{ hubspot_linked() }}
),

together as (
    {%- for object_type, told in kinds.items() %}
    select
        _source,
        '{{ object_type }}' as object_type,
        id,
        hubspot_owner_id,
        {{ told[0] }} as activity_type,
        {{ told[1] }} as direction,
        {{ told[2] }} as is_completed,
        {{ told[3] }} as occurred_at,
        hs_object_source,
        _is_deleted or coalesce(archived, false) as is_deleted
    from newest_{{ object_type }}
    {%- if not loop.last %}
    union all{% endif %}
    {%- endfor %}
),

renamed as (
    select
        -- ids
        together._source || ':' || together.id as activity_id,
        together._source || ':' || together.hubspot_owner_id as owner_id,
        together._source || ':'
        || case when modes.leads = 'leads' then linked.linked_lead_id else linked.linked_contact_id end as lead_id,
        together._source || ':' || linked.linked_deal_id as opportunity_id,
        together._source || ':' || case when modes.leads = 'leads' then linked.linked_contact_id end as contact_id,
        -- text
        together.activity_type,
        coalesce(together.direction, 'outbound') as direction,
        -- booleans: what a workflow or a sequence of marketing sent, nobody did
        coalesce(together.hs_object_source in ('AUTOMATION_PLATFORM', 'WORKFLOWS'), false) as is_automated,
        together.is_completed,
        together.is_deleted,
        -- moments
        together.occurred_at,
        cast({{ local_time('together.occurred_at') }} as date) as occurred_on
    from together
    left join modes on together._source = modes._source
    left join linked
        on together._source = linked._source and together.object_type = linked.from_type and together.id = linked.from_id
    where together.occurred_at is not null
)

select * from renamed
