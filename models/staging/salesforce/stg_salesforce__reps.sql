-- One row per rep: the newest version of the user.
with users_source as (
    select * from {{ source('raw_salesforce', 'User') }}
),

roles_source as (
    select * from {{ source('raw_salesforce', 'UserRole') }}
),

leads as (
    select * from {{ source('raw_salesforce', 'Lead') }}
),

opportunities as (
    select * from {{ source('raw_salesforce', 'Opportunity') }}
),

users as (
    {{ newest_version('users_source', ['id']) }}
),

roles as (
    {{ newest_version('roles_source', ['id']) }}
),

reps as (
    {{ salesforce_reps('users', 'roles', 'leads', 'opportunities') }}
),

dated as (
    select
        *,
        -- the day on which the user was made, where the org has no field of its own
        hiredon_z as hired_on,
        case when hiredon_z is null then createddate end as hired_at
    from reps
),

renamed as (
    select
        -- ids
        {{ source_id('id') }} as rep_id,
        {{ source_id('userroleid') }} as team_id,
        -- text
        name as rep_name,
        -- numerics
        leadcapacity_z as lead_capacity,
        -- booleans
        coalesce(isactive, true) and not _is_deleted as is_active,
        -- days
        {{ local_day('hired') }} as hired_on
    from dated
)

select * from renamed
