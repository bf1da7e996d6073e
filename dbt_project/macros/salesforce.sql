{# What several staging models of Salesforce say alike. #}

{#
    The reps: users of the org's own people, but for those who forecast for others and own neither lead nor opportunity. Columns
    _source, id, userroleid and all else of the user. The arguments are relations of newest versions.
#}
{% macro salesforce_reps(users, roles, leads, opportunities) -%}
    select users.*
    from {{ users }} as users
    where
        coalesce(users.usertype, 'Standard') = 'Standard'
        and (
            not exists (
                select 1 from {{ roles }} as forecasts
                where forecasts._source = users._source and forecasts.forecastuserid = users.id
            )
            or exists (
                select 1 from {{ leads }} as owned
                where owned._source = users._source and owned.ownerid = users.id
            )
            or exists (
                select 1 from {{ opportunities }} as owned
                where owned._source = users._source and owned.ownerid = users.id
            )
        )
{%- endmacro %}

{# Lines of opportunities that count. A deal that is deleted takes its lines along: they still say what it was made of. #}
{% macro salesforce_lines(lines, opportunities) -%}
    select lines.*
    from {{ lines }} as lines
    inner join {{ opportunities }} as deals on lines._source = deals._source and lines.opportunityid = deals.id
    where
        lines.product2id is not null
        and (
            not (lines._is_deleted or coalesce(lines.isdeleted, false))
            or deals._is_deleted
            or coalesce(deals.isdeleted, false)
        )
{%- endmacro %}

{# The canonical columns of a lead, as CTE `renamed`. #}
{% macro salesforce_lead_columns(leads, conversions, disqualifications, first_members, contacts) -%}
told as (
    select
        leads.*,
        first_members.campaign,
        -- the contact that is left where the lead's was merged, twice at most
        coalesce(masters.masterrecordid, contacts.masterrecordid, leads.convertedcontactid) as surviving_contact_id,
        leads.createddate as created_at,
        cast(null as date) as created_on,
        case when leads.isconverted then conversions.converted_at end as converted_at,
        case when leads.isconverted and conversions.converted_at is null then leads.converteddate end as converted_on,
        case when not leads.isconverted and statuses.spelling is not null then disqualifications.disqualified_at end
            as disqualified_at,
        cast(null as date) as disqualified_on
    from {{ leads }} as leads
    left join {{ conversions }} as conversions on leads._source = conversions._source and leads.id = conversions.leadid
    left join {{ disqualifications }} as disqualifications
        on leads._source = disqualifications._source and leads.id = disqualifications.leadid
    left join value_mappings as statuses on {{ spelling('leads.status') }} = statuses.spelling
    left join {{ first_members }} as first_members
        on leads._source = first_members._source and leads.id = first_members.leadid and first_members.member_rank = 1
    left join {{ contacts }} as contacts on leads._source = contacts._source and leads.convertedcontactid = contacts.id
    left join {{ contacts }} as masters on contacts._source = masters._source and contacts.masterrecordid = masters.id
),

renamed as (
    select
        -- ids
        {{ source_id('id') }} as lead_id,
        {{ source_id('ownerid') }} as owner_id,
        {{ source_id('convertedaccountid') }} as account_id,
        {{ source_id('surviving_contact_id') }} as contact_id,
        {{ source_id('masterrecordid') }} as duplicate_of,
        {{ hashed_address('email') }} as email_hash,
        -- text
        leadsource as source,
        campaign,
        industry as industry,
        case when isconverted then 'converted' else status end as status,
        -- booleans
        -- the one that is gone after a merge is deleted too: it lives on in the other
        masterrecordid is null and (_is_deleted or coalesce(isdeleted, false)) as is_deleted,
        -- moments
        created_at,
        {{ local_day('created') }} as created_on,
        converted_at,
        {{ local_day('converted') }} as converted_on,
        disqualified_at,
        {{ local_day('disqualified') }} as disqualified_on,
        cast(null as timestamp) as became_customer_at,
        cast(null as date) as became_customer_on
    from told
)
{%- endmacro %}

{# The canonical columns of a change of an opportunity, as CTE `renamed`: what held at each instant. #}
{% macro salesforce_history_columns(instants, snapshots, owners) -%}
renamed as (
    select
        -- ids
        instants._source || ':' || instants.opportunityid as opportunity_id,
        instants._source || ':' || owners.owner_id as owner_id,
        -- text
        snapshots.stagename as stage,
        snapshots.currencyisocode as currency,
        -- numerics
        snapshots.amount as amount,
        snapshots.probability / 100e0 as probability,
        -- moments
        instants.changed_at,
        cast({{ local_time('instants.changed_at') }} as date) as changed_on,
        snapshots.closedate as expected_close_on
    from {{ instants }} as instants
    inner join {{ snapshots }} as snapshots
        on instants._source = snapshots._source
        and instants.opportunityid = snapshots.opportunityid
        and instants.changed_at >= snapshots.createddate
        and instants.changed_at < snapshots.valid_to
    left join {{ owners }} as owners
        on instants._source = owners._source
        and instants.opportunityid = owners.opportunityid
        and instants.changed_at >= owners.valid_from
        and instants.changed_at < coalesce(owners.valid_to, timestamp '9999-12-31 00:00:00')
)
{%- endmacro %}

{# The canonical columns of an activity, as CTE `renamed`. #}
{% macro salesforce_activity_columns(tasks, events, mails, robots) -%}
told_tasks as (
    select
        tasks._source, tasks.id, tasks.ownerid, tasks.createdbyid, tasks.whoid, tasks.whatid,
        case
            -- an internal call is no talk with a prospect
            when tasks.calltype = 'Internal' then 'task'
            when tasks.tasksubtype in ('Call', 'Email', 'ListEmail', 'LinkedIn') then tasks.tasksubtype
            else coalesce(tasks.type, 'task')
        end as activity_type,
        coalesce(
            tasks.direction_z,
            case when mails.is_incoming then 'inbound' when tasks.calltype = 'Inbound' then 'inbound' end,
            'outbound'
        ) as direction,
        coalesce(tasks.isautomated_z, tasks.tasksubtype = 'ListEmail', false) as is_automated,
        coalesce(tasks.isclosed, tasks.status = 'Completed', false) as is_completed,
        tasks._is_deleted or coalesce(tasks.isdeleted, false) as is_deleted,
        -- what was done before it was written down has only a day
        case
            when mails.sent_at is not null then mails.sent_at
            when tasks.completeddatetime is null and tasks.activitydate is not null then cast(null as timestamp)
            when
                tasks.activitydate < cast({{ local_time('tasks.completeddatetime') }} as date)
                and tasks.completeddatetime <= tasks.createddate + interval 1 minute
                then cast(null as timestamp)
            else coalesce(tasks.completeddatetime, tasks.createddate)
        end as occurred_at,
        tasks.activitydate as day_told
    from {{ tasks }} as tasks
    left join {{ mails }} as mails on tasks._source = mails._source and tasks.id = mails.activityid
    where not coalesce(tasks.isrecurrence, false)
),

told_events as (
    select
        _source, id, ownerid, createdbyid, whoid, whatid,
        case when type is null or lower(type) = 'other' then 'meeting' else type end as activity_type,
        coalesce(direction_z, 'outbound') as direction,
        false as is_automated,
        -- an event has no status: it has happened when its time has come
        coalesce(iscompleted_z, true) as is_completed,
        _is_deleted or coalesce(isdeleted, false) as is_deleted,
        case when not coalesce(isalldayevent, false) then startdatetime end as occurred_at,
        coalesce(activitydate, cast(startdatetime as date)) as day_told
    from {{ events }}
    -- what was sent to those who were invited, and the rule of a series, are no meetings of their own
    where not coalesce(ischild, false) and not coalesce(isrecurrence, false) and not coalesce(isrecurrence2, false)
),

told as (
    select * from told_tasks
    union all
    select * from told_events
),

dated as (
    select
        told.*,
        robots.id is not null as is_of_a_robot,
        case when told.occurred_at is null then told.day_told end as occurred_on
    from told
    left join {{ robots }} as robots on told._source = robots._source and told.createdbyid = robots.id
),

renamed as (
    select
        -- ids
        {{ source_id('id') }} as activity_id,
        {{ source_id('ownerid') }} as owner_id,
        case when whoid like '00Q%' then {{ source_id('whoid') }} end as lead_id,
        case when whatid like '006%' then {{ source_id('whatid') }} end as opportunity_id,
        case when whoid like '003%' then {{ source_id('whoid') }} end as contact_id,
        -- text
        activity_type,
        direction,
        -- booleans
        is_automated or is_of_a_robot as is_automated,
        is_completed,
        is_deleted,
        -- moments
        occurred_at,
        {{ local_day('occurred') }} as occurred_on
    from dated
    where occurred_at is not null or occurred_on is not null
)
{%- endmacro %}

{# The canonical columns of a target, as CTE `renamed`. #}
{% macro salesforce_target_columns(placed) -%}
renamed as (
    select
        {{ source_id('rep_id') }} as rep_id,
        {{ source_id('team_id') }} as team_id,
        period_type,
        coalesce(upper(currencyisocode), '{{ var("currency") }}') as currency,
        quotaamount as target_amount,
        startdate as period_start
    from {{ placed }}
    where rep_id is not null or team_id is not null or is_companys
)
{%- endmacro %}
