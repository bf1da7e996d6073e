-- One row per lead that does not count, whatever other sources say of the person, with the reason: merged, deleted, made after the
-- run's instant, or a rule of the settings.
with leads as (
    select
        *,
        -- the rules see a lead's own columns and nothing else
        case
            {%- for exclusion in var('lead_exclusions') %}
            when ({{ exclusion.condition }}) then {{ text_literal(exclusion.reason) }}
            {%- endfor %}
            when false then 'no rule'
        end as excluded_for
    from {{ ref('int_leads_mapped') }}
),

merged as (
    select * from {{ ref('int_lead_merges') }}
),

judged as (
    select
        leads.lead_id,
        case
            when not leads.is_created then 'created after as_of'
            when merged.remaining_lead_id <> leads.lead_id then 'merged'
            when leads.is_deleted then 'deleted'
            else leads.excluded_for
        end as reason
    from leads
    inner join merged on leads.lead_id = merged.lead_id
),

excluded as (
    select * from judged where reason is not null
)

select * from excluded
