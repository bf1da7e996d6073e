-- One row per lead of a person whose first lead is another source's: the lead of that source that it is counted as; null where so
-- many leads have the e-mail address that it is no one person's.
-- It is the last one that came in before it or with it, and there always is one: the first of all is one of them.
{% set in_order = 'created_on, created_at nulls first, lead_id' %}
with leads as (
    select * from {{ ref('int_leads_mapped') }}
),

excluded as (
    select * from {{ ref('int_leads_excluded') }}
),

recognised as (
    select
        leads.lead_id,
        leads.email_hash,
        leads.created_at,
        leads.created_on,
        {{ id_source('leads.lead_id') }} as own_source
    from leads
    left join excluded on leads.lead_id = excluded.lead_id
    where
        excluded.lead_id is null
        and leads.email_hash is not null
        and {{ 'true' if var('match_leads_by') == 'email' else 'false' }}
),

together as (
    select
        *,
        own_source = first_value(own_source) over (partition by email_hash order by {{ in_order }}) as is_at_home,
        count(*) over (partition by email_hash) as leads_of_person
    from recognised
),

numbered as (
    select
        lead_id,
        email_hash,
        is_at_home,
        leads_of_person,
        -- a lead of another source comes after all that it can be compared with: a plain day after the instants of that day
        count(case when is_at_home then 1 end) over (
            partition by email_hash
            order by
                created_on,
                case when created_at is not null then 2 when is_at_home then 1 else 3 end,
                created_at nulls first,
                case when is_at_home then 1 else 2 end,
                lead_id
            rows between unbounded preceding and current row
        ) as home_lead_number
    from together
),

joined as (
    select
        lead_id,
        is_at_home,
        leads_of_person,
        max(case when is_at_home then lead_id end) over (partition by email_hash, home_lead_number) as home_lead_id
    from numbered
),

matched as (
    select lead_id, case when leads_of_person <= {{ var('leads_of_one_person') }} then home_lead_id end as matched_lead_id
    from joined
    where not is_at_home
)

select * from matched
