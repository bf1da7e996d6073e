-- One row per team: a role that some rep has. Salesforce knows no region of a role.
with roles_source as (
    select * from {{ source('raw_salesforce', 'UserRole') }}
),

users_source as (
    select * from {{ source('raw_salesforce', 'User') }}
),

leads as (
    select * from {{ source('raw_salesforce', 'Lead') }}
),

opportunities as (
    select * from {{ source('raw_salesforce', 'Opportunity') }}
),

roles as (
    {{ newest_version('roles_source', ['id']) }}
),

users as (
    {{ newest_version('users_source', ['id']) }}
),

reps as (
    {{ salesforce_reps('users', 'roles', 'leads', 'opportunities') }}
),

renamed as (
    select
        {{ source_id('roles.id') | replace('_source', 'roles._source') }} as team_id,
        roles.name as team_name,
        cast(null as {{ dbt.type_string() }}) as region
    from roles
    where exists (select 1 from reps where reps._source = roles._source and reps.userroleid = roles.id)
)

select * from renamed
