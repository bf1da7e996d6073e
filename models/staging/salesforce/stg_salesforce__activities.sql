-- One row per task or event: its newest version.
with tasks_source as (
    select * from {{ source('raw_salesforce', 'Task') }}
),

events_source as (
    select * from {{ source('raw_salesforce', 'Event') }}
),

messages_source as (
    select * from {{ source('raw_salesforce', 'EmailMessage') }}
),

users_source as (
    select * from {{ source('raw_salesforce', 'User') }}
),

tasks as (
    {{ newest_version('tasks_source', ['id']) }}
),

events as (
    {{ newest_version('events_source', ['id']) }}
),

messages as (
    {{ newest_version('messages_source', ['id']) }}
),

users as (
    {{ newest_version('users_source', ['id']) }}
),

mails as (
    select _source, activityid, bool_or(incoming) as is_incoming, min(messagedate) as sent_at
    from messages
    where activityid is not null
    group by _source, activityid
),

robots as (
    select _source, id from users where usertype <> 'Standard'
),

{{ salesforce_activity_columns('tasks', 'events', 'mails', 'robots') }}

select * from renamed
