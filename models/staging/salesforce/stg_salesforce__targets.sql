-- One row per quota, of its period and its rep, team or the company.
-- Whoever forecasts for a role has the quota of its team: of the role itself where reps have it, else of the one role below it; at
-- the top it is the company's. A quota of several teams together is nobody's target here.
with quotas_source as (
    select * from {{ source('raw_salesforce', 'ForecastingQuota') }}
),

periods_source as (
    select * from {{ source('raw_salesforce', 'Period') }}
),

roles_source as (
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

quotas as (
    {{ newest_version('quotas_source', ['quotaownerid', 'startdate', 'periodid'], 'systemmodstamp') }}
),

periods as (
    {{ newest_version('periods_source', ['id']) }}
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

forecasts as (
    select
        roles._source,
        roles.forecastuserid,
        min(roles.id) as role_id,
        bool_or(roles.parentroleid is null) as is_top,
        bool_or(reps.id is not null) as has_reps,
        min(below.id) as lowest_below,
        max(below.id) as highest_below
    from roles
    left join reps on roles._source = reps._source and roles.id = reps.userroleid
    left join roles as below on roles._source = below._source and roles.id = below.parentroleid
    where roles.forecastuserid is not null
    group by roles._source, roles.forecastuserid
),

placed as (
    select
        quotas._source,
        case when forecasts.role_id is null then quotas.quotaownerid end as rep_id,
        case
            when coalesce(forecasts.is_top, true) then null
            when forecasts.has_reps then forecasts.role_id
            when forecasts.lowest_below = forecasts.highest_below then forecasts.lowest_below
        end as team_id,
        coalesce(forecasts.is_top, false) as is_companys,
        lower(coalesce(periods.type, 'month')) as period_type,
        quotas.currencyisocode,
        quotas.quotaamount,
        quotas.startdate
    from quotas
    left join periods on quotas._source = periods._source and quotas.periodid = periods.id
    left join forecasts on quotas._source = forecasts._source and quotas.quotaownerid = forecasts.forecastuserid
    where not quotas._is_deleted and coalesce(quotas.isamount, true) and quotas.quotaamount is not null
),

{{ salesforce_target_columns('placed') }}

select * from renamed
