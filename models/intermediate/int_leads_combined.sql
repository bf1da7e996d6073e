-- One row per lead that leads of other sources are counted as: what it and they say together.
-- A text is its own, else that of the first of them that has one. A person was converted, or became a customer, when the first of them
-- was, and is disqualified only where all are, since the last of them of which that is known.
{% set texts = ['owner_id', 'account_id', 'source', 'campaign', 'industry'] %}
with leads as (
    select * from {{ ref('int_leads_mapped') }}
),

matches as (
    select * from {{ ref('int_lead_matches') }} where matched_lead_id is not null
),

persons as (
    select matched_lead_id as person_id, lead_id from matches
    union
    select matched_lead_id as person_id, matched_lead_id as lead_id from matches
),

told as (
    select
        persons.person_id,
        leads.*,
        leads.status = 'disqualified' or leads.disqualified_on is not null as is_disqualified,
        row_number() over (
            partition by persons.person_id
            order by
                case when leads.lead_id = persons.person_id then 1 else 2 end,
                leads.created_on,
                leads.created_at nulls first,
                leads.lead_id
        ) as place
    from persons
    inner join leads on persons.lead_id = leads.lead_id
),

ranked as (
    select
        *,
        row_number() over (
            partition by person_id
            order by
                case status
                    when 'converted' then 1 when 'qualified' then 2 when 'new' then 4 when 'disqualified' then 5 else 3
                end,
                place
        ) as status_rank,
        {%- for moment in ['converted', 'became_customer'] %}
        row_number() over (
            partition by person_id order by {{ moment }}_on nulls last, {{ moment }}_at nulls first, place
        ) as {{ moment }}_rank,
        {%- endfor %}
        row_number() over (
            partition by person_id
            order by
                case when is_disqualified then 2 else 1 end asc,
                disqualified_on desc nulls last,
                disqualified_at desc nulls last,
                place asc
        ) as disqualified_rank
    from told
),

combined as (
    select
        person_id as lead_id,
        {%- for column in texts %}
        min_by({{ column }}, place) filter (where {{ column }} is not null) as {{ column }},
        {%- endfor %}
        max(case when status_rank = 1 then status end) as status,
        {%- for moment in ['converted', 'became_customer'] %}
        max(case when {{ moment }}_rank = 1 then {{ moment }}_at end) as {{ moment }}_at,
        max(case when {{ moment }}_rank = 1 then {{ moment }}_on end) as {{ moment }}_on,
        {%- endfor %}
        max(case when disqualified_rank = 1 and is_disqualified then disqualified_at end) as disqualified_at,
        max(case when disqualified_rank = 1 and is_disqualified then disqualified_on end) as disqualified_on
    from ranked
    group by person_id
)

select * from combined
